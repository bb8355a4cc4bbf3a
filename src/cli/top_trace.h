/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace behind the screen, or the recording: a thread of its own that drains and
 * applies.
 *
 * The screen asks for a picture when it can show one; the thread takes it between
 * two polls and swaps the pointer. Neither ever waits for the other: a slow
 * terminal or a large symbol table delays the next picture, not the ring.
 */
#ifndef OUTLIVE_CLI_TOP_TRACE_H
#define OUTLIVE_CLI_TOP_TRACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "cli/live.h"
#include "cli/marks.h"
#include "cli/record.h"
#include "cli/view.h"
#include "top/player.h"

/* How far the recording beside the screen has come. */
enum top_saving {
	SAVING_NOT,    /* there is none */
	SAVING_ON,     /* every event goes into it */
	SAVING_WANTED, /* the screen wants it to end here */
	SAVING_ENDED,  /* no event goes into it any more: it is the screen's now */
};

struct top_trace {
	const struct options *options;
	/* From the screen to the thread. */
	atomic_bool wanted; /* take a picture */
	atomic_bool stop;
	atomic_bool mark; /* set one */
	pthread_mutex_t lock; /* of the player */
	struct player player; /* of a recording; valid when tracing */
	atomic_int saving; /* enum top_saving */
	struct record record;
	/* From the thread to the screen. */
	_Atomic(struct snapshot *) fresh; /* taken, not fetched yet */
	atomic_bool tracing;		  /* probes are in place, or the recording is open */
	struct recorded_names *names;	  /* of a recording; valid when tracing, until the end */
	bool unclosed;			  /* it was never closed; valid when tracing */
	atomic_bool done;		  /* what follows is valid, the thread writes no more */
	struct view view;
	struct error error;
	int result;
	/* The thread's own. */
	pthread_t thread;
	struct live_watch watch;
	struct live_watch recorder; /* its part in the trace, as record_watch() made it */
	struct marks_setter marks; /* those that do not come from the screen */
	unsigned int marked;	   /* marks from the screen */
	uint64_t mark_ns;	   /* the last one's, since the first event; 0 none */
	uint64_t rest_until_ns;	   /* no picture before */
	struct feed *feed;	/* of a recording being played */
	uint64_t played_ns; /* time of its last event taken in; 0 none */
	uint64_t due_ns;    /* where the player was when last looked at … */
	unsigned int until_look; /* … which is again after so many events */
	uint64_t begun_ns;	 /* when reading began at the beginning, on our clock */
	int kept[3]; /* our standard streams, while the command gets others; -1 none */
};

/* Begin. Returns 0 or -EAGAIN with `error` filled. */
int top_trace_begin(struct top_trace *trace, const struct options *options, struct error *error);

/* The picture taken since the last call, now the caller's; NULL: none. */
struct snapshot *top_trace_fetch(struct top_trace *trace);

/* End the trace and wait for it: probes are out, trace->view holds the last picture,
 * one before it may still be to fetch. */
void top_trace_end(struct top_trace *trace);

/* --- within ------------------------------------------------------------------------- */

/* Take a picture of the ledger as of `now_ns`, if one is wanted and it is time. */
void top_trace_picture(struct top_trace *trace, struct feed *feed, uint64_t now_ns);

/* Is a mark wanted? Then pictures are of what is newer than `now_ns`, and of all, from
 * now on. */
bool top_trace_mark(struct top_trace *trace, struct feed *feed, uint64_t now_ns);

/* The same again in a ledger that begins anew. */
void top_trace_mark_again(const struct top_trace *trace, struct ledger *ledger);

/* Play the recording until the trace is stopped. */
void top_replay(struct top_trace *trace);

#endif
