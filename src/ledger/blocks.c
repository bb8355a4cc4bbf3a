/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live block table. Ten million blocks are an ordinary server, so every
 * byte here is paid ten million times; and the table sits behind a ring buffer
 * that overflows if one operation takes long. Hence:
 *
 * An entry is 24 bytes:
 *
 *   word 0   hash    63..8    cell bits 31..24 in 7..0
 *   word 1   birth   63..8    cell bits 23..16 in 7..0
 *   word 2   size    63..17   inherited in 16   cell bits 15..0 in 15..0
 *
 * where the hash is a permutation of the 56-bit addresses: it says where the
 * entry belongs without being computed again, and turned round it gives the
 * address. Address 0, where no block can be, hashes to 0: a free place.
 *
 * Entries live in shards: small arrays with linear probing. A shard is kept
 * between MIN_LOAD and MAX_LOAD full: past either end it is copied to a new
 * array at MIDDLE_LOAD. 24 bytes / MIN_LOAD = 39.4 bytes per block at worst.
 * Because an entry's home is its hash scaled to the capacity (not taken modulo
 * a power of two), any capacity will do, and copying runs through both arrays
 * in the same order: it costs a few ns per entry.
 *
 * A shard that reaches SPLIT_COUNT becomes two, by the next bit of the hash, so
 * that no single operation ever moves more than that many entries (extendible
 * hashing: Fagin et al., ACM TODS 1979). The directory maps the top `depth` bits
 * of the hash to shards; a shard of smaller depth has several entries in it.
 *
 * Removal shifts the followers back instead of leaving a tombstone, so a table
 * that churns for a week is as quick as a new one.
 */
#include "ledger/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT_COUNT 32768 /* 1 MB: copied in about 0.1 ms */
#define MIN_CAPACITY 32	  /* never shrink below */
#define MAX_DEPTH 20	  /* of the directory; a shard at that depth just grows */

#define HASH_BITS 56
#define HASH_FACTOR 0xd049bb133111ebull		/* odd */
#define HASH_FACTOR_INVERSE 0x9642b2d24d8ec3ull /* modulo 2^56 */

/* Percent of the capacity. */
#define MAX_LOAD 75
#define MIDDLE_LOAD 67
#define MIN_LOAD 61

struct entry {
	uint64_t word[3];
};

_Static_assert(sizeof(struct entry) == 24, "the table's promise of 40 bytes per block rests on it");

struct blocks_shard {
	struct entry *entries;
	uint32_t count;
	uint32_t capacity;
	unsigned int depth; /* hash bits that all its entries share */
};

/*
 * SplitMix64's finaliser (base/hash.h) cut down to 56 bits. Every step can be
 * undone: x ^ x >> 28 by itself, the product by that with the inverse. A secret
 * multiplier keeps targets from choosing addresses that collide, and 0 stays 0.
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

static uint64_t entry_hash(const struct entry *entry)
{
	return entry->word[0] >> 8;
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
	return (struct block){
		.address = address,
		.birth = entry->word[1] >> 8,
		.size = entry->word[2] >> 17,
		.inherited = entry->word[2] >> 16 & 1,
		.cell = (uint32_t)((entry->word[0] & 0xff) << 24 | (entry->word[1] & 0xff) << 16 |
				   (entry->word[2] & 0xffff)),
	};
}

static struct blocks_shard **slot_of(const struct blocks *blocks, uint64_t hash)
{
	return &blocks->directory[blocks->depth ? hash >> (HASH_BITS - blocks->depth) : 0];
}

/* The hash bits below the shard's own, scaled to its capacity. */
static uint32_t home_of(const struct blocks_shard *shard, uint64_t hash)
{
	return (uint32_t)((hash << (64 - HASH_BITS) << shard->depth >> 32) * shard->capacity >> 32);
}

static uint32_t next_of(const struct blocks_shard *shard, uint32_t i)
{
	return i + 1 == shard->capacity ? 0 : i + 1;
}

/* Where `hash` is, or the free place where it belongs. Load < 1: it ends. */
static uint32_t place_of(const struct blocks_shard *shard, uint64_t hash)
{
	uint32_t i = home_of(shard, hash);

	while (entry_hash(&shard->entries[i]) && entry_hash(&shard->entries[i]) != hash)
		i = next_of(shard, i);
	return i;
}

/* A new shard with room for `count` entries at the middle load, or NULL. */
static struct blocks_shard *shard_new(uint32_t count, unsigned int depth)
{
	struct blocks_shard *shard = calloc(1, sizeof(*shard));

	if (!shard)
		return NULL;
	shard->depth = depth;
	shard->capacity = (uint32_t)((uint64_t)count * 100 / MIDDLE_LOAD) + 1;
	if (shard->capacity < MIN_CAPACITY)
		shard->capacity = MIN_CAPACITY;
	shard->entries = calloc(shard->capacity, sizeof(*shard->entries));
	if (!shard->entries) {
		free(shard);
		return NULL;
	}
	return shard;
}

static size_t shard_bytes(const struct blocks_shard *shard)
{
	return sizeof(*shard) + shard->capacity * sizeof(*shard->entries);
}

static void shard_free(struct blocks_shard *shard)
{
	if (shard)
		free(shard->entries);
	free(shard);
}

static void shard_add(struct blocks_shard *shard, const struct entry *entry)
{
	shard->entries[place_of(shard, entry_hash(entry))] = *entry;
	shard->count++;
}

static int shard_resize(struct blocks *blocks, struct blocks_shard *shard)
{
	struct blocks_shard *resized = shard_new(shard->count, shard->depth);

	if (!resized)
		return -ENOMEM;
	for (uint32_t i = 0; i < shard->capacity; i++)
		if (entry_hash(&shard->entries[i]))
			shard_add(resized, &shard->entries[i]);
	blocks->bytes += shard_bytes(resized);
	blocks->bytes -= shard_bytes(shard);
	free(shard->entries);
	*shard = *resized;
	free(resized);
	return 0;
}

static int directory_double(struct blocks *blocks)
{
	size_t count = (size_t)1 << blocks->depth;
	struct blocks_shard **larger = calloc(count * 2, sizeof(struct blocks_shard *));

	if (!larger)
		return -ENOMEM;
	for (size_t i = 0; i < count * 2; i++)
		larger[i] = blocks->directory[i / 2];
	free(blocks->directory);
	blocks->directory = larger;
	blocks->depth++;
	blocks->bytes += count * sizeof(struct blocks_shard *);
	return 0;
}

/* Point the run of directory entries that `hash` and `depth` select at `shard`. */
static void directory_point(struct blocks *blocks, uint64_t hash, struct blocks_shard *shard)
{
	size_t run = (size_t)1 << (blocks->depth - shard->depth);
	size_t first = (size_t)(hash >> (HASH_BITS - blocks->depth)) & ~(run - 1);

	for (size_t i = first; i < first + run; i++)
		blocks->directory[i] = shard;
}

/* How many entries of the shard have `bit` set in their hash. */
static uint32_t count_upper(const struct blocks_shard *shard, uint64_t bit)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < shard->capacity; i++)
		count += (entry_hash(&shard->entries[i]) & bit) != 0;
	return count;
}

static int shard_split(struct blocks *blocks, struct blocks_shard *shard, uint64_t hash)
{
	uint64_t bit = 1ull << (HASH_BITS - 1 - shard->depth);
	struct blocks_shard *half[2];
	uint32_t upper = count_upper(shard, bit);

	if (shard->depth == blocks->depth && directory_double(blocks) < 0)
		return -ENOMEM;
	half[0] = shard_new(shard->count - upper, shard->depth + 1);
	half[1] = half[0] ? shard_new(upper, shard->depth + 1) : NULL;
	if (!half[1]) {
		shard_free(half[0]);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < shard->capacity; i++) {
		const struct entry *entry = &shard->entries[i];

		if (entry_hash(entry))
			shard_add(half[(entry_hash(entry) & bit) != 0], entry);
	}
	for (int i = 0; i < 2; i++) {
		blocks->bytes += shard_bytes(half[i]);
		directory_point(blocks, i ? hash | bit : hash & ~bit, half[i]);
	}
	blocks->bytes -= shard_bytes(shard);
	shard_free(shard);
	return 0;
}

void blocks_init(struct blocks *blocks, uint64_t seed)
{
	uint64_t multiplier = (seed ^ HASH_FACTOR) | 1;
	uint64_t inverse = multiplier;

	/* Newton: an odd number is its own inverse in 3 bits, each round doubles them. */
	for (int bits = 3; bits < HASH_BITS; bits *= 2)
		inverse *= 2 - multiplier * inverse;
	memset(blocks, 0, sizeof(*blocks));
	blocks->multiplier = multiplier;
	blocks->inverse = inverse;
}

void blocks_clear(struct blocks *blocks)
{
	size_t count = blocks->directory ? (size_t)1 << blocks->depth : 0;

	for (size_t i = 0; i < count;) {
		struct blocks_shard *shard = blocks->directory[i];

		i += (size_t)1 << (blocks->depth - shard->depth);
		shard_free(shard);
	}
	free(blocks->directory);
	blocks->directory = NULL;
	blocks->depth = 0;
	blocks->count = 0;
	blocks->bytes = 0;
}

void blocks_free(struct blocks *blocks)
{
	blocks_clear(blocks);
}

static int create_first(struct blocks *blocks)
{
	struct blocks_shard *shard = shard_new(0, 0);
	struct blocks_shard **directory = calloc(1, sizeof(struct blocks_shard *));

	if (!shard || !directory) {
		shard_free(shard);
		free(directory);
		return -ENOMEM;
	}
	directory[0] = shard;
	blocks->directory = directory;
	blocks->bytes = sizeof(*directory) + shard_bytes(shard);
	return 0;
}

void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
	uint64_t hash = hash_of(blocks, address);
	const struct blocks_shard *shard;

	if (!blocks->directory)
		return;
	shard = *slot_of(blocks, hash);
	__builtin_prefetch(&shard->entries[home_of(shard, hash)], 1);
}

int blocks_make_room(struct blocks *blocks, uint64_t address)
{
	uint64_t hash = hash_of(blocks, address);
	struct blocks_shard *shard;

	if (!blocks->directory && create_first(blocks) < 0)
		return -ENOMEM;
	shard = *slot_of(blocks, hash);
	if (shard->count >= SPLIT_COUNT && shard->depth < MAX_DEPTH) {
		if (shard_split(blocks, shard, hash) < 0)
			return -ENOMEM;
		shard = *slot_of(blocks, hash);
	}
	if ((shard->count + 1) * 100ull <= shard->capacity * (uint64_t)MAX_LOAD)
		return 0;
	return shard_resize(blocks, shard);
}

bool blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_old)
{
	uint64_t hash = hash_of(blocks, block->address);
	struct blocks_shard *shard = *slot_of(blocks, hash);
	struct entry *entry = &shard->entries[place_of(shard, hash)];
	bool replaced = entry_hash(entry) != 0;

	if (replaced) {
		*ret_old = entry_unpack(block->address, entry);
	} else {
		shard->count++;
		blocks->count++;
	}
	*entry = entry_pack(hash, block);
	return replaced;
}

static struct entry *find(const struct blocks *blocks, uint64_t address,
			  struct blocks_shard **ret_shard)
{
	uint64_t hash = hash_of(blocks, address);
	struct entry *entry;

	if (!blocks->directory || address == 0)
		return NULL;
	*ret_shard = *slot_of(blocks, hash);
	entry = &(*ret_shard)->entries[place_of(*ret_shard, hash)];
	return entry_hash(entry) ? entry : NULL;
}

bool blocks_get(const struct blocks *blocks, uint64_t address, struct block *ret_block)
{
	struct blocks_shard *shard;
	struct entry *entry = find(blocks, address, &shard);

	if (!entry)
		return false;
	*ret_block = entry_unpack(address, entry);
	return true;
}

/* Close the gap at `hole`: followers whose home lies at or before it move back. */
static void shift_back(struct blocks_shard *shard, uint32_t hole)
{
	const struct blocks_shard at = *shard; /* so that it stays in registers */
	uint32_t from_hole = 0;

	for (uint32_t i = next_of(&at, hole);; i = next_of(&at, i)) {
		uint64_t hash = entry_hash(&at.entries[i]);
		uint32_t home, from_home;

		if (!hash)
			break;
		from_hole++;
		home = home_of(&at, hash);
		from_home = i >= home ? i - home : i + at.capacity - home;
		if (from_home >= from_hole) {
			at.entries[hole] = at.entries[i];
			hole = i;
			from_hole = 0;
		}
	}
	memset(&at.entries[hole], 0, sizeof(at.entries[hole]));
}

bool blocks_take(struct blocks *blocks, uint64_t address, uint64_t latest_birth,
		 struct block *ret_block)
{
	struct blocks_shard *shard;
	struct entry *entry = find(blocks, address, &shard);
	struct block block;

	if (!entry)
		return false;
	block = entry_unpack(address, entry);
	if (block.birth > latest_birth)
		return false;
	shift_back(shard, (uint32_t)(entry - shard->entries));
	shard->count--;
	blocks->count--;
	if (shard->capacity > MIN_CAPACITY &&
	    shard->count * 100ull < shard->capacity * (uint64_t)MIN_LOAD)
		(void)shard_resize(blocks, shard); /* stays too large, never wrong */
	*ret_block = block;
	return true;
}

int blocks_each(const struct blocks *blocks, int (*visit)(const struct block *block, void *context),
		void *context)
{
	size_t count = blocks->directory ? (size_t)1 << blocks->depth : 0;

	for (size_t i = 0; i < count;) {
		const struct blocks_shard *shard = blocks->directory[i];

		for (uint32_t j = 0; j < shard->capacity; j++) {
			const struct entry *entry = &shard->entries[j];
			struct block block =
				entry_unpack(address_of(blocks, entry_hash(entry)), entry);
			int result = block.address ? visit(&block, context) : 0;

			if (result)
				return result;
		}
		i += (size_t)1 << (blocks->depth - shard->depth);
	}
	return 0;
}
