/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of the live block table: entries in the order of their hashes; see shard.c. */
#ifndef OUTLIVE_LEDGER_SHARD_H
#define OUTLIVE_LEDGER_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_HASH_BITS 56
#define ENTRY_INHERITED (1ull << 16) /* in word 2 */

/*
 * One block in 24 bytes:
 *
 *   word 0   hash    63..8    cell bits 31..24 in 7..0
 *   word 1   birth   63..8    cell bits 23..16 in 7..0
 *   word 2   size    63..17   inherited in 16   cell bits 15..0 in 15..0
 *
 * Hash 0 marks a free place.
 */
struct entry {
	uint64_t word[3];
};

_Static_assert(sizeof(struct entry) == 24, "the table's promise of 40 bytes per block rests on it");

static inline uint64_t entry_hash(const struct entry *entry)
{
	return entry->word[0] >> 8;
}

struct blocks_shard {
	struct entry *entries; /* capacity + tail + 1 places */
	uint32_t count;
	uint32_t capacity; /* homes */
	uint32_t tail;
	unsigned int depth; /* top bits of the hash that all its entries share */
	uint32_t references; /* tables that hold it; only one that is alone may change it */
	/* The table whose own blocks these are; to others all of them are inherited. NULL: to
	 * all, since that table has it no more. */
	const void *owner;
};

/* Places [from, end) of a shard, to be copied. */
struct shard_part {
	const struct entry *from, *end;
};

/*
 * A new shard of `depth` with the entries of two parts, the hashes of the second
 * all larger, `count` in all. It is not full. NULL without memory. Release with
 * shard_free.
 */
struct blocks_shard *shard_new(const struct shard_part parts[2], uint32_t count,
			       unsigned int depth);
void shard_free(struct blocks_shard *shard);

/* A shard with the same entries, of one reference and no owner. NULL without memory. */
struct blocks_shard *shard_copy(const struct blocks_shard *shard);

/* Mark every block as inherited. */
void shard_inherit(struct blocks_shard *shard);

/* All places of a shard. */
struct shard_part shard_all(const struct blocks_shard *shard);

/* Memory that it takes, bytes. */
size_t shard_bytes(const struct blocks_shard *shard);

/* Is it so full, or so empty, that it has to be copied to an array of another
 * size before an entry is added, or after one was removed? */
bool shard_full(const struct blocks_shard *shard);
bool shard_sparse(const struct blocks_shard *shard);

/* Where `hash` is, or where it belongs: there a larger one lies, or none. */
struct entry *shard_place(const struct blocks_shard *shard, uint64_t hash);

/* Where the search for `hash` starts. */
const struct entry *shard_home(const struct blocks_shard *shard, uint64_t hash);

/* Put a new entry at `place`, which shard_place() returned; the shard is not full. */
void shard_insert(struct blocks_shard *shard, struct entry *place, struct entry entry);

/* Remove the entry at `place`. */
void shard_remove(struct blocks_shard *shard, struct entry *place);

#endif
