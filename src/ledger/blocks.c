/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live block table. Ten million blocks are an ordinary server, so every
 * byte here is paid ten million times; and the table sits behind a ring buffer
 * that overflows if one operation takes long.
 *
 * An entry is 24 bytes (ledger/shard.h). It does not hold the address but a hash
 * of it, and that hash is a permutation: it says where the entry belongs without
 * being computed again, and turned round it gives the address.
 *
 * Entries lie in shards, each an array that is between 62 and 75 percent full
 * and copied to one of another size past either end. A shard that reaches
 * SPLIT_COUNT entries becomes two, by the next bit of the hash, and two that
 * have become small are merged again: so no single operation ever moves more
 * than that many entries (extendible hashing: Fagin et al., ACM TODS 1979). The
 * directory maps the top `depth` bits of the hash to shards; a shard of smaller
 * depth has several entries in it.
 *
 * After a fork two tables share their shards, each with a count of those that hold
 * it. Before one changes a shard it takes a copy, unless it is alone with it. Whose own
 * the blocks of a shard are is told by its owner: to every other table they are
 * inherited, and when that takes the shard over each entry is marked so.
 */
#include "ledger/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/shard.h"

#define SPLIT_COUNT 32768 /* 1 MB: copied in about 0.1 ms */
#define MERGE_COUNT 16384 /* of two together: well below, so that it does not go to and fro */
#define MAX_DEPTH 20	  /* of the directory; a shard at that depth just grows */

#define HASH_FACTOR 0xd049bb133111ebull		/* odd */
#define HASH_FACTOR_INVERSE 0x9642b2d24d8ec3ull /* modulo 2^56 */

/*
 * SplitMix64's finaliser (base/hash.h) cut down to 56 bits. Every step can be
 * undone: x ^ x >> 28 by itself, the product by that with the inverse. A secret
 * multiplier keeps targets from choosing addresses that collide. 0, where no
 * block can be, stays 0.
 */
static uint64_t hash_of(const struct blocks *blocks, uint64_t address)
{
	uint64_t x = address ^ address >> 28;

	x = x * blocks->multiplier & BLOCKS_MAX_ADDRESS;
	x ^= x >> 28;
	x = x * HASH_FACTOR & BLOCKS_MAX_ADDRESS;
	return x ^ x >> 28;
}

static uint64_t address_of(const struct blocks *blocks, uint64_t hash)
{
	uint64_t x = hash ^ hash >> 28;

	x = x * HASH_FACTOR_INVERSE & BLOCKS_MAX_ADDRESS;
	x ^= x >> 28;
	x = x * blocks->inverse & BLOCKS_MAX_ADDRESS;
	return x ^ x >> 28;
}

static struct entry entry_pack(uint64_t hash, const struct block *block)
{
	return (struct entry){ {
		hash << 8 | (block->cell >> 24 & 0xff),
		block->birth << 8 | (block->cell >> 16 & 0xff),
		block->size << 17 | (uint64_t)block->inherited << 16 | (block->cell & 0xffff),
	} };
}

static struct block entry_unpack(uint64_t address, const struct entry *entry)
{
	_Static_assert(ENTRY_INHERITED == 1 << 16, "see the layout of an entry");
	return (struct block){
		.address = address,
		.birth = entry->word[1] >> 8,
		.size = entry->word[2] >> 17,
		.inherited = entry->word[2] >> 16 & 1,
		.cell = (uint32_t)((entry->word[0] & 0xff) << 24 | (entry->word[1] & 0xff) << 16 |
				   (entry->word[2] & 0xffff)),
	};
}

static size_t directory_length(const struct blocks *blocks)
{
	return blocks->directory ? (size_t)1 << blocks->depth : 0;
}

static struct blocks_shard **slot_of(const struct blocks *blocks, uint64_t hash)
{
	return &blocks->directory[hash >> (ENTRY_HASH_BITS - blocks->depth)];
}

/* Point the run of directory entries that `hash` and the shard's depth select at it. */
static void directory_point(struct blocks *blocks, uint64_t hash, struct blocks_shard *shard)
{
	size_t run = (size_t)1 << (blocks->depth - shard->depth);
	size_t first = (size_t)(slot_of(blocks, hash) - blocks->directory) & ~(run - 1);

	for (size_t i = first; i < first + run; i++)
		blocks->directory[i] = shard;
}

/* Replace the directory by one of another depth. The shards stay. */
static int directory_resize(struct blocks *blocks, unsigned int depth)
{
	size_t length = (size_t)1 << depth;
	struct blocks_shard **resized = calloc(length, sizeof(struct blocks_shard *));

	if (!resized)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++)
		resized[i] = blocks->directory[depth > blocks->depth ? i >> 1 : i << 1];
	blocks->bytes += length * sizeof(*resized);
	blocks->bytes -= directory_length(blocks) * sizeof(*resized);
	free(blocks->directory);
	blocks->directory = resized;
	blocks->depth = depth;
	return 0;
}

/* Halve the directory when no shard needs its last bit any more. */
static void directory_shrink(struct blocks *blocks)
{
	for (size_t i = 0; i < directory_length(blocks); i += 2)
		if (blocks->depth == 0 || blocks->directory[i] != blocks->directory[i + 1])
			return;
	(void)directory_resize(blocks, blocks->depth - 1); /* stays too long, never wrong */
}

/* `blocks` does not hold the shard any more. */
static void release(const struct blocks *blocks, struct blocks_shard *shard)
{
	/* A table that is made later may lie where this one does. */
	if (shard->owner == blocks)
		shard->owner = NULL;
	if (--shard->references == 0)
		shard_free(shard);
}

/* Put `fresh` in place of `old`, or of one of two old ones. */
static void exchange(struct blocks *blocks, struct blocks_shard *old, struct blocks_shard *fresh,
		     uint64_t hash)
{
	if (fresh) {
		fresh->owner = blocks;
		blocks->bytes += shard_bytes(fresh);
		directory_point(blocks, hash, fresh);
	}
	if (old) {
		blocks->bytes -= shard_bytes(old);
		release(blocks, old);
	}
}

/* Are a shard's blocks to be taken as inherited, whatever their entries say? */
static bool is_foreign(const struct blocks *blocks, const struct blocks_shard *shard)
{
	return shard->owner != blocks;
}

static bool is_own(const struct blocks *blocks, const struct blocks_shard *shard)
{
	return shard->references == 1 && !is_foreign(blocks, shard);
}

static struct block look(const struct blocks *blocks, const struct blocks_shard *shard,
			 uint64_t address, const struct entry *entry)
{
	struct block block = entry_unpack(address, entry);

	block.inherited |= is_foreign(blocks, shard);
	return block;
}

/* Make the shard that `hash` belongs to one that may be changed. */
static int own(struct blocks *blocks, uint64_t hash)
{
	struct blocks_shard *shard = *slot_of(blocks, hash);
	bool foreign = is_foreign(blocks, shard);

	if (is_own(blocks, shard))
		return 0;
	if (shard->references > 1) {
		struct blocks_shard *copy = shard_copy(shard);

		if (!copy)
			return -ENOMEM;
		exchange(blocks, shard, copy, hash);
		shard = copy;
	}
	if (foreign)
		shard_inherit(shard);
	shard->owner = blocks;
	return 0;
}

/* Copy a shard to an array of the size that suits it. */
static int resize(struct blocks *blocks, struct blocks_shard *shard, uint64_t hash)
{
	const struct shard_part parts[2] = { shard_all(shard), { NULL, NULL } };
	struct blocks_shard *resized = shard_new(parts, shard->count, shard->depth);

	if (!resized)
		return -ENOMEM;
	exchange(blocks, shard, resized, hash);
	return 0;
}

static int split(struct blocks *blocks, struct blocks_shard *shard, uint64_t hash)
{
	uint64_t bit = 1ull << (ENTRY_HASH_BITS - 1 - shard->depth);
	struct shard_part parts[2] = { shard_all(shard), { NULL, NULL } };
	struct shard_part upper[2] = { shard_all(shard), { NULL, NULL } };
	struct blocks_shard *half[2];
	uint32_t lower = 0;

	if (shard->depth == blocks->depth && directory_resize(blocks, blocks->depth + 1) < 0)
		return -ENOMEM;
	for (; upper[0].from < upper[0].end && !(entry_hash(upper[0].from) & bit); upper[0].from++)
		lower += entry_hash(upper[0].from) != 0;
	parts[0].end = upper[0].from;
	half[0] = shard_new(parts, lower, shard->depth + 1);
	half[1] = half[0] ? shard_new(upper, shard->count - lower, shard->depth + 1) : NULL;
	if (!half[1]) {
		shard_free(half[0]);
		return -ENOMEM;
	}
	exchange(blocks, NULL, half[0], hash & ~bit);
	exchange(blocks, shard, half[1], hash | bit);
	return 0;
}

/* Merge a shard with the one it was split from, if both together are small.
 * Best effort: without memory they stay apart. */
static void merge(struct blocks *blocks, struct blocks_shard *shard, uint64_t hash)
{
	uint64_t bit = 1ull << (ENTRY_HASH_BITS - shard->depth);
	struct blocks_shard *half[2], *merged;

	if (shard->depth == 0)
		return;
	half[0] = *slot_of(blocks, hash & ~bit);
	half[1] = *slot_of(blocks, hash | bit);
	if (half[0]->depth != half[1]->depth || half[0]->count + half[1]->count > MERGE_COUNT ||
	    !is_own(blocks, half[0]) || !is_own(blocks, half[1]))
		return;
	merged = shard_new((const struct shard_part[]){ shard_all(half[0]), shard_all(half[1]) },
			   half[0]->count + half[1]->count, shard->depth - 1);
	if (!merged)
		return;
	exchange(blocks, half[0], NULL, hash);
	exchange(blocks, half[1], merged, hash);
	directory_shrink(blocks);
}

void blocks_init(struct blocks *blocks, uint64_t seed)
{
	uint64_t multiplier = (seed ^ HASH_FACTOR) | 1;
	uint64_t inverse = multiplier;

	/* Newton: an odd number is its own inverse in 3 bits, each round doubles them. */
	for (int bits = 3; bits < ENTRY_HASH_BITS; bits *= 2)
		inverse *= 2 - multiplier * inverse;
	memset(blocks, 0, sizeof(*blocks));
	blocks->multiplier = multiplier;
	blocks->inverse = inverse;
}

void blocks_clear(struct blocks *blocks)
{
	for (size_t i = 0; i < directory_length(blocks);) {
		struct blocks_shard *shard = blocks->directory[i];

		i += (size_t)1 << (blocks->depth - shard->depth);
		release(blocks, shard);
	}
	free(blocks->directory);
	blocks->directory = NULL;
	blocks->depth = 0;
	blocks->count = 0;
	blocks->bytes = 0;
	blocks->changes++;
}

void blocks_free(struct blocks *blocks)
{
	blocks_clear(blocks);
}

int blocks_share(struct blocks *child, struct blocks *parent)
{
	size_t length = directory_length(parent);
	struct blocks_shard **directory = calloc(length + 1, sizeof(struct blocks_shard *));

	if (!directory)
		return -ENOMEM;
	if (length)
		memcpy(directory, parent->directory, length * sizeof(*directory));
	for (size_t i = 0; i < length;) {
		struct blocks_shard *shard = directory[i];

		shard->references++;
		i += (size_t)1 << (parent->depth - shard->depth);
	}
	free(child->directory);
	*child = *parent;
	child->directory = length ? directory : NULL;
	if (!length)
		free(directory);
	return 0;
}

static int create_first(struct blocks *blocks)
{
	struct blocks_shard *shard = shard_new((const struct shard_part[2]){ { 0 } }, 0, 0);

	blocks->directory = calloc(1, sizeof(struct blocks_shard *));
	if (!shard || !blocks->directory) {
		shard_free(shard);
		free(blocks->directory);
		blocks->directory = NULL;
		return -ENOMEM;
	}
	blocks->bytes = sizeof(*blocks->directory);
	exchange(blocks, NULL, shard, 0);
	return 0;
}

void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
	uint64_t hash = hash_of(blocks, address);

	if (blocks->directory && address <= BLOCKS_MAX_ADDRESS)
		__builtin_prefetch(shard_home(*slot_of(blocks, hash), hash), 1);
}

int blocks_make_room(struct blocks *blocks, uint64_t address)
{
	uint64_t hash = hash_of(blocks, address);
	struct blocks_shard *shard;

	if (!blocks->directory && create_first(blocks) < 0)
		return -ENOMEM;
	if (own(blocks, hash) < 0)
		return -ENOMEM;
	shard = *slot_of(blocks, hash);
	if (shard->count >= SPLIT_COUNT && shard->depth < MAX_DEPTH) {
		if (split(blocks, shard, hash) < 0)
			return -ENOMEM;
		shard = *slot_of(blocks, hash);
	}
	return shard_full(shard) ? resize(blocks, shard, hash) : 0;
}

bool blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_old)
{
	uint64_t hash = hash_of(blocks, block->address);
	struct blocks_shard *shard = *slot_of(blocks, hash);
	struct entry *entry = shard_place(shard, hash);

	blocks->changes++;
	if (entry_hash(entry) == hash) {
		*ret_old = entry_unpack(block->address, entry);
		*entry = entry_pack(hash, block);
		return true;
	}
	shard_insert(shard, entry, entry_pack(hash, block));
	blocks->count++;
	return false;
}

bool blocks_get(const struct blocks *blocks, uint64_t address, struct block *ret_block)
{
	uint64_t hash = hash_of(blocks, address);
	const struct blocks_shard *shard;
	const struct entry *entry;

	if (!blocks->directory || address == 0 || address > BLOCKS_MAX_ADDRESS)
		return false;
	shard = *slot_of(blocks, hash);
	entry = shard_place(shard, hash);
	if (entry_hash(entry) != hash)
		return false;
	*ret_block = look(blocks, shard, address, entry);
	return true;
}

bool blocks_take(struct blocks *blocks, uint64_t address, uint64_t latest_birth,
		 struct block *ret_block)
{
	uint64_t hash = hash_of(blocks, address);
	struct blocks_shard *shard;
	struct entry *entry;
	struct block block;

	if (!blocks->directory || address == 0 || address > BLOCKS_MAX_ADDRESS)
		return false;
	shard = *slot_of(blocks, hash);
	entry = shard_place(shard, hash);
	if (entry_hash(entry) != hash)
		return false;
	block = look(blocks, shard, address, entry);
	if (block.birth > latest_birth)
		return false;
	if (!is_own(blocks, shard)) {
		if (own(blocks, hash) < 0)
			return false;
		shard = *slot_of(blocks, hash);
		entry = shard_place(shard, hash);
	}
	shard_remove(shard, entry);
	blocks->changes++;
	blocks->count--;
	if (shard_sparse(shard)) {
		(void)resize(blocks, shard, hash); /* stays too large, never wrong */
		merge(blocks, *slot_of(blocks, hash), hash);
	}
	*ret_block = block;
	return true;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Every third place is free, at random: a jump for it would be guessed wrong too often, so
 * there is none, and a free place counts for the row behind the last. */
void blocks_by_cell(const struct blocks *blocks, uint64_t from, uint64_t to,
		    struct blocks_of_cell *cells, uint32_t cell_count)
{
	for (size_t i = 0; i < directory_length(blocks);) {
		const struct blocks_shard *shard = blocks->directory[i];
		const struct shard_part all = shard_all(shard);

		for (const struct entry *entry = all.from;
		     entry < all.end && !is_foreign(blocks, shard); entry++) {
			/* Its address would be the dearest part, and is not asked for. */
			const struct block block = entry_unpack(0, entry);
			bool counts = (entry_hash(entry) != 0) & !block.inherited &
				      (block.birth >= from) & (block.birth < to);
			struct blocks_of_cell *cell = &cells[counts ? block.cell : cell_count];

			cell->count++;
			cell->bytes += block.size;
			cell->not_oldest = larger(cell->not_oldest, ~block.birth);
			cell->newest = larger(cell->newest, block.birth);
			cell->largest = larger(cell->largest, block.size);
		}
		i += (size_t)1 << (blocks->depth - shard->depth);
	}
}

int blocks_each(const struct blocks *blocks, int (*visit)(const struct block *block, void *context),
		void *context)
{
	for (size_t i = 0; i < directory_length(blocks);) {
		const struct blocks_shard *shard = blocks->directory[i];
		const struct shard_part all = shard_all(shard);

		for (const struct entry *entry = all.from; entry < all.end; entry++) {
			uint64_t hash = entry_hash(entry);
			struct block block =
				look(blocks, shard, address_of(blocks, hash), entry);
			int result = hash ? visit(&block, context) : 0;

			if (result)
				return result;
		}
		i += (size_t)1 << (blocks->depth - shard->depth);
	}
	return 0;
}
