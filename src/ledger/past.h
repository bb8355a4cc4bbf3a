/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that have ended. A server that replaces its workers, or a shell script,
 * makes thousands of them in a day, and nobody reads about each: the books of those
 * that held most are kept, up to a bound; of the others only the sum is.
 */
#ifndef OUTLIVE_LEDGER_PAST_H
#define OUTLIVE_LEDGER_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/process.h"
#include "ledger/snapshot.h"

#define PAST_MAX 512		     /* ended processes kept, … */
#define PAST_MAX_BYTES (256ull << 20) /* … and their books, by their weight; one is kept always */
#define PAST_RECENT 4096	     /* closed ones remembered by pid: power of two */

struct past_process {
	uint32_t row; /* in the ledger */
	uint64_t live_bytes, weight, exit_ns;
};

/* All zeroes is empty. */
struct past {
	struct past_process rows[PAST_MAX + 1];
	size_t count;
	uint64_t weight; /* of all rows */
	struct snapshot_past closed;
	uint64_t unknown_events; /* of the closed ones' sites */
	struct {
		uint32_t pid; /* 0: free */
		uint64_t exit_ns;
	} recent[PAST_RECENT]; /* by the low bits of the pid */
};

/*
 * About how much memory the books of a process take, bytes. Made of counts alone, not of
 * what the tables have room for: a replay must come to the same as the live run.
 */
uint64_t process_weight(const struct process *process);

/* `process` ended and is among the past from now on. */
void past_add(struct past *past, const struct process *process);

/*
 * Is there more than is to be kept? Then true, and *ret_row is that of the process that
 * held least (of equal ones the first that ended), which is not among the past any more.
 */
bool past_take(struct past *past, uint32_t *ret_row);

/* Add a process, whose books are about to be released, to the sum. */
void past_close(struct past *past, const struct process *process);

/* Did a process of that pid, whose books are closed, end at `now_ns` or later? Then what is
 * told of that time is its own. */
bool past_has(const struct past *past, uint32_t pid, uint64_t now_ns);

#endif
