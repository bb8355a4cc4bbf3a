/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was given up to stay below --max-overhead, in words. */
#ifndef OUTLIVE_ANALYSIS_TIERS_H
#define OUTLIVE_ANALYSIS_TIERS_H

#include "ledger/snapshot.h"

/* The name as JSON has it: "exact", "sample", "mmap", "off"; "unknown" for a newer one. */
const char *tier_name(uint8_t tier);

/*
 * "from 1.2 s on one block is sampled per 64.0 KB: tracing took 7.2 % of its CPU time, 5.0 % are
 * allowed"; without the reason where it was asked for. `since_ns`: when the trace began.
 * Returns `buffer`.
 */
#define TIER_TEXT 320
char *tier_text(const struct snapshot_tier *tier, uint64_t since_ns, char buffer[TIER_TEXT]);

#endif
