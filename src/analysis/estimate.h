/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How sure the numbers of sampled blocks are. */
#ifndef OUTLIVE_ANALYSIS_ESTIMATE_H
#define OUTLIVE_ANALYSIS_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/snapshot.h"

/* Live bytes lie between these in 95 of 100 traces. */
struct estimate {
	uint64_t low, high;
};

/*
 * The interval of `live_bytes`, the live_bytes of a site, class or process whose sampled
 * blocks are `sampled`. When all blocks were recorded both ends are live_bytes.
 */
struct estimate estimate_live(const struct snapshot_sampled *sampled, uint64_t live_bytes);

/* A change lies between these in 95 of 100 pairs of traces. */
struct estimate_change {
	int64_t low, high;
};

/* The interval of what live bytes changed by from `before` to `after`, given theirs. */
struct estimate_change estimate_change(const struct estimate *before, uint64_t bytes_before,
				       const struct estimate *after, uint64_t bytes_after);

/* "± 1.10 MB", or "(10.2 MB to 15.1 MB)" where one side is much longer than the other.
 * Returns `buffer`, "" where the interval is too narrow to show. */
#define ESTIMATE_TEXT 80
char *estimate_text(const struct estimate *estimate, uint64_t live_bytes,
		    char buffer[ESTIMATE_TEXT]);

#endif
