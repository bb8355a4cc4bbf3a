/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/side.h"

/* A picture of millions of blocks takes a while, in which the ring fills: after each the
 * thread drains for at least so many times as long. */
#define DRAIN_SHARE 10

/* --- the standard streams of a command -------------------------------------------- */

/* The command that is traced may neither read our keys nor write onto our screen. */
static void give_null(struct top_trace *trace)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3 && null >= 0; i++) {
		trace->kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		if (trace->kept[i] >= 0)
			dup2(null, i);
	}
	if (null >= 0)
		close(null);
}

static void take_back(struct top_trace *trace)
{
	for (int i = 0; i < 3; i++) {
		if (trace->kept[i] < 0)
			continue;
		dup2(trace->kept[i], i);
		close(trace->kept[i]);
		trace->kept[i] = -1;
	}
}

/* --- the thread -------------------------------------------------------------------- */

static int begin(void *context, const struct view *view, struct error *error)
{
	struct top_trace *trace = context;

	/* The command was started; it has its streams. */
	take_back(trace);
	if (!trace->recorder.begin)
		return 0;
	return trace->recorder.begin(trace->recorder.begin_context, view, error);
}

static int listen(const struct event *event, void *context)
{
	struct top_trace *trace = context;

	/* Only this thread sets SAVING_ENDED. */
	if (atomic_load_explicit(&trace->saving, memory_order_relaxed) == SAVING_ENDED)
		return 0;
	return trace->recorder.listen(event, trace->recorder.listen_context);
}

void top_trace_picture(struct top_trace *trace, struct feed *feed, uint64_t now_ns)
{
	struct snapshot *snapshot = NULL;
	uint64_t start_ns = side_now_ns(), end_ns;

	if (!atomic_load(&trace->wanted) || start_ns < trace->rest_until_ns)
		return;
	if (feed_catch_up(feed) < 0 || ledger_snapshot(feed->ledger, now_ns, &snapshot) < 0)
		return;
	end_ns = side_now_ns();
	trace->rest_until_ns = end_ns + DRAIN_SHARE * (end_ns - start_ns);
	atomic_store(&trace->wanted, false);
	snapshot_free(atomic_exchange(&trace->fresh, snapshot));
}

/* Returns as live_watch.tick: a full recording may end the trace. */
static int tick_recorder(struct top_trace *trace, struct feed *feed, uint64_t now_ns)
{
	int saving = atomic_load(&trace->saving);

	if (saving == SAVING_WANTED) {
		atomic_store(&trace->saving, SAVING_ENDED);
		return 0;
	}
	return saving == SAVING_ON ?
		       trace->recorder.tick(trace->recorder.tick_context, feed, now_ns) : 0;
}

void top_trace_mark_again(const struct top_trace *trace, struct ledger *ledger)
{
	const struct window_wish newer = { .from = { .kind = MOMENT_TIME, .ns = trace->mark_ns } };

	if (trace->mark_ns)
		ledger_set_window(ledger, &newer);
}

bool top_trace_mark(struct top_trace *trace, struct feed *feed, uint64_t now_ns)
{
	uint64_t start_ns = ledger_start_ns(feed->ledger);

	if (!start_ns || now_ns <= start_ns || !atomic_exchange(&trace->mark, false))
		return false;
	trace->mark_ns = (feed->capture ? capture_mark(feed->capture) : now_ns) - start_ns;
	top_trace_mark_again(trace, feed->ledger);
	return true;
}

/* Set by key: it goes into the recording too. */
static int tick_mark(struct top_trace *trace, struct feed *feed, uint64_t now_ns)
{
	struct event event = { .kind = EVENT_MARK };
	char name[SNAPSHOT_MARK_BYTES];

	if (!top_trace_mark(trace, feed, now_ns))
		return 0;
	event.time_ns = ledger_start_ns(feed->ledger) + trace->mark_ns;
	snprintf(name, sizeof(name), "top-%u", ++trace->marked);
	event.mark.name = name;
	return feed_event(&event, feed);
}

static int tick(void *context, struct feed *feed, uint64_t now_ns)
{
	struct top_trace *trace = context;
	int result = tick_mark(trace, feed, now_ns);

	if (result == 0)
		result = tick_recorder(trace, feed, now_ns);

	top_trace_picture(trace, feed, now_ns);
	atomic_store(&trace->tracing, true);
	return atomic_load(&trace->stop) ? 1 : result;
}

static void *run(void *context)
{
	struct top_trace *trace = context;

	if (trace->options->file_count)
		top_replay(trace);
	else
		trace->result = live_run(trace->options, &trace->watch, &trace->view, &trace->error);
	take_back(trace);
	atomic_store(&trace->done, true);
	return NULL;
}

int top_trace_begin(struct top_trace *trace, const struct options *options, struct error *error)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	sigset_t others, before;
	int result;

	*trace = (struct top_trace){
		.options = options,
		.kept = { -1, -1, -1 },
		.watch = {
			.begin = begin,
			.begin_context = trace,
			.tick = tick,
			.tick_context = trace,
			.screen = true,
		},
	};
	pthread_mutex_init(&trace->lock, NULL);
	if (options->record) {
		record_watch(&trace->record, options, options->record, &trace->recorder);
		trace->watch.listen = listen;
		trace->watch.listen_context = trace;
		atomic_store(&trace->saving, SAVING_ON);
	}
	marks_watch(&trace->marks, options, &trace->watch);
	if (options->command)
		give_null(trace);
	/* Signals go to the thread that has the screen; but a crash is that of who crashes, and
	 * blocked it would end us before the terminal is given back. */
	sigfillset(&others);
	for (size_t i = 0; i < ARRAY_LENGTH(crashes); i++)
		sigdelset(&others, crashes[i]);
	pthread_sigmask(SIG_SETMASK, &others, &before);
	result = pthread_create(&trace->thread, NULL, run, trace);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		return 0;
	take_back(trace);
	return error_set(error, -result, "", "cannot start a thread: %s", strerror(result));
}

struct snapshot *top_trace_fetch(struct top_trace *trace)
{
	return atomic_exchange(&trace->fresh, NULL);
}

void top_trace_end(struct top_trace *trace)
{
	atomic_store(&trace->stop, true);
	pthread_join(trace->thread, NULL);
}
