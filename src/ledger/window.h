/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Windows: which blocks a report speaks of, by the time of their birth.
 *
 * "What did that request leave behind?" is a question about blocks born between
 * two moments. A live block has its birth, so a walk over the live ones answers
 * it for any window, also afterwards. What was made in the window and is gone
 * has to be counted while it passes: that needs the window ahead, and a window
 * between marks is known ahead although its moments are not:
 *
 *   a mark's time is read after everything before it was taken in, so nothing
 *   born at or after it can have been applied before the mark itself is.
 *
 * So the window starts empty, opens when its first mark comes and closes at the
 * second. Times decide, not the order of arrival: what comes late is counted
 * where it belongs, and a replay counts what the live run counted.
 *
 * Ages are only known at the end, so a window by age has no such counts.
 */
#ifndef OUTLIVE_LEDGER_WINDOW_H
#define OUTLIVE_LEDGER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

enum moment_kind {
	MOMENT_NONE = 0, /* not asked for */
	MOMENT_TIME,	 /* `ns` after the trace's first event */
	MOMENT_MARK,	 /* when the mark `name` is set */
};

struct moment {
	enum moment_kind kind;
	uint64_t ns;
	char name[SNAPSHOT_MARK_BYTES];
};

/* What is asked for. All zeroes: every block, at the end. */
struct window_wish {
	struct moment from, to; /* made at `from` or later, and before `to` */
	struct moment at;	/* as it was then, not at the end */
	uint64_t older_ns, newer_ns; /* made longer ago, or less long; 0: any age */
};

#define WINDOW_NEVER UINT64_MAX

/* A wish and what is known of it. Times are ns since the ledger's start. */
struct window {
	struct window_wish wish;
	bool counting; /* blocks made in it are counted */
	uint64_t from_ns, to_ns; /* WINDOW_NEVER: not yet */
	uint64_t at_ns;
};

/* What was made in the window, of one cell; blocks in 1/WEIGHT_ONE. */
struct window_made {
	uint64_t allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
};

/* Read a moment off `text`: a time with its unit ("10s", "1.5m") is one since the trace
 * began, everything else a mark's name. Returns 0, or -EINVAL when it can be neither. */
int moment_parse(const char *text, struct moment *ret_moment);

/* Begin to look for what `wish` names. */
void window_start(struct window *window, const struct window_wish *wish);

/* A mark is set. */
void window_mark(struct window *window, const char *name, uint64_t time_ns);

/* Is a block born at `birth_ns` one to be counted as it comes? */
static inline bool window_counts(const struct window *window, uint64_t birth_ns)
{
	return window->counting && birth_ns >= window->from_ns && birth_ns < window->to_ns;
}

/*
 * The window of a snapshot as of `now_ns` of a ledger that started at `start_ns`, both
 * on the events' clock.
 */
void window_resolve(const struct window *window, uint64_t start_ns, uint64_t now_ns,
		    struct snapshot_window *ret_window);

#endif
