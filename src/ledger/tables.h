/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a ledger consists of; private to src/ledger. */
#ifndef OUTLIVE_LEDGER_TABLES_H
#define OUTLIVE_LEDGER_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "ledger/ledger.h"
#include "ledger/marks.h"
#include "ledger/past.h"
#include "ledger/process.h"
#include "ledger/replaced.h"
#include "ledger/window.h"

#define LEDGER_MAX_PROCESSES 65536 /* that have books: all that run, and those of the past kept */

struct ledger {
	bool started;
	uint64_t start_ns; /* time of the first event that has one */
	uint64_t seed; /* of hashes whose keys targets choose */
	struct process **processes; /* NULL: a free row */
	size_t process_count, process_capacity; /* rows, free ones too */
	uint32_t *free_rows;
	size_t free_count, free_capacity;
	struct map by_pid;	/* the newest row of a pid; it may be another process's by now */
	struct past past;
	struct process *cached; /* the one of the last event */
	struct snapshot_quality quality;
	struct replaced replaced;
	struct marks marks; /* times since start_ns */
	struct window window;
	uint64_t last_ns; /* what happens later is not applied: window.wish.at */
};

/* An event's time as ns since the ledger's start, within what a block can hold. */
static inline uint64_t ledger_time(const struct ledger *ledger, uint64_t time_ns)
{
	uint64_t since = time_ns > ledger->start_ns ? time_ns - ledger->start_ns : 0;

	return since < BLOCKS_MAX_BIRTH ? since : BLOCKS_MAX_BIRTH;
}

#endif
