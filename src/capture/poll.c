/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/poll.h"

#include <errno.h>
#include <string.h>

#include "capture/follow.h"
#include "capture/govern.h"
#include "capture/side.h"
#include "outlive.skel.h"
#include "target/process.h"

#define UNKNOWN_NS 2000000000ull	/* how long a process may run before it is told of */
#define RESIDENT_AT_A_TIME 128
#define SWEEP_TRIES 4		 /* see sweep_young() */
#define SWEEP_HASTE_NS 200000ull /* longer is too long */
#define RESIDENT_EVERY_NS 200000000ull /* how often resident memory is read */

/* The last word on memory of a program that we started comes from wait(2). */
static uint64_t reaped_peak(struct capture *capture, const struct traced *traced)
{
	struct launch *launch = capture->options->launch;

	if (!launch || (uint32_t)launch->pid != traced->pid || !launch_ended(launch))
		return 0;
	return launch->peak_rss_bytes;
}

static int note_resident(const struct event *event, void *context)
{
	struct capture *capture = context;
	struct traced *traced = processes_find(&capture->processes, event->pid);

	if (traced)
		traced->rss_bytes = event->resident.rss_bytes;
	return capture->deliver(event, capture->context);
}

/* Should the record of an exit have been lost, /proc still tells. */
static void notice_end(struct capture *capture, struct traced *traced)
{
	if (!traced->exited && !process_alive(traced->pid, 0))
		processes_exit(&capture->processes, traced);
}

/* Is the block of a note gone with the program that made it? One of which nothing is known may
 * have been met just now. */
static bool is_dead(const struct sample_note *note, void *context)
{
	const struct capture *capture = context;
	const struct traced *traced = processes_find(&capture->processes, note->pid);

	if (!traced)
		return note->time_ns + UNKNOWN_NS < side_now_ns();
	return traced->exited || note->time_ns < traced->program_ns;
}

static int sweep_samples(struct capture *capture)
{
	if (!capture->sweep_due || !capture->samples.on)
		return 0;
	capture->sweep_due = false;
	return samples_sweep(&capture->samples, is_dead, capture);
}

/*
 * A forked child is taken for what its parent is, in the same place. Its pid there, and where
 * it was moved to since, is looked up when it has lived to see this: most do not.
 */
static int deliver_home(struct capture *capture, struct traced *traced)
{
	int result = 0;

	if (!traced->told && !traced->exited)
		result = side_program(traced->pid, capture->deliver, capture->context);
	traced->told = true;
	return result == -ESRCH || result == -EACCES ? 0 : result;
}

static int deliver_resident_of(struct capture *capture, struct traced *traced)
{
	int result;

	notice_end(capture, traced);
	/* Of one that is not wanted, only that it ends is of interest. */
	if (traced->outside)
		return 0;
	result = deliver_home(capture, traced);
	if (result == 0)
		result = side_resident(traced->pid, traced->rss_bytes, reaped_peak(capture, traced),
				       note_resident, capture);
	return result == 0 ? follow_calls(capture, traced) : result;
}

/* Each process in its turn: some at a time, for it takes some 30 us each; all of them `now`. */
static int deliver_resident(struct capture *capture, bool now)
{
	uint64_t time_ns = side_now_ns();
	size_t rows = capture->processes.count, done = 0;
	int result = 0;

	if (!now && time_ns < capture->resident_due_ns)
		return 0;
	capture->resident_due_ns = time_ns + RESIDENT_EVERY_NS;
	pythons_settle(capture->pythons);
	for (size_t i = 0; i < rows && result == 0 && (now || done < RESIDENT_AT_A_TIME); i++) {
		struct traced *traced = &capture->processes.rows[capture->resident_next++ % rows];

		done += traced->used;
		if (traced->used)
			result = deliver_resident_of(capture, traced);
	}
	return result == 0 ? sweep_samples(capture) : result;
}

static int deliver_losses(struct capture *capture)
{
	struct event event = { .kind = EVENT_LOSS };

	for (size_t i = 0; i < WIRE_LOSS_COUNT; i++)
		event.loss.totals[i] = capture->own_losses[i] + capture->skeleton->bss->losses[i];
	if (memcmp(capture->losses, event.loss.totals, sizeof(capture->losses)) == 0)
		return 0;
	memcpy(capture->losses, event.loss.totals, sizeof(capture->losses));
	event.time_ns = side_now_ns();
	return capture->deliver(&event, capture->context);
}

/* Is there nothing more to trace? A started program is what the trace is about: what it leaves
 * running does not keep it up. */
static bool has_ended(const struct capture *capture)
{
	const struct launch *launch = capture->options->launch;
	const struct traced *traced;

	if (!launch)
		return capture->options->scope == SCOPE_PIDS && capture->processes.alive == 0;
	traced = processes_find(&capture->processes, (uint32_t)launch->pid);
	return !traced || traced->exited;
}

/*
 * What has been kept in the kernel, if it is time: see capture/young.h. What counts say of
 * replacement is to be of the same moment as what the ring told, so should emptying it have
 * taken long (we were held up), it is done once more.
 */
static int sweep_young(struct capture *capture, enum young_depth depth)
{
	/* In this order: what the ring held at that time or before is in it. */
	uint64_t now_ns = side_now_ns();
	bool noted = young_note(&capture->young, now_ns, ring_produced(capture->ring), depth);
	int count = 0, more;

	for (int tries = 0; noted && tries < SWEEP_TRIES; tries++) {
		more = ring_poll(capture->ring, follow_event, capture, 0);
		if (more < 0)
			return more;
		count += more;
		if (side_now_ns() - now_ns < SWEEP_HASTE_NS)
			break;
		now_ns = side_now_ns();
		young_note(&capture->young, now_ns, ring_produced(capture->ring), YOUNG_PAST);
	}
	more = young_sweep(&capture->young, ring_consumed(capture->ring), depth, follow_event,
			   capture);
	return more < 0 ? more : count + more;
}

int poll_source(struct source *source, event_fn deliver, void *context, int timeout_ms)
{
	struct capture *capture = (struct capture *)source;
	bool ended = has_ended(capture);
	int count, swept, result;

	capture->deliver = deliver;
	capture->context = context;
	count = ring_poll(capture->ring, follow_event, capture,
			  ended || capture->stopped ? 0 : timeout_ms);
	if (count < 0)
		return count;
	swept = sweep_young(capture, capture->stopped ? YOUNG_ALL : YOUNG_OLD);
	if (swept < 0)
		return swept;
	count += swept;
	result = follow_settle(capture);
	if (result == 0)
		result = govern_tick(capture);
	if (result == 0)
		result = deliver_resident(capture, count == 0 && (ended || capture->stopped));
	if (result == 0)
		result = deliver_losses(capture);
	if (result < 0)
		return result;
	/* Children that live on would go on for ever: what there is of them comes after the stop. */
	if (ended && (count == 0 || (capture->processes.alive && !capture->stopped)))
		return -EPIPE;
	return count;
}

int capture_catch_up(struct capture *capture, event_fn deliver, void *context)
{
	int count;

	capture->deliver = deliver;
	capture->context = context;
	count = sweep_young(capture, YOUNG_PAST);
	return count < 0 ? count : 0;
}
