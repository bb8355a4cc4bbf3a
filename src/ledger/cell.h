/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cell: what one thread allocated in one size class of one site. "Who holds
 * what" is a sum over cells, and a cell is where replacement shows.
 *
 * A slot ("the last response of this thread") is written in one of two orders:
 *
 *   set, then clear   the new block is made while the old one lives, then the
 *                     old one is freed. Counted at that free: the freed block is
 *                     the oldest live one of its cell and a younger one lives.
 *   clear, then set   the thread frees its only block of the cell and later makes
 *                     the next. Counted at that next allocation, if the old block
 *                     lived longer than the gap between the two: the slot was
 *                     occupied most of the time.
 *
 * A block may be told late (outlive/young.h), after the end of one that it was to
 * replace: "set, then clear", which is then counted at the late block.
 *
 * Which live block is the oldest is known from the births of the CELL_BIRTHS
 * youngest live blocks. While a cell holds no more than that the answer is
 * exact; a free while it holds more counts as no replacement.
 */
#ifndef OUTLIVE_LEDGER_CELL_H
#define OUTLIVE_LEDGER_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/weight.h"

#define CELL_BIRTHS 8

/* What became of the last free that left no block behind. */
enum cell_cleared {
	CELL_NOT_CLEARED,     /* there was none, or it is settled for good */
	CELL_CLEARED,	      /* what follows is not known yet */
	CELL_FOLLOWED_LATER,  /* a block followed, too late to have taken its place, … */
	CELL_REFILLED,	      /* … or soon: counted; either may be put right by one told late */
};

/* Times are ns since the ledger's start. */
struct cell {
	uint32_t class_row, thread; /* rows of the process' classes and threads */
	uint32_t live, made; /* blocks recorded, whatever each of them stands for */
	uint16_t rate; /* at which its blocks were sampled; 0: all were recorded */
	uint8_t cleared; /* enum cell_cleared */
	uint8_t birth_count;
	struct tally counts;
	/* Blocks, as in `counts` in 1/WEIGHT_ONE. */
	uint64_t replaced_blocks; /* both orders */
	uint64_t refilled_blocks; /* clear, then set */
	uint64_t lifetime_ns; /* of freed blocks, each as often as it counts */
	uint64_t first_ns, last_ns; /* allocations */
	uint64_t cleared_birth_ns, cleared_ns; /* the freed block of "clear, then set" */
	uint64_t births[CELL_BIRTHS]; /* of the youngest live blocks, ascending */
};

enum cell_end {
	CELL_FREED_BY_OWNER, /* the thread that allocated it */
	CELL_FREED_BY_OTHER,
	CELL_FREE_MISSED, /* another block appeared in its place */
};

/* A block was made at `now_ns`; `weight`: weight_of() it at the cell's rate. */
void cell_add(struct cell *cell, const struct weight *weight, uint64_t now_ns);

/* A live block of the cell ended. */
void cell_remove(struct cell *cell, const struct weight *weight, uint64_t birth_ns,
		 uint64_t now_ns, enum cell_end how);

/* Add what a freed block's `time_ns` is to the cell's lifetime_ns. */
void cell_add_lifetime(struct cell *cell, const struct weight *weight, uint64_t time_ns);

/* Blocks made and freed again, with evidence counted elsewhere: bpf/young_rows.bpf.h. */
struct cell_pairs {
	uint64_t bytes, blocks, replaced, refilled, lifetime_ns;
	uint64_t first_ns, last_ns; /* their births */
	uint64_t end_ns; /* the last free */
	uint64_t cleared_birth_ns, cleared_ns; /* as in struct wire_pairs */
};

void cell_add_pairs(struct cell *cell, const struct cell_pairs *pairs);

/* All live blocks are gone without having been freed: exec. */
void cell_empty(struct cell *cell);

#endif
