/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "analysis/tiers.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "capture/capture.h"
#include "capture/side.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "target/process.h"

#define POLL_MS 20 /* how long events may wait in the ring when they come slowly */

static void on_signal(int number)
{
	(void)number;
	cli_interrupted = 1;
}

/* The second Ctrl-C ends outlive at once, should it ever hang. */
void live_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void announce_pids(const struct capture_options *options)
{
	struct process_info info;
	char comm[64];

	for (size_t i = 0; i < options->pid_count; i++) {
		bool known = process_read(options->pids[i], &info) == 0;

		text_clean(comm, sizeof(comm), known ? info.comm : "?", sizeof(info.comm));
		fprintf(stderr, "%s%s (%u)", i ? ", " : "", comm, options->pids[i]);
	}
}

static void announce(const struct options *options, bool screen, const struct view *view,
		     const struct capture_options *how)
{
	size_t count = capture_processes(view->capture);

	fprintf(stderr, "tracing ");
	if (how->scope == SCOPE_PIDS)
		announce_pids(how);
	else
		fprintf(stderr, "%zu process%s%s%s and those to come", count,
			count == 1 ? "" : "es", how->cgroup ? " of " : "",
			how->cgroup ? how->cgroup : "");
	if (screen || options->duration_ns || options->command || !isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	else
		fprintf(stderr, " ... Ctrl-C ends it and prints the report\n");
	fflush(stderr);
}

/* What the user is told as it happens, before whoever else listens. */
struct hearing {
	const struct live_watch *watch;
	const struct ledger *ledger;
};

static int hear(const struct event *event, void *context)
{
	const struct hearing *hearing = context;
	const struct live_watch *watch = hearing->watch;

	if (event->kind == EVENT_TIER && event->tier.limit && !watch->screen) {
		const struct snapshot_tier tier = {
			.time_ns = event->time_ns,
			.tier = event->tier.tier,
			.probes_stay = event->tier.probes_stay,
			.sample_bytes = event->tier.sample_bytes,
			.cost = event->tier.cost,
			.limit = event->tier.limit,
		};
		char text[TIER_TEXT];

		fprintf(stderr, "outlive: less is traced of process %u: %s\n", event->pid,
			tier_text(&tier, ledger_start_ns(hearing->ledger), text));
	}
	return watch->listen ? watch->listen(event, watch->listen_context) : 0;
}

static int trace(const struct options *options, const struct live_watch *watch, struct view *view,
		 struct feed *feed, struct error *error)
{
	struct source *source = capture_source(view->capture);
	uint64_t started = side_now_ns();
	uint64_t deadline = options->duration_ns ? started + options->duration_ns : UINT64_MAX;
	int result = 0;

	while (!cli_interrupted && result >= 0 && side_now_ns() < deadline) {
		uint64_t left = (deadline - side_now_ns()) / 1000000;

		result = feed_poll(feed, source, left < POLL_MS ? (int)left : POLL_MS);
		if (result >= 0 && watch->tick) {
			int ticked = watch->tick(watch->tick_context, feed, side_now_ns());

			if (ticked > 0)
				break;
			result = ticked < 0 ? ticked : result;
		}
	}
	view->duration_ns = side_now_ns() - started;
	capture_stop(view->capture);
	if (result == -EPIPE)
		result = 0;
	while (result >= 0 && (result = feed_poll(feed, source, 0)) > 0)
		;
	if (result < 0 && result != -EPIPE)
		return error_set(error, result, "", "reading events failed: %s", strerror(-result));
	return 0;
}

/* The moments of a window that are known ahead. */
static void mark_window(const struct window_wish *wish, struct feed *feed)
{
	const struct moment *moments[3];

	if (!wish)
		return;
	moments[0] = &wish->from;
	moments[1] = &wish->to;
	moments[2] = &wish->at;
	for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
		if (moments[i]->kind == MOMENT_TIME)
			capture_mark_at(feed->capture, ledger_start_ns(feed->ledger) + moments[i]->ns);
}

static int trace_all(const struct options *options, const struct capture_options *capture_options,
		     const struct live_watch *watch, struct view *view, struct feed *feed,
		     struct error *error)
{
	int result = capture_open(capture_options, &view->capture, error);

	feed->capture = view->capture;
	if (result == 0 && watch->begin)
		result = watch->begin(watch->begin_context, view, error);
	if (result == 0)
		result = capture_start(view->capture, feed_event, feed, error);
	if (result < 0)
		return result;
	view->began = true;
	mark_window(watch->window, feed);
	announce(options, watch->screen, view, capture_options);
	result = capture_release(view->capture, error);
	if (result == 0)
		result = trace(options, watch, view, feed, error);
	if (result == 0 && ledger_snapshot(feed->ledger, side_now_ns(), &view->snapshot) < 0)
		result = error_set(error, -ENOMEM, "", "out of memory for the report");
	return result;
}

static void describe(const struct options *options, struct view *view)
{
	struct utsname kernel;

	memset(view, 0, sizeof(*view));
	if (uname(&kernel) == 0)
		snprintf(view->kernel, sizeof(view->kernel), "%s", kernel.release);
	snprintf(view->stacks, sizeof(view->stacks), "%s", options->stacks_name);
	view->min_size = options->min_size;
	view->sample_bytes = options->sample_bytes;
}

int live_run(const struct options *options, const struct live_watch *watch, struct view *view,
	     struct error *error)
{
	static struct launch launch;
	static struct capture_options capture_options;
	static uint32_t launched;
	static struct feed feed;
	static struct hearing hearing;
	int result = 0;

	describe(options, view);
	capture_options = (struct capture_options){
		.stacks = options->stacks,
		.memo = !options->no_memo,
		.pairs = !options->no_pairs,
		.buffer_bytes = options->buffer_bytes,
		.unwind_bytes = options->unwind_bytes,
		.min_size = options->min_size,
		.sample_bytes = options->sample_bytes,
		.no_blocks = options->tier == EVENT_TIER_MMAP,
		.max_overhead = options->max_overhead,
		.ranges = !options->no_mmap,
	};
	feed.listen = hear;
	feed.listen_context = &hearing;
	feed.ledger = ledger_new();
	if (!feed.ledger)
		return error_set(error, -ENOMEM, "", "out of memory");
	hearing = (struct hearing){ .watch = watch, .ledger = feed.ledger };
	if (watch->window)
		ledger_set_window(feed.ledger, watch->window);
	if (!watch->screen)
		live_catch_signals();
	result = target_of_options(options, &capture_options, error);
	if (result == 0 && options->command) {
		result = launch_start(&launch, options->command, error);
		launched = (uint32_t)launch.pid;
		capture_options.pids = &launched;
		capture_options.pid_count = 1;
		capture_options.launch = &launch;
	}
	if (result == 0)
		result = trace_all(options, &capture_options, watch, view, &feed, error);
	if (result < 0 && launch.held)
		launch_abandon(&launch);
	ledger_free(feed.ledger);
	return result;
}
