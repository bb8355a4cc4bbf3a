/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One live trace from beginning to end: capture in, view out. */
#ifndef OUTLIVE_CLI_LIVE_H
#define OUTLIVE_CLI_LIVE_H

#include <stdbool.h>

#include "cli/feed.h"
#include "cli/options.h"
#include "cli/view.h"

/* Who else takes part in a trace; every member may be NULL. All are called by the thread
 * that drains the ring: what they take long for fills it. */
struct live_watch {
	/* Probes are in place and nothing has been delivered yet. Returns 0, or a -errno with
	 * `error` filled, and there will be no trace. */
	int (*begin)(void *context, const struct view *view, struct error *error);
	void *begin_context;
	event_fn listen; /* is told of every event first, see struct feed */
	void *listen_context;
	/* Between polls, every 20 ms at least: may feed events of its own (marks) and take
	 * snapshots of feed->ledger. Returns 0; 1 to end the trace; a -errno when it failed. */
	int (*tick)(void *context, struct feed *feed, uint64_t now_ns);
	void *tick_context;
	const struct window_wish *window; /* of which blocks snapshots are; NULL: of all */
	/* Somebody watches: nothing is said about a report at the end, nor of what is missing
	 * of a recording, and signals are the caller's. */
	bool screen;
};

/*
 * Trace as `options` say until the time is over, the user interrupts
 * (cli_interrupted) or the targets end. Returns 0 with view->snapshot, or a
 * -errno with `error` filled. view_end() releases either way.
 */
int live_run(const struct options *options, const struct live_watch *watch, struct view *view,
	     struct error *error);

/* SIGINT and SIGTERM set cli_interrupted; a second one ends outlive at once. */
void live_catch_signals(void);

#endif
