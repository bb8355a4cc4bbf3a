/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before and after: what two snapshots hold, site by site.
 *
 * Of two runs, sites are matched by the names of their call path (call_path.h) and
 * processes by the program they run; what has equal names is one row. Two moments of
 * one trace are matched by what the trace itself knows: process and stack.
 */
#ifndef OUTLIVE_ANALYSIS_DIFF_H
#define OUTLIVE_ANALYSIS_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/estimate.h"
#include "analysis/frames.h"
#include "analysis/pattern.h"
#include "ledger/snapshot.h"

enum { DIFF_BEFORE, DIFF_AFTER, DIFF_SIDES };

/* What is compared. Both parts outlive the diff. */
struct diff_side {
	const struct snapshot *snapshot;
	struct frames *frames; /* names addresses; NULL: modules and addresses only */
	uint64_t duration_ns;  /* traced until then; 0 not known */
};

/* What became of a site's live bytes. */
enum diff_change {
	DIFF_SAME = 0, /* as many bytes in as many blocks */
	DIFF_APPEARED, /* nothing was live there before */
	DIFF_GREW,     /* more bytes, or as many in more blocks */
	DIFF_SHRANK,
	DIFF_VANISHED, /* nothing is live there after */
	DIFF_CHANGES
};

/* One side of a row. */
struct diff_part {
	size_t site_count; /* sites that the row is of; 0: none is known */
	struct snapshot_counts counts; /* of them all */
	struct snapshot_sampled sampled;
	/* The one of them that holds most, for its stack; NULL without any. */
	const struct snapshot_process *process;
	const struct snapshot_site *site;
	enum pattern_name verdict; /* on that one */
};

struct diff_row {
	enum diff_change change;
	/* Something was live before and is after, and the verdict on it is another one
	 * (neither is "unknown"). */
	bool verdict_changed;
	struct diff_part parts[DIFF_SIDES];
};

/* The processes of a program on one side. */
struct diff_program {
	size_t process_count; /* 0: it is not there */
	struct snapshot_counts counts;
	struct snapshot_sampled sampled;
	uint64_t rss_bytes, peak_rss_bytes; /* 0 not known of every one; the sum of peaks */
	const struct snapshot_process *process; /* the one that holds most */
};

struct diff_process {
	const char *name; /* of the program; hostile bytes: clean before printing */
	struct diff_program sides[DIFF_SIDES];
	size_t row_count;
	struct diff_row *rows; /* those that changed most come first */
	size_t changes[DIFF_CHANGES]; /* how many rows of each */
};

struct diff {
	struct diff_side sides[DIFF_SIDES];
	bool one_trace; /* two moments of it */
	size_t process_count;
	struct diff_process *processes; /* those that changed most come first */
};

/* Compare. Returns 0 and *ret_diff, to be released with diff_free, or -ENOMEM. */
int diff_make(const struct diff_side sides[DIFF_SIDES], bool one_trace, struct diff **ret_diff);
void diff_free(struct diff *diff); /* NULL is fine */

/* The name as JSON has it, "appeared". */
const char *diff_change_name(enum diff_change change);

/* after - before, at most INT64_MAX to either side. */
int64_t diff_of(uint64_t before, uint64_t after);

/* The side whose stack stands for the row: after, unless nothing is left there. */
unsigned int diff_row_side(const struct diff_row *row);

/* Change of live bytes. */
int64_t diff_row_bytes(const struct diff_row *row);

/* Were blocks sampled on either side? And then: between what the change of live bytes lies,
 * of one row and of all of a program. */
bool diff_is_sampled(const struct diff_process *process);
struct estimate_change diff_row_interval(const struct diff_row *row);
struct estimate_change diff_process_interval(const struct diff_process *process);

/* By what rows can be put in order: larger comes first. */
struct diff_order {
	const char *name; /* what --sort takes */
	const char *help;
	int64_t (*get)(const struct diff_row *row);
};

/* The first is that of diff_make(). */
extern const struct diff_order diff_orders[];
extern const size_t diff_order_count;

/* The order called `name`, or NULL. */
const struct diff_order *diff_order_find(const char *name);

/* Put the rows of all processes in another order. */
void diff_sort(struct diff *diff, const struct diff_order *order);

#endif
