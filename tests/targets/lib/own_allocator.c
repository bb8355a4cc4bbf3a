/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of 16 bytes and more out of an arena, each in a slot of a power of two; freed
 * slots are kept by size. What matters is who calls whom: a free that jumps on, one that
 * calls on only sometimes, a realloc out of malloc and free.
 */
#include "own_allocator.h"

#include <stdint.h>
#include <string.h>

#define ARENA (8u << 20)
#define CLASSES 24

struct slot {
	size_t class; /* its size is 16 << class, this header included */
	struct slot *next;
};

static union {
	struct slot first;
	unsigned char bytes[ARENA];
} arena;
static size_t used;
static struct slot *spare[CLASSES];

void *je_malloc(size_t size)
{
	struct slot *slot;
	size_t class = 1;

	while (class < CLASSES && (16ull << class) < size + sizeof(struct slot))
		class++;
	if (class >= CLASSES - 1)
		return NULL;
	slot = spare[class];
	if (slot) {
		spare[class] = slot->next;
	} else {
		if ((16ull << class) > ARENA - used)
			return NULL;
		slot = (struct slot *)(arena.bytes + used);
		slot->class = class;
		used += 16ull << class;
	}
	return slot + 1;
}

void je_free(void *block)
{
	struct slot *slot = (struct slot *)block - 1;

	if (!block)
		return;
	slot->next = spare[slot->class];
	spare[slot->class] = slot;
}

size_t je_malloc_usable_size(const void *block)
{
	return (16ull << ((const struct slot *)block - 1)->class) - sizeof(struct slot);
}

void *je_calloc(size_t count, size_t size)
{
	void *block = je_malloc(count * size);

	return block ? memset(block, 0, count * size) : NULL;
}

void *je_realloc(void *block, size_t size)
{
	void *moved = je_malloc(size);

	if (block && moved) {
		size_t room = je_malloc_usable_size(block);

		memcpy(moved, block, room < size ? room : size);
		je_free(block);
	}
	return moved;
}

/* Blocks are 16-byte aligned, and nobody here asks for more. */
void *je_aligned_alloc(size_t alignment, size_t size)
{
	return alignment <= 16 ? je_malloc(size) : NULL;
}

int je_posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = je_aligned_alloc(alignment, size);
	return *out ? 0 : 12;
}

void *je_mallocx(size_t size, int flags)
{
	return flags ? je_calloc(1, size) : je_malloc(size);
}

void *je_rallocx(void *block, size_t size, int flags)
{
	(void)flags;
	return je_realloc(block, size);
}

size_t je_xallocx(void *block, size_t size, size_t extra, int flags)
{
	(void)size;
	(void)extra;
	(void)flags;
	return je_malloc_usable_size(block);
}

void je_sdallocx(void *block, size_t size, int flags)
{
	(void)size;
	(void)flags;
	je_free(block);
}

void je_dallocx(void *block, int flags)
{
	(void)flags;
	if (block)
		je_free(block);
}

/* Puts small ones back itself. */
void je_free_sized(void *block, size_t size)
{
	struct slot *slot = (struct slot *)block - 1;

	if (size > 100) {
		je_free(block);
	} else {
		slot->next = spare[slot->class];
		spare[slot->class] = slot;
	}
}

void je_free_aligned_sized(void *block, size_t alignment, size_t size)
{
	(void)alignment;
	je_free_sized(block, size);
}
