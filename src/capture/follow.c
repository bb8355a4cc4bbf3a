/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "capture/govern.h"
#include "capture/look.h"
#include "capture/scope.h"
#include "capture/side.h"
#include "target/process.h"

/*
 * Children with probes of their own at a time. The kernel asks for each of them at every stop
 * of any, and to place or remove one it visits the mappings of all: with some hundred it takes
 * minutes to end. A cgroup, or -a, needs no probes for single processes.
 */
#define FOLLOW_MOST 128
#define FOLLOW_MOST_PERF 32 /* by perf events, of which each takes some 50 ms to remove */
#define LOOK_FIRST_NS 2000000ull  /* after an exec, without records of mappings … */
#define LOOK_LAST_NS 512000000ull /* … up to this long between two looks */

/* --- new processes ----------------------------------------------------------------- */

static bool by_name(const struct capture *capture)
{
	return capture->options->name_count || capture->options->not_name_count;
}

/* Is it wanted, by what it is called now? An event that tells the name of the process, not of
 * some other thread, is best: /proc may know of no such process any more. */
static bool wanted(const struct capture *capture, const struct event *event)
{
	bool tells = event->kind == EVENT_EXEC ||
		     (event->kind == EVENT_THREAD && event->tid == event->pid);
	char comm[WIRE_COMM_BYTES];

	if (!by_name(capture))
		return true;
	if (tells || scope_read_name(event->pid, comm) < 0) {
		if (event->kind != EVENT_EXEC && event->kind != EVENT_THREAD)
			return false;
		memcpy(comm, event->thread.comm, sizeof(comm));
	}
	return scope_name_wanted(capture->options, comm);
}

/* BPF traces it: do we want it? Its row says so from here on. Returns 0 or a -errno. */
static int judge(struct capture *capture, struct traced *traced, const struct event *event)
{
	bool was_outside = traced->outside;

	traced->outside = !wanted(capture, event);
	if (traced->outside) {
		look_give_slot(capture, traced);
		return look_tell(capture, traced, BPF_EXIST);
	}
	if (was_outside)
		traced->fresh = true;
	return 0;
}

/* A process that BPF has met: with a scope of pids one whose fork record was lost. NULL without
 * memory, or when there is nothing to be done about it. */
static struct traced *meet(struct capture *capture, const struct event *event)
{
	struct traced *traced;

	if (event->kind == EVENT_EXIT ||
	    (capture->options->scope == SCOPE_PIDS && !process_alive(event->pid, 0)))
		return NULL;
	traced = processes_add(&capture->processes, event->pid);
	if (!traced)
		return NULL;
	traced->fresh = true;
	govern_begin(capture, traced, NULL);
	if (judge(capture, traced, event) == 0 && !traced->outside) {
		look_attach_process(capture, traced);
		look_later(traced, event->time_ns);
	}
	return traced;
}

int follow_present(struct capture *capture)
{
	struct error error = { .what = "" };
	uint32_t *pids = NULL;
	size_t count = 0;
	int result = scope_list(capture->options, &pids, &count, &error);

	for (size_t i = 0; i < count && result == 0; i++) {
		struct traced *traced;

		if (processes_find(&capture->processes, pids[i]))
			continue;
		result = look_add(capture, pids[i]);
		traced = processes_find(&capture->processes, pids[i]);
		if (result == 0)
			result = look_for_allocators(capture, traced);
		if (result == 0)
			result = look_at(capture, traced);
	}
	free(pids);
	return result;
}

/* --- events ----------------------------------------------------------------------- */

/* Is there no room for the probes of one more child? */
static bool crowded(const struct capture *capture)
{
	size_t probed = 0, most = capture->attach.multi ? FOLLOW_MOST : FOLLOW_MOST_PERF;

	if (capture->options->scope != SCOPE_PIDS)
		return false;
	for (size_t i = 0; i < capture->processes.count; i++) {
		const struct traced *traced = &capture->processes.rows[i];

		probed += traced->used && !traced->exited && traced->probed;
	}
	return probed >= capture->options->pid_count + most;
}

/* Probes for a child that BPF follows already. Returns 0, or -ENOMEM. */
static int add_child(struct capture *capture, uint32_t parent_pid, const struct event *event)
{
	uint32_t pid = event->fork.child_pid;
	struct traced *child = processes_find(&capture->processes, pid), *parent;

	if (child)
		processes_remove(&capture->processes, child);
	child = processes_add(&capture->processes, pid);
	if (!child)
		return -ENOMEM;
	child->program_ns = event->time_ns;
	parent = processes_find(&capture->processes, parent_pid);
	govern_begin(capture, child, parent);
	if (parent && !parent->look && !parent->outside) {
		slots_share(&capture->slots, parent->slot);
		child->slot = parent->slot;
		child->look = pythons_has(capture->pythons, parent->slot);
	} else {
		child->look = true;
	}
	child->fresh = child->look && !parent;
	if (crowded(capture)) {
		capture->own_losses[WIRE_LOSS_PROCESS]++;
		child->outside = true;
		look_give_slot(capture, child);
		return look_tell(capture, child, BPF_EXIST);
	}
	/* A child in its parent's memory calls no allocator of its own before it runs another
	 * program, and a perf event's probes would be met by its parent. */
	if (!(event->flags & WIRE_SHARES_MEMORY) || capture->attach.multi)
		look_attach_process(capture, child);
	return look_tell(capture, child, BPF_EXIST);
}

/* The child is not traced after all. It is its parent's doing, and nothing more. */
static int deliver_unfollowed(struct capture *capture, const struct event *event)
{
	struct wire_fork record;
	struct event alone = *event;

	memcpy(&record, event->wire, sizeof(record));
	record.header.flags &= (uint8_t)~WIRE_FOLLOWED;
	alone.flags = record.header.flags;
	alone.wire = &record;
	return capture->deliver(&alone, capture->context);
}

static int on_fork(struct capture *capture, const struct event *event)
{
	const struct traced *child;
	int result;

	if (!(event->flags & WIRE_FOLLOWED))
		return capture->deliver(event, capture->context);
	/* First of all the probes: the child runs already. */
	result = add_child(capture, event->pid, event);
	child = processes_find(&capture->processes, event->fork.child_pid);
	if (result == 0 && child && child->outside)
		return deliver_unfollowed(capture, event);
	if (result == 0)
		result = capture->deliver(event, capture->context);
	if (result == 0 && capture->options->scope == SCOPE_PIDS && child && child->probed &&
	    !(event->flags & WIRE_SHARES_MEMORY))
		result =
			look_deliver_covered(capture, child->pid, event->time_ns, child->probed_ns);
	return result;
}

/*
 * Without records of mappings nothing tells what a new program maps: look at it some times, less
 * and less often, until it should have begun. What comes later shows in its stacks.
 */
static void look_again_without_news(const struct capture *capture, struct traced *traced)
{
	if (capture->options->ranges)
		return;
	traced->look_step_ns = LOOK_FIRST_NS;
	traced->look_ns = side_now_ns() + LOOK_FIRST_NS;
}

static void note_look_due(struct traced *traced, uint64_t now_ns)
{
	if (!traced->look_ns || now_ns < traced->look_ns)
		return;
	look_later(traced, traced->look_ns);
	traced->look_step_ns *= 2;
	traced->look_ns = traced->look_step_ns > LOOK_LAST_NS ? 0 : now_ns + traced->look_step_ns;
}

static int on_exec(struct capture *capture, struct traced *traced, const struct event *event)
{
	int result;

	if (event->flags & WIRE_OTHER_THREAD) {
		/* The kernel tied the probes to the first thread, which is another one now. */
		attach_release(&capture->attach, traced->pid, false);
		traced->probed = false;
	}
	if (!traced->probed)
		look_attach_process(capture, traced);
	binaries_forget(capture->binaries, traced->pid);
	if (traced->own_slot)
		pythons_forget(capture->pythons, traced->slot);
	traced->renewed = true;
	traced->program_ns = event->time_ns;
	capture->sweep_due = true;
	traced->news_ns = 0;
	look_later(traced, event->time_ns);
	look_again_without_news(capture, traced);
	result = capture->deliver(event, capture->context);
	if (event->flags & WIRE_LEAVES)
		processes_exit(&capture->processes, traced);
	else if (result == 0)
		result = judge(capture, traced, event);
	/* Its probes were placed, but after this. */
	return result == 0 && traced->probed && traced->probed_ns > event->time_ns
		       ? look_deliver_covered(capture, traced->pid, event->time_ns,
					      traced->probed_ns)
		       : result;
}

int follow_event(const struct event *event, void *context)
{
	struct capture *capture = context;
	struct traced *traced = processes_find(&capture->processes, event->pid);
	int result;

	if (!traced)
		traced = meet(capture, event);
	else if (traced->outside && by_name(capture) &&
		 (event->kind == EVENT_THREAD || event->kind == EVENT_EXEC) &&
		 judge(capture, traced, event) == 0 && !traced->outside)
		look_later(traced, event->time_ns);
	/* What comes of one that is not wanted came before BPF was told. */
	if (traced ? traced->outside : by_name(capture))
		return 0;
	if (!traced)
		return capture->deliver(event, capture->context);
	switch (event->kind) {
	case EVENT_FORK:
		return on_fork(capture, event);
	case EVENT_EXEC:
		return on_exec(capture, traced, event);
	case EVENT_PYTHON_STACK:
		return pythons_stack(capture->pythons, traced->slot, event, capture->deliver,
				     capture->context);
	case EVENT_MAP:
		if (event->range.fd >= 0 && (event->range.prot & 4 /* PROT_EXEC */))
			look_later(traced, event->time_ns);
		break;
	case EVENT_UNMAP:
		if (binaries_unmapped(capture->binaries, traced->pid, event->range.address,
				      event->range.address + event->range.length, event->time_ns))
			look_later(traced, event->time_ns);
		break;
	case EVENT_EXIT:
		result = young_ended(&capture->young, event->pid,
				     event->exit.last_thread ? 0 : event->tid, event->time_ns,
				     capture->deliver, capture->context);
		if (result < 0)
			return result;
		if (event->exit.last_thread)
			processes_exit(&capture->processes, traced);
		else if (event->tid == event->pid && !capture->attach.multi &&
			 capture->options->scope == SCOPE_PIDS)
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
	look_give_slot(capture, traced);
	binaries_forget(capture->binaries, pid);
	processes_remove(&capture->processes, traced);
	return capture->stopped || capture->options->scope != SCOPE_PIDS
		       ? 0
		       : attach_release(&capture->attach, pid, false);
}

/* BPF met addresses in no mapping: look at all whose they may have been. */
static void note_stale(struct capture *capture)
{
	uint64_t now_ns = side_now_ns();

	for (uint32_t slot = SCOPE_NO_SLOT + 1; slot < capture->slots.count; slot++)
		capture->slots.stale[slot] = tables_take_stale(&capture->tables, slot, now_ns);
	for (size_t i = 0; i < capture->processes.count; i++) {
		struct traced *traced = &capture->processes.rows[i];

		note_look_due(traced, now_ns);
		/* … and at those that found no slot free, once there are some. */
		if (traced->used &&
		    (capture->slots.stale[traced->slot] ||
		     (traced->untabled && !traced->own_slot && capture->slots.free)))
			traced->look = true;
	}
}

static bool wants_look(const struct traced *traced)
{
	return traced->used && !traced->exited && !traced->outside && traced->look;
}

int follow_settle(struct capture *capture)
{
	int result = 0;

	note_stale(capture);
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		if (wants_look(&capture->processes.rows[i]))
			result = look_for_allocators(capture, &capture->processes.rows[i]);
	}
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		if (wants_look(&capture->processes.rows[i]))
			result = look_at(capture, &capture->processes.rows[i]);
	}
	/* Only now: who shared a slot with one that ended has its own. */
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		struct traced *traced = &capture->processes.rows[i];

		if (traced->used && traced->exited)
			result = forget(capture, traced);
	}
	return result;
}
