/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/poll.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "capture/side.h"
#include "outlive.skel.h"
#include "target/process.h"

#define RESIDENT_EVERY_NS 200000000ull /* how often resident memory is read */

int poll_attach_new(struct capture *capture, struct error *error)
{
	int result = 0;

	while (result == 0 && capture->allocators_attached < capture->allocators.count) {
		const struct allocator_file *file =
			&capture->allocators.files[capture->allocators_attached++];

		for (size_t i = 0; i < capture->traced_count && result == 0; i++) {
			if (!capture->traced[i].exited)
				result = attach_allocator(&capture->attach, capture->skeleton, file,
							  capture->traced[i].pid, error);
		}
	}
	return result;
}

int poll_look(struct capture *capture, uint32_t slot)
{
	uint32_t pid = capture->traced[slot].pid;
	struct error error = { .what = "" };
	int result = binaries_scan(capture->binaries, pid);

	/* A process that just ended has nothing to look at; its end is on its way. */
	if (result < 0)
		return result == -ENOMEM ? result : 0;
	result = binaries_publish(capture->binaries, &capture->tables, pid, slot, side_now_ns(),
				 capture->deliver, capture->context);
	if (result == 0)
		result = pythons_look(capture->pythons, slot, pid, capture->binaries,
				      capture->deliver, capture->context);
	if (result < 0)
		return result;
	allocator_find(pid, &capture->allocators, NULL);
	if (poll_attach_new(capture, &error) < 0)
		log_line("%s", error.what);
	return 0;
}

int poll_held_mapped(void *context)
{
	struct capture *capture = context;

	tables_idle(&capture->tables);
	return poll_look(capture, 0);
}

static struct traced *traced_find(struct capture *capture, uint32_t pid)
{
	for (size_t i = 0; i < capture->traced_count; i++) {
		if (capture->traced[i].pid == pid)
			return &capture->traced[i];
	}
	return NULL;
}

static void process_ended(struct capture *capture, struct traced *traced)
{
	traced->exited = true;
	binaries_release(capture->binaries, &capture->tables, traced->pid,
			 (uint32_t)(traced - capture->traced));
}

/* What the capture itself learns from an event on its way to the receiver. */
static int pass_on(const struct event *event, void *context)
{
	struct capture *capture = context;
	struct traced *traced = traced_find(capture, event->pid);

	switch (event->kind) {
	case EVENT_EXEC:
		capture->look_again = true;
		if (traced)
			pythons_forget(capture->pythons, (uint32_t)(traced - capture->traced));
		break;
	case EVENT_PYTHON_STACK:
		return traced ? pythons_stack(capture->pythons, (uint32_t)(traced - capture->traced),
					      event, capture->deliver, capture->context) : 0;
	case EVENT_MAP:
		if (event->range.fd >= 0 && (event->range.prot & 4 /* PROT_EXEC */))
			capture->look_again = true;
		break;
	case EVENT_EXIT:
		if (traced && event->exit.last_thread)
			process_ended(capture, traced);
		else if (traced && event->tid == event->pid && !capture->attach.multi)
			capture->own_losses[WIRE_LOSS_FIRST_THREAD]++;
		break;
	}
	return capture->deliver(event, capture->context);
}

static int look_where_needed(struct capture *capture)
{
	bool all = capture->look_again;
	uint64_t now_ns = side_now_ns();
	int result = 0;

	capture->look_again = false;
	for (uint32_t slot = 0; slot < capture->traced_count && result == 0; slot++) {
		bool stale = tables_take_stale(&capture->tables, slot, now_ns);

		if ((all || stale) && !capture->traced[slot].exited)
			result = poll_look(capture, slot);
	}
	return result;
}

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
	struct traced *traced = traced_find(capture, event->pid);

	if (traced)
		traced->rss_bytes = event->resident.rss_bytes;
	return capture->deliver(event, capture->context);
}

static int deliver_resident(struct capture *capture, bool now)
{
	uint64_t time_ns = side_now_ns();
	int result = 0;

	if (!now && time_ns < capture->resident_due_ns)
		return 0;
	capture->resident_due_ns = time_ns + RESIDENT_EVERY_NS;
	pythons_settle(capture->pythons);
	for (size_t i = 0; i < capture->traced_count && result == 0; i++) {
		const struct traced *traced = &capture->traced[i];

		result = side_resident(traced->pid, traced->rss_bytes, reaped_peak(capture, traced),
				       note_resident, capture);
	}
	return result;
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

static bool all_exited(struct capture *capture)
{
	for (size_t i = 0; i < capture->traced_count; i++) {
		/* Should the exit record have been lost, /proc still tells. */
		if (!capture->traced[i].exited && process_alive(capture->traced[i].pid, 0))
			return false;
	}
	return true;
}

int poll_source(struct source *source, event_fn deliver, void *context, int timeout_ms)
{
	struct capture *capture = (struct capture *)source;
	bool ended = all_exited(capture);
	int count, result;

	capture->deliver = deliver;
	capture->context = context;
	count = ring_poll(capture->ring, pass_on, capture,
			  ended || capture->stopped ? 0 : timeout_ms);
	if (count < 0)
		return count;
	result = look_where_needed(capture);
	if (result == 0)
		result = deliver_resident(capture, count == 0 && (ended || capture->stopped));
	if (result == 0)
		result = deliver_losses(capture);
	if (result < 0)
		return result;
	return count == 0 && ended ? -EPIPE : count;
}

