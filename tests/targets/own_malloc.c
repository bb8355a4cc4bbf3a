/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own_malloc: a program that defines malloc and its kin, each of which counts and calls
 * the next one by a pointer from dlsym. Every block is allocated and freed twice, by the
 * program's function and inside it by the C library's; it shall count once.
 */
#include <dlfcn.h>

#include "counted.h"

#define ROUNDS 307

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);

static volatile uint64_t calls;
static void *kept[ROUNDS];

/* Before the pointers are known the C library's own calls are served from here. */
static char early[65536];
static size_t early_used;

static void *early_block(size_t size)
{
	void *block = early + early_used;

	early_used += (size + 15) & ~(size_t)15;
	return early_used <= sizeof(early) ? block : NULL;
}

static bool is_early(const void *block)
{
	return (const char *)block >= early && (const char *)block < early + sizeof(early);
}

void *malloc(size_t size)
{
	void *block = next_malloc ? next_malloc(size) : early_block(size);

	calls++;
	return block;
}

void *calloc(size_t count, size_t size)
{
	void *block = next_calloc ? next_calloc(count, size) : early_block(count * size);

	calls++;
	return block;
}

void *realloc(void *block, size_t size)
{
	calls++;
	return next_realloc(block, size);
}

void free(void *block)
{
	calls++;
	if (next_free && !is_early(block))
		next_free(block);
}

__attribute__((constructor)) static void find_next(void)
{
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
}

__attribute__((noinline)) static void work(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *block = made(malloc(1009), 1009);

		going(block, 1009);
		block = made(realloc(block, 20011), 20011);
		free(going(block, 20011));
		kept[i] = made(calloc(3, 41), 123);
		if (i % 3 == 0)
			free(going(kept[i], 123));
		free(NULL);
	}
}

int main(int argc, char **argv)
{
	target_ready(argc, argv);
	work();
	target_print("{\"truth\":{\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,"
		     "\"freed_bytes\":%ju,\"freed_blocks\":%ju,\"failed_calls\":0}}\n",
		     (uintmax_t)allocated_bytes, (uintmax_t)allocated_blocks,
		     (uintmax_t)freed_bytes, (uintmax_t)freed_blocks);
	target_finish();
}
