/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks that another block took the place of before their free was seen.
 *
 * Two honest ways lead here. A realloc is one event at its return, but gives
 * the old address back earlier: another thread may get it, and report it,
 * first. And a free that found the ring full comes later, by way of the
 * overflow map. Either event then finds its block here, and the "missed free"
 * that was booked is taken back. What stays here was missed for good.
 *
 * Bounded: the oldest of REPLACED_MAX makes room for the newest.
 */
#ifndef OUTLIVE_LEDGER_REPLACED_H
#define OUTLIVE_LEDGER_REPLACED_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/blocks.h"

#define REPLACED_MAX 4096

struct replaced_block {
	struct block block;
	uint32_t process;     /* row of the ledger's processes */
	uint64_t replaced_ns; /* when, ns since the ledger's start */
	uint32_t next;	      /* in its hash chain; private */
	bool used;	      /* private */
};

struct replaced {
	struct replaced_block rows[REPLACED_MAX]; /* a ring */
	uint32_t heads[REPLACED_MAX];		  /* hash chains of rows, newest first; row + 1 */
	uint32_t next;				  /* the row to be written next */
	uint32_t count;
};

/* All zeroes is an empty table. */

/* Remember that `block` of `process` was replaced. */
void replaced_put(struct replaced *replaced, uint32_t process, const struct block *block,
		  uint64_t replaced_ns);

/*
 * Find and remove the newest block of `process` at `address` that was born at
 * or before `latest_birth`. Returns false when there is none.
 */
bool replaced_take(struct replaced *replaced, uint32_t process, uint64_t address,
		   uint64_t latest_birth, struct replaced_block *ret_block);

/* Forget the blocks of `process`: its address space is gone. */
void replaced_forget(struct replaced *replaced, uint32_t process);

#endif
