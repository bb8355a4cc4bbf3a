/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a source into the ledger, past whoever listens.
 *
 * Events of blocks hold no pointers, so some are kept back and applied together:
 * the ledger then fetches the memory of the next while it works on one.
 */
#ifndef OUTLIVE_CLI_FEED_H
#define OUTLIVE_CLI_FEED_H

#include <stddef.h>

#include "capture/capture.h"
#include "ledger/ledger.h"
#include "stream/source.h"

#define FEED_EVENTS 64

struct feed {
	struct ledger *ledger;
	/* Is told of every event, in order, before the ledger is: the recorder. NULL: nobody. */
	event_fn listen;
	void *listen_context;
	struct capture *capture; /* where they come from; NULL: a file */
	struct event held[FEED_EVENTS];
	size_t count;
};

/* Take one event in; `context` is the feed. Returns 0, or the listener's -errno. An event
 * that the ledger has no room for is counted there; the trace goes on. */
int feed_event(const struct event *event, void *context);

/* Apply what is kept back. Returns 0 or -errno. */
int feed_flush(struct feed *feed);

/* Poll the source once, and leave nothing kept back. Returns as source->poll. */
int feed_poll(struct feed *feed, struct source *source, int timeout_ms);

/* Before a snapshot in the midst of a trace: apply what the kernel still keeps. Returns 0 or
 * -errno. */
int feed_catch_up(struct feed *feed);

/* The time of a mark that is set now. */
uint64_t feed_mark_time(struct feed *feed);

#endif
