/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report is made of, wherever it came from: a live trace or a recording. */
#ifndef OUTLIVE_CLI_VIEW_H
#define OUTLIVE_CLI_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "ledger/snapshot.h"
#include "report/report.h"

struct capture;
struct recorded_names;

#define VIEW_TEXT 72
#define VIEW_DAMAGE 1024

struct view {
	struct snapshot *snapshot;
	struct capture *capture; /* live: kept open, the report reads files through it; or NULL */
	bool recording;
	struct recorded_names *names; /* of a recording; else NULL */
	char kernel[VIEW_TEXT]; /* release of the traced machine's; "" not known */
	char stacks[VIEW_TEXT]; /* "auto", "fp" … */
	uint64_t duration_ns;
	uint64_t start_ns, end_ns; /* of a recording: its first event's and its last moment */
	uint64_t min_size, sample_bytes;
	bool incomplete; /* the view is fine, the recording beside it is not */
	bool unclosed; /* a recording that nobody closed: it ends where the last chunk does */
	char damage[VIEW_DAMAGE]; /* what of it could not be read, in lines; "" nothing */
	bool began; /* tracing did begin: later failures are failures while running */
};

/* The exit status of a verb that tried to make `view` with `result`. */
int view_status(const struct view *view, int result);

/* How a report of `view` came about and is to look. ret_how->frames is the caller's: give it
 * to frames_free() before view_end(). */
void view_describe(const struct view *view, const struct options *options, enum verb_bit verb,
		   struct report_options *ret_how);

/* Release all that a view holds. All zeroes is fine. */
void view_end(struct view *view);

#endif
