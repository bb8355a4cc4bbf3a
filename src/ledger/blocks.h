/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live block table of one process: address -> size, birth, cell.
 *
 * At most 40 bytes per live block, all in, from a thousand blocks on, at every
 * moment of growing and shrinking. See blocks.c for how.
 */
#ifndef OUTLIVE_LEDGER_BLOCKS_H
#define OUTLIVE_LEDGER_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_MAX_ADDRESS ((1ull << 56) - 1) /* user half of a 57-bit address space */
#define BLOCKS_MAX_SIZE ((1ull << 47) - 1)
#define BLOCKS_MAX_BIRTH ((1ull << 56) - 1) /* ns since the ledger's start: two years */

struct block {
	uint64_t address; /* 1 … BLOCKS_MAX_ADDRESS */
	uint64_t size;	  /* bytes, … BLOCKS_MAX_SIZE */
	uint64_t birth;	  /* ns since the ledger's start, … BLOCKS_MAX_BIRTH */
	uint32_t cell;	  /* who made it, from where: row of the process' cells */
	bool inherited;	  /* the parent made it before the fork; `cell` means nothing */
};

struct blocks_shard;

struct blocks {
	struct blocks_shard **directory; /* 2^depth pointers, by the top bits of the hash */
	unsigned int depth;
	uint64_t multiplier, inverse; /* of the hash */
	size_t count; /* live blocks */
	size_t bytes; /* memory held, what is shared with other tables too */
	uint64_t changes; /* blocks put and taken: the same as before means the same blocks */
};

/* Make an empty table. `seed` should be a number that targets cannot guess:
 * they choose the addresses. Nothing is allocated yet. */
void blocks_init(struct blocks *blocks, uint64_t seed);
void blocks_free(struct blocks *blocks);

/* Forget all blocks and give the memory back. */
void blocks_clear(struct blocks *blocks);

/*
 * A fork: `child`, which is empty, gets all blocks of `parent`, as inherited ones. What
 * neither changes they share, so that a program of ten million blocks can start another
 * at the price of a few hundred pointers. The tables must stay where they are in memory.
 * Returns 0 or -ENOMEM (`child` stays empty).
 */
int blocks_share(struct blocks *child, struct blocks *parent);

/* Start to bring what an operation on `address` will look at into the cache. */
void blocks_prefetch(const struct blocks *blocks, uint64_t address);

/*
 * Make sure that the next blocks_put() of `address` finds room, even with
 * blocks_take() calls in between. Returns 0 or -ENOMEM (the table is unchanged).
 */
int blocks_make_room(struct blocks *blocks, uint64_t address);

/*
 * Store `block`, for which blocks_make_room() succeeded. When a block lived at
 * that address it is replaced: returns true and the old one in *ret_old.
 */
bool blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_old);

/* Look up. Returns false when nothing lives at `address`. */
bool blocks_get(const struct blocks *blocks, uint64_t address, struct block *ret_block);

/*
 * Remove the block at `address` if it was born at or before `latest_birth`.
 * Returns true and the block; false when there is none that old, or when it is
 * shared and there is no memory to part it.
 */
bool blocks_take(struct blocks *blocks, uint64_t address, uint64_t latest_birth,
		 struct block *ret_block);

/* The blocks of one cell. */
struct blocks_of_cell {
	uint64_t count, bytes;
	uint64_t not_oldest;	/* ~ of the oldest one's birth: all are maxima, from zeroes on */
	uint64_t newest;	/* birth */
	uint64_t largest;	/* size */
};

/*
 * Add up, for every cell, its blocks born in [from, to); inherited ones are nobody's.
 * `cells` has a row, all zeroes, for each of the `cell_count` cells that blocks name, and
 * one more behind them for all that does not count.
 */
void blocks_by_cell(const struct blocks *blocks, uint64_t from, uint64_t to,
		    struct blocks_of_cell *cells, uint32_t cell_count);

/* Call `visit` for every block, in no order worth knowing. A return other than
 * 0 ends the walk and is returned. The table must not change meanwhile. */
int blocks_each(const struct blocks *blocks, int (*visit)(const struct block *block, void *context),
		void *context);

#endif
