/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed between two snapshots, for people and for programs.
 *
 * The JSON, sizes in bytes and times in ns as in all of schema outlive/1:
 *
 *   schema, verb "diff", matched_by: "name" (two recordings) or "stack" (two moments of one)
 *   before, after: file, and capture and quality as in a report of that side
 *   processes: [ name of the program;
 *     before, after (null: not there): processes (how many run it), pid, comm, exe (of the one
 *       that holds most), live_…, allocated_…, freed_…, allocated_bytes_per_s, rss_bytes,
 *       peak_rss_bytes (null: not known of all), time_ns (of that state, since the first event)
 *     live_bytes_change, live_blocks_change, rss_bytes_change: after - before, signed
 *     live_bytes_change_low, live_bytes_change_high: where blocks were sampled, the first of
 *       these lies between in 95 of 100 cases; else they are equal to it; of sites likewise
 *     changes: how many call paths are same, appeared, grew, shrank, vanished
 *     sites: [ change (one of these), live_bytes_change, live_blocks_change, verdict_changed;
 *       before, after (null: never seen there): sites (how many are taken together), id (of the
 *         one that holds most), live_… to allocated_bytes_per_s as above, pattern as in a report;
 *       frames as in a report: of after, unless nothing is left there ]
 *     more_sites: count and live_bytes_change of those that -n left out ]
 *
 * Every call path is there, changed or not; those that changed most come first.
 */
#ifndef OUTLIVE_REPORT_DIFF_H
#define OUTLIVE_REPORT_DIFF_H

#include <stdio.h>

#include "analysis/diff.h"
#include "report/report.h"

struct diff_report {
	const struct diff *diff;
	const char *files[DIFF_SIDES]; /* the recordings' names; clean before printing */
	/* How each side came about. Rows, width, colour and the like: those of DIFF_AFTER. */
	struct report_options sides[DIFF_SIDES];
};

/* Write the diff to `file` and flush it. Return 0, -ENOMEM, or the -errno of a failed write. */
int diff_text(FILE *file, const struct diff_report *report);
int diff_json(FILE *file, const struct diff_report *report);

#endif
