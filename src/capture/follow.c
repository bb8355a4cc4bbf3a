/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/follow.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "capture/govern.h"
#include "capture/side.h"
#include "outlive.skel.h"
#include "target/process.h"

/* --- probes --------------------------------------------------------------------- */

/* All allocator files known so far, in one process. */
static int attach_process(struct capture *capture, struct traced *traced, struct error *error)
{
	int result = 0;

	if (!govern_wants_probes(traced))
		return 0;
	for (size_t i = 0; i < capture->allocators_attached && result == 0; i++)
		result = attach_allocator(&capture->attach, capture->skeleton,
					  &capture->allocators.files[i], traced->pid, error);
	traced->probed = result == 0;
	return result;
}

int follow_attach_new(struct capture *capture, struct error *error)
{
	int result = 0;

	while (result == 0 && capture->allocators_attached < capture->allocators.count) {
		const struct allocator_file *file =
			&capture->allocators.files[capture->allocators_attached++];

		for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
			const struct traced *traced = &capture->processes.rows[i];

			if (traced->used && !traced->exited && govern_wants_probes(traced))
				result = attach_allocator(&capture->attach, capture->skeleton, file,
							  traced->pid, error);
			/* That one has ended is no reason to leave out the others. */
			if (result == -ESRCH && capture->deliver)
				result = 0;
		}
	}
	return result;
}

/* Probes stand that were wanted since `since_ns`. */
static int deliver_covered(struct capture *capture, uint32_t pid, uint64_t since_ns)
{
	struct event event = { .kind = EVENT_COVERED, .pid = pid, .time_ns = side_now_ns() };

	if (event.time_ns <= since_ns)
		return 0;
	event.covered.after_ns = event.time_ns - since_ns;
	return capture->deliver(&event, capture->context);
}

/* --- slots ---------------------------------------------------------------------- */

/* Tell BPF in which slot the process is. `flags`: BPF_EXIST unless it is to be added. */
static int set_slot(struct capture *capture, const struct traced *traced, uint64_t flags)
{
	const struct scope_process row = govern_row(capture, traced);
	int result = bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.processes),
					 &traced->pid, &row, flags);

	__atomic_add_fetch(&capture->skeleton->bss->generation, 1, __ATOMIC_RELEASE);
	/* One that has ended has no row any more. */
	return result < 0 && errno != ENOENT ? -errno : 0;
}

int follow_set_row(struct capture *capture, const struct traced *traced)
{
	return set_slot(capture, traced, BPF_EXIST);
}

static void give_slot(struct capture *capture, struct traced *traced)
{
	if (slots_give(&capture->slots, traced->slot, side_now_ns())) {
		pythons_forget(capture->pythons, traced->slot);
		binaries_release(capture->binaries, &capture->tables, traced->slot);
	}
	traced->slot = SCOPE_NO_SLOT;
	traced->own_slot = false;
}

/* See that the process has a slot that may hold its own tables. Returns false: there is none. */
static bool own_slot(struct capture *capture, struct traced *traced)
{
	uint32_t slot;

	/* Its children still run what it ran before. */
	if (traced->renewed && capture->slots.users[traced->slot] > 1)
		give_slot(capture, traced);
	if (traced->own_slot)
		return true;
	slot = slots_take(&capture->slots, side_now_ns());
	if (slot == SCOPE_NO_SLOT) {
		/* What it shares is better than nothing, unless it runs another program. */
		if (traced->renewed)
			give_slot(capture, traced);
		capture->own_losses[WIRE_LOSS_SLOT] += !traced->untabled;
		traced->untabled = true;
		return false;
	}
	give_slot(capture, traced);
	traced->slot = slot;
	traced->own_slot = true;
	return true;
}

int follow_add(struct capture *capture, uint32_t pid)
{
	struct traced *traced = processes_add(&capture->processes, pid);

	if (!traced)
		return -ENOMEM;
	govern_begin(capture, traced, NULL);
	traced->slot = slots_take(&capture->slots, side_now_ns());
	traced->own_slot = traced->slot != SCOPE_NO_SLOT;
	traced->probed = govern_wants_probes(traced);
	samples_add(&capture->samples, pid);
	return set_slot(capture, traced, BPF_ANY);
}

/* --- looking at what is mapped --------------------------------------------------- */

/* What the last scan found: modules to the receiver, tables and interpreter to BPF. */
static int publish(struct capture *capture, struct traced *traced)
{
	bool own = own_slot(capture, traced);
	int result;

	result = binaries_publish(capture->binaries, &capture->tables, traced->pid,
				  own ? traced->slot : SCOPE_NO_SLOT, side_now_ns(),
				  capture->deliver, capture->context);
	if (result == 0 && own)
		result = pythons_look(capture->pythons, traced->slot, traced->pid,
				      capture->binaries, capture->deliver, capture->context);
	return result;
}

/* Find allocators that are new and probe them; `news_ns`: since when they may be there. */
static int look_for_allocators(struct capture *capture, const struct traced *traced)
{
	struct error error = { .what = "" };
	size_t known = capture->allocators.count;

	allocator_find(traced->pid, &capture->allocators, NULL);
	if (capture->allocators.count == known)
		return 0;
	if (follow_attach_new(capture, &error) < 0) {
		log_line("%s", error.what);
		return 0;
	}
	return traced->news_ns ? deliver_covered(capture, traced->pid, traced->news_ns) : 0;
}

int follow_look(struct capture *capture, struct traced *traced)
{
	uint32_t slot = traced->slot;
	int result = look_for_allocators(capture, traced);

	if (result == 0)
		result = binaries_scan(capture->binaries, traced->pid);
	if (result == 0 && traced->renewed)
		result = side_program(traced->pid, capture->deliver, capture->context);
	if (result == 0)
		result = publish(capture, traced);
	if (result == 0 && (traced->renewed || traced->slot != slot))
		result = set_slot(capture, traced, BPF_EXIST);
	traced->look = false;
	traced->renewed = false;
	traced->news_ns = 0;
	/* A process that just ended has nothing to look at; its end is on its way. */
	return result == -ESRCH || result == -EACCES ? 0 : result;
}

int follow_held_mapped(void *context)
{
	struct capture *capture = context;

	tables_idle(&capture->tables);
	return follow_look(capture, processes_find(&capture->processes,
						   (uint32_t)capture->options->launch->pid));
}

static void want_look(struct traced *traced, uint64_t time_ns)
{
	if (!traced->news_ns)
		traced->news_ns = time_ns;
	traced->look = true;
}

/* --- events ----------------------------------------------------------------------- */

/* Probes for a child that BPF follows already. Returns 0, or -ENOMEM. */
static int add_child(struct capture *capture, uint32_t parent_pid, const struct event *event)
{
	uint32_t pid = event->fork.child_pid;
	struct traced *child = processes_find(&capture->processes, pid), *parent;
	struct error error = { .what = "" };

	if (child)
		processes_remove(&capture->processes, child);
	child = processes_add(&capture->processes, pid);
	if (!child)
		return -ENOMEM;
	child->program_ns = event->time_ns;
	parent = processes_find(&capture->processes, parent_pid);
	govern_begin(capture, child, parent);
	if (parent && !parent->look) {
		slots_share(&capture->slots, parent->slot);
		child->slot = parent->slot;
		child->look = pythons_has(capture->pythons, parent->slot);
	} else {
		child->look = true;
	}
	/* A child in its parent's memory calls no allocator of its own before it runs another
	 * program, and a perf event's probes would be met by its parent. */
	if (!(event->flags & WIRE_SHARES_MEMORY) || capture->attach.multi) {
		if (attach_process(capture, child, &error) < 0)
			log_line("%s", error.what);
	}
	return set_slot(capture, child, BPF_EXIST);
}

static int on_fork(struct capture *capture, const struct event *event)
{
	const struct traced *child;
	int result;

	if (!(event->flags & WIRE_FOLLOWED))
		return capture->deliver(event, capture->context);
	/* First of all the probes: the child runs already. */
	result = add_child(capture, event->pid, event);
	if (result == 0)
		result = capture->deliver(event, capture->context);
	child = processes_find(&capture->processes, event->fork.child_pid);
	if (result == 0 && child && child->probed && !(event->flags & WIRE_SHARES_MEMORY))
		result = deliver_covered(capture, child->pid, event->time_ns);
	return result;
}

static int on_exec(struct capture *capture, struct traced *traced, const struct event *event)
{
	struct error error = { .what = "" };
	bool covered = false;
	int result;

	if (!traced)
		return capture->deliver(event, capture->context);
	if (event->flags & WIRE_OTHER_THREAD) {
		/* The kernel tied the probes to the first thread, which is another one now. */
		attach_release(&capture->attach, traced->pid, false);
		traced->probed = false;
	}
	if (!traced->probed) {
		if (attach_process(capture, traced, &error) < 0)
			log_line("%s", error.what);
		covered = traced->probed;
	}
	binaries_forget(capture->binaries, traced->pid);
	if (traced->own_slot)
		pythons_forget(capture->pythons, traced->slot);
	traced->renewed = true;
	traced->program_ns = event->time_ns;
	capture->sweep_due = true;
	traced->news_ns = 0;
	want_look(traced, event->time_ns);
	result = capture->deliver(event, capture->context);
	return result == 0 && covered ? deliver_covered(capture, traced->pid, event->time_ns) :
					result;
}

/* A process that BPF traces, but of whose beginning the record was lost. */
static struct traced *adopt(struct capture *capture, const struct event *event)
{
	struct error error = { .what = "" };
	struct traced *traced;

	if ((event->kind != EVENT_THREAD && event->kind != EVENT_EXEC && event->kind != EVENT_MAP) ||
	    !process_alive(event->pid, 0))
		return NULL;
	traced = processes_add(&capture->processes, event->pid);
	if (traced)
		govern_begin(capture, traced, NULL);
	if (traced && attach_process(capture, traced, &error) < 0)
		log_line("%s", error.what);
	if (traced)
		want_look(traced, event->time_ns);
	return traced;
}

int follow_event(const struct event *event, void *context)
{
	struct capture *capture = context;
	struct traced *traced = processes_find(&capture->processes, event->pid);

	if (!traced)
		traced = adopt(capture, event);
	switch (event->kind) {
	case EVENT_FORK:
		return on_fork(capture, event);
	case EVENT_EXEC:
		return on_exec(capture, traced, event);
	case EVENT_PYTHON_STACK:
		return traced ? pythons_stack(capture->pythons, traced->slot, event,
					      capture->deliver, capture->context) : 0;
	case EVENT_MAP:
		if (traced && event->range.fd >= 0 && (event->range.prot & 4 /* PROT_EXEC */))
			want_look(traced, event->time_ns);
		break;
	case EVENT_EXIT:
		if (traced && event->exit.last_thread)
			processes_exit(&capture->processes, traced);
		else if (traced && event->tid == event->pid && !capture->attach.multi)
			capture->own_losses[WIRE_LOSS_FIRST_THREAD]++;
		break;
	}
	return capture->deliver(event, capture->context);
}

/* --- after a poll ------------------------------------------------------------------- */

int follow_calls(struct capture *capture, struct traced *traced)
{
	struct event event = { .kind = EVENT_CALLS, .pid = traced->pid };
	struct sample_calls calls;

	if (!capture->samples.on || samples_calls(&capture->samples, traced->pid, &calls) < 0 ||
	    memcmp(&calls, &traced->calls, sizeof(calls)) == 0)
		return 0;
	traced->calls = calls;
	event.time_ns = side_now_ns();
	event.calls.blocks = calls.blocks;
	event.calls.bytes = calls.bytes;
	event.calls.frees = calls.frees;
	return capture->deliver(&event, capture->context);
}

/* Nothing more comes from it. What a started program used is still to be asked for. */
static int forget(struct capture *capture, struct traced *traced)
{
	const struct launch *launch = capture->options->launch;
	uint32_t pid = traced->pid;
	int result;

	if (launch && (uint32_t)launch->pid == pid)
		return 0;
	result = follow_calls(capture, traced);
	if (result < 0)
		return result;
	samples_remove(&capture->samples, pid);
	capture->sweep_due = true;
	give_slot(capture, traced);
	binaries_forget(capture->binaries, pid);
	processes_remove(&capture->processes, traced);
	return capture->stopped ? 0 : attach_release(&capture->attach, pid, false);
}

/* BPF met addresses in no mapping: look at all whose they may have been. */
static void note_stale(struct capture *capture)
{
	uint64_t now_ns = side_now_ns();

	for (uint32_t slot = SCOPE_NO_SLOT + 1; slot < capture->slots.count; slot++)
		capture->slots.stale[slot] = tables_take_stale(&capture->tables, slot,
								  now_ns);
	for (size_t i = 0; i < capture->processes.count; i++) {
		struct traced *traced = &capture->processes.rows[i];

		if (traced->used && capture->slots.stale[traced->slot])
			traced->look = true;
	}
}

int follow_settle(struct capture *capture)
{
	int result = 0;

	note_stale(capture);
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		struct traced *traced = &capture->processes.rows[i];

		if (traced->used && !traced->exited && traced->look)
			result = follow_look(capture, traced);
	}
	/* Only now: who shared a slot with one that ended has its own. */
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		struct traced *traced = &capture->processes.rows[i];

		if (traced->used && traced->exited)
			result = forget(capture, traced);
	}
	return result;
}
