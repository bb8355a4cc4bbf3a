/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/snapshot_owner.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct snapshot_chunk {
	struct snapshot_chunk *next;
	max_align_t data[];
};

_Static_assert(offsetof(struct snapshot_owner, snapshot) == 0, "snapshot_free casts back");

void *owner_keep(struct snapshot_owner *owner, size_t count, size_t size)
{
	struct snapshot_chunk *chunk;

	if (count > (SIZE_MAX - sizeof(*chunk)) / size)
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + count * size);
	if (!chunk)
		return NULL;
	chunk->next = owner->chunks;
	owner->chunks = chunk;
	return chunk->data;
}

char *owner_text(struct snapshot_owner *owner, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	char *copy = owner_keep(owner, length + 1, 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

void snapshot_free(struct snapshot *snapshot)
{
	struct snapshot_owner *owner = (struct snapshot_owner *)snapshot;

	if (!owner)
		return;
	while (owner->chunks) {
		struct snapshot_chunk *next = owner->chunks->next;

		free(owner->chunks);
		owner->chunks = next;
	}
	free(owner);
}
