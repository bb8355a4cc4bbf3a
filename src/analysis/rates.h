/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast: the difference of two snapshots of one ledger, per second.
 *
 * A rate over one refresh of the screen jumps about: programs work in bursts. So
 * the last few snapshots are kept, and a rate is the mean over all of the time
 * between the oldest kept and the newest: a moving window, which forgets a burst
 * as soon as it has left it and never shows what did not happen. Of what is kept only the
 * counts are: the pictures of a large host have a hundred megabytes each.
 */
#ifndef OUTLIVE_ANALYSIS_RATES_H
#define OUTLIVE_ANALYSIS_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

#define RATES_WINDOW 4 /* snapshots kept beside the newest */

struct rate_base; /* the counts of a snapshot */

struct rates {
	struct rate_base *older[RATES_WINDOW]; /* oldest first */
	size_t count;
};

/* Bytes per second. */
struct rate {
	uint64_t allocated, freed;
	int64_t growth; /* of live bytes */
};

/*
 * `snapshot` was the newest and is so no longer: keep its counts. Of no length in time
 * (two snapshots of one moment) it replaces the last. Without memory it is not kept.
 */
void rates_keep(struct rates *rates, const struct snapshot *snapshot);

/* The moment of the index-th kept, the oldest first. */
uint64_t rates_time(const struct rates *rates, size_t index);

/* Forget all: what comes next is not what came before, continued. */
void rates_clear(struct rates *rates);

/*
 * Where a snapshot is of a window the rates are of all blocks all the same: the window
 * may have been another one then.
 *
 * The change of a process of `now`, or of a thread or site of it, since the oldest
 * kept snapshot. What did not exist then counts from zero. Return false where there
 * is nothing to compare with.
 */
bool rates_of_process(const struct rates *rates, const struct snapshot *now,
		      const struct snapshot_process *process, struct rate *ret_rate);
bool rates_of_thread(const struct rates *rates, const struct snapshot *now,
		     const struct snapshot_process *process, const struct snapshot_thread *thread,
		     struct rate *ret_rate);
/* The share of one thread in a site with `thread` an index into process->threads;
 * RATES_ALL_THREADS: of the whole site. */
bool rates_of_site(const struct rates *rates, const struct snapshot *now,
		   const struct snapshot_process *process, const struct snapshot_site *site,
		   uint32_t thread, struct rate *ret_rate);

#define RATES_ALL_THREADS UINT32_MAX

/* What `thread` (an index) has of a site: the sum of its cells. */
void rates_thread_share(const struct snapshot_site *site, uint32_t thread,
			struct snapshot_counts *ret_counts);

#endif
