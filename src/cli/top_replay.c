/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording played for the screen: the same events into the same ledger, held back
 * until their time has come.
 *
 * Whoever listens is told of each event before the ledger is, so that is where it
 * waits. A ledger cannot forget: to go back, the recording is read again from its
 * beginning as fast as it can be.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "capture/side.h"
#include "cli/replay.h"
#include "cli/top_trace.h"
#include "symbol/recorded_names.h"

#define NAP_NS 5000000
#define PATIENCE_NS 500000000 /* of somebody who has moved to another moment */
#define LOOK_EVENTS 1024 /* between two looks at the clock, while events are due */

static uint64_t advance(struct top_trace *trace)
{
	uint64_t at_ns;

	pthread_mutex_lock(&trace->lock);
	at_ns = player_advance(&trace->player, side_now_ns());
	pthread_mutex_unlock(&trace->lock);
	return at_ns;
}

static void nap(void)
{
	const struct timespec time = { .tv_nsec = NAP_NS };

	nanosleep(&time, NULL);
}

/* One picture is wanted: the last. Rates need another, one interval before it. */
static void hold_before_end(struct top_trace *trace)
{
	struct player *player = &trace->player;
	uint64_t length = player->end_ns - player->start_ns;

	player->paused = true;
	if (length > trace->options->interval_ns)
		player->at_ns = player->end_ns - trace->options->interval_ns;
	atomic_store(&trace->wanted, true);
}

/* The first time: what is played, and how long it is. */
static void open_player(struct top_trace *trace)
{
	if (atomic_load(&trace->tracing))
		return;
	player_begin(&trace->player, trace->view.start_ns, trace->view.end_ns);
	if (trace->options->once)
		hold_before_end(trace);
	/* The screen names by these until the end, however often the recording is read. */
	trace->names = trace->view.names;
	trace->view.names = NULL;
	trace->unclosed = trace->view.unclosed;
	atomic_store(&trace->tracing, true);
}

static int tick(void *context, struct feed *feed, uint64_t now_ns)
{
	struct top_trace *trace = context;

	(void)now_ns;
	trace->feed = feed;
	open_player(trace);
	if (!trace->played_ns)
		top_trace_mark_again(trace, feed->ledger);
	return atomic_load(&trace->stop);
}

/* Is it over, or has somebody gone back? Then what is being read is of no use. */
static bool is_over(struct top_trace *trace, uint64_t at_ns)
{
	return atomic_load(&trace->stop) || at_ns < trace->played_ns;
}

static void picture(struct top_trace *trace, uint64_t time_ns)
{
	if (feed_flush(trace->feed) == 0)
		top_trace_picture(trace, trace->feed, time_ns);
}

/* Wait until the event is due. Returns 0, or -ECANCELED when it is not wanted any more. */
static int await(struct top_trace *trace, uint64_t time_ns)
{
	for (;;) {
		uint64_t at_ns = advance(trace);

		if (is_over(trace, at_ns))
			return -ECANCELED;
		/* Where all that is due was taken in, the picture is of this moment. While the
		 * reading is behind it is of the last event's, and only if that lasts. */
		if (time_ns > at_ns) {
			if (feed_flush(trace->feed) == 0)
				top_trace_mark(trace, trace->feed, at_ns);
			picture(trace, at_ns);
		} else if (trace->played_ns && !trace->options->once &&
			   side_now_ns() - trace->begun_ns > PATIENCE_NS) {
			picture(trace, trace->played_ns);
		}
		if (trace->options->once && !atomic_load(&trace->wanted))
			trace->player.at_ns = trace->player.end_ns;
		trace->due_ns = at_ns;
		if (time_ns <= at_ns)
			return 0;
		nap();
	}
}

static int listen(const struct event *event, void *context)
{
	struct top_trace *trace = context;
	int result = 0;

	if (event->time_ns > trace->due_ns || trace->until_look-- == 0) {
		trace->until_look = LOOK_EVENTS;
		result = await(trace, event->time_ns);
	}
	if (event->time_ns > trace->played_ns && result == 0)
		trace->played_ns = event->time_ns;
	return result;
}

/* The last picture stays until somebody goes back. */
static void rest_at_end(struct top_trace *trace)
{
	snapshot_free(atomic_exchange(&trace->fresh, trace->view.snapshot));
	trace->view.snapshot = NULL;
	while (!is_over(trace, advance(trace)))
		nap();
}

void top_replay(struct top_trace *trace)
{
	struct live_watch watch = {
		.listen = listen,
		.listen_context = trace,
		.tick = tick,
		.tick_context = trace,
		.screen = !trace->options->once,
	};

	do {
		view_end(&trace->view);
		trace->played_ns = trace->due_ns = 0;
		trace->until_look = 0;
		trace->begun_ns = side_now_ns();
		trace->result = replay_run(trace->options->files[0], &watch, &trace->view, &trace->error);
		if (trace->result == 0 && !trace->options->once)
			rest_at_end(trace);
		else if (trace->result == -ECANCELED)
			trace->result = 0;
		else
			break;
	} while (!atomic_load(&trace->stop));
	recorded_names_free(trace->view.names);
	trace->view.names = trace->names;
}
