/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/look.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "capture/govern.h"
#include "capture/side.h"
#include "outlive.skel.h"

/* --- probes --------------------------------------------------------------------- */

int look_attach_process(struct capture *capture, struct traced *traced)
{
	struct error error = { .what = "" };
	int result = 0;

	if (!govern_wants_probes(traced))
		return 0;
	/* Where everything is traced, probes are everybody's. */
	if (capture->options->scope != SCOPE_PIDS) {
		traced->probed = true;
		return 0;
	}
	for (size_t i = 0; i < capture->allocators_attached && result == 0; i++)
		result = attach_allocator(&capture->attach, capture->skeleton,
					  &capture->allocators.files[i], traced->pid, &error);
	traced->probed = result == 0;
	traced->probed_ns = side_now_ns();
	if (result < 0)
		log_line("%s", error.what);
	return result;
}

typedef int (*attach_fn)(struct attach *attach, struct outlive_bpf *skeleton,
			 const struct allocator_file *file, uint32_t pid, struct error *error);

/* One file, in each traced process. */
static int attach_each(struct capture *capture, attach_fn attach_file,
		       const struct allocator_file *file, struct error *error)
{
	int result = 0;

	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		const struct traced *traced = &capture->processes.rows[i];

		if (traced->used && !traced->exited && govern_wants_probes(traced))
			result = attach_file(&capture->attach, capture->skeleton, file, traced->pid,
					     error);
		/* Once it runs, that one has ended is no reason to leave out the others. */
		if (result == -ESRCH && capture->deliver)
			result = 0;
	}
	return result;
}

/* One file, wherever it is to be probed. */
static int attach_everywhere(struct capture *capture, attach_fn attach_file,
			     const struct allocator_file *file, struct error *error)
{
	return capture->options->scope == SCOPE_PIDS ?
		       attach_each(capture, attach_file, file, error) :
		       attach_file(&capture->attach, capture->skeleton, file, 0, error);
}

/* There is a function now that exceptions may leave: they matter in the files that were
 * probed before too. */
static int watch_exceptions(struct capture *capture, struct error *error)
{
	int result = 0;

	capture->attach.exceptions = true;
	for (size_t i = 0; i < capture->allocators_attached && result == 0; i++)
		result = attach_everywhere(capture, attach_exceptions,
					   &capture->allocators.files[i], error);
	return result;
}

int look_attach_new(struct capture *capture, struct error *error)
{
	int result = 0;

	if (capture->options->no_blocks)
		return 0;
	if (capture->allocators.leaves && !capture->attach.exceptions)
		result = watch_exceptions(capture, error);
	while (result == 0 && capture->allocators_attached < capture->allocators.count)
		result = attach_everywhere(
			capture, attach_allocator,
			&capture->allocators.files[capture->allocators_attached++], error);
	return result;
}

int look_deliver_covered(struct capture *capture, uint32_t pid, uint64_t since_ns,
			 uint64_t stood_ns)
{
	struct event event = { .kind = EVENT_COVERED, .pid = pid, .time_ns = side_now_ns() };

	if (stood_ns <= since_ns)
		return 0;
	event.covered.after_ns = stood_ns - since_ns;
	return capture->deliver(&event, capture->context);
}

/* --- slots ---------------------------------------------------------------------- */

int look_tell(struct capture *capture, const struct traced *traced, uint64_t flags)
{
	struct scope_process row = govern_row(capture, traced);
	int result;

	if (traced->outside)
		row.state = SCOPE_OUTSIDE;
	result = bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.processes),
					 &traced->pid, &row, flags);

	__atomic_add_fetch(&capture->skeleton->bss->generation, 1, __ATOMIC_RELEASE);
	/* One that has ended has no row any more. */
	return result < 0 && errno != ENOENT ? -errno : 0;
}

void look_give_slot(struct capture *capture, struct traced *traced)
{
	if (slots_give(&capture->slots, traced->slot, side_now_ns())) {
		pythons_forget(capture->pythons, traced->slot);
		binaries_release(capture->binaries, &capture->tables, traced->slot);
	}
	traced->slot = SCOPE_NO_SLOT;
	traced->own_slot = false;
}

static void note_untabled(struct capture *capture, struct traced *traced)
{
	capture->own_losses[WIRE_LOSS_SLOT] += !traced->untabled;
	traced->untabled = true;
}

/* See that the process has a slot that may hold its own tables. Returns false: there is none. */
static bool own_slot(struct capture *capture, struct traced *traced)
{
	uint32_t slot;

	/* Its children still run what it ran before. */
	if (traced->renewed && capture->slots.users[traced->slot] > 1)
		look_give_slot(capture, traced);
	if (traced->own_slot)
		return true;
	slot = slots_take(&capture->slots, side_now_ns());
	if (slot == SCOPE_NO_SLOT) {
		/* What it shares is better than nothing, unless it runs another program. */
		if (traced->renewed)
			look_give_slot(capture, traced);
		note_untabled(capture, traced);
		return false;
	}
	look_give_slot(capture, traced);
	traced->slot = slot;
	traced->own_slot = true;
	return true;
}

int look_add(struct capture *capture, uint32_t pid)
{
	struct traced *traced = processes_add(&capture->processes, pid);

	if (!traced)
		return -ENOMEM;
	govern_begin(capture, traced, NULL);
	traced->slot = slots_take(&capture->slots, side_now_ns());
	traced->own_slot = traced->slot != SCOPE_NO_SLOT;
	traced->probed = govern_wants_probes(traced);
	traced->fresh = true;
	samples_add(&capture->samples, pid);
	if (traced->slot == SCOPE_NO_SLOT)
		note_untabled(capture, traced);
	return look_tell(capture, traced, BPF_ANY);
}

/* --- looking at what is mapped --------------------------------------------------- */

/* What the last scan found: modules to the receiver, tables and interpreter to BPF. */
static int publish(struct capture *capture, struct traced *traced)
{
	bool own = own_slot(capture, traced);
	int result;

	result = binaries_publish(capture->binaries, &capture->tables, traced->pid,
				  own ? traced->slot : SCOPE_NO_SLOT, capture->deliver,
				  capture->context);
	if (result == 0 && own)
		result = pythons_look(capture->pythons, traced->slot, traced->pid,
				      capture->binaries, capture->deliver, capture->context);
	return result;
}

int look_for_allocators(struct capture *capture, const struct traced *traced)
{
	struct error error = { .what = "" };
	size_t known = capture->allocators.count;

	allocator_find(traced->pid, &capture->allocators, NULL);
	if (capture->allocators.count == known)
		return 0;
	if (look_attach_new(capture, &error) < 0) {
		log_line("%s", error.what);
		return 0;
	}
	return traced->news_ns ? look_deliver_covered(capture, traced->pid, traced->news_ns,
						       side_now_ns()) : 0;
}

static int tell_of(struct capture *capture, const struct traced *traced)
{
	int result = side_process(traced->pid, capture->deliver, capture->context);

	return result < 0 ? result : govern_announce(capture, traced);
}

int look_at(struct capture *capture, struct traced *traced)
{
	uint32_t slot = traced->slot;
	int result = binaries_scan(capture->binaries, traced->pid);

	/* The sooner its tables are there, the fewer of its stacks are short. */
	if (result == 0)
		result = publish(capture, traced);
	if (result == 0 && (traced->renewed || traced->slot != slot))
		result = look_tell(capture, traced, BPF_EXIST);
	if (result == 0 && traced->fresh)
		result = tell_of(capture, traced);
	else if (result == 0 && traced->renewed)
		result = side_program(traced->pid, capture->deliver, capture->context);
	traced->look = false;
	traced->fresh = false;
	traced->renewed = false;
	traced->news_ns = 0;
	/* A process that just ended has nothing to look at; its end is on its way. */
	return result == -ESRCH || result == -EACCES ? 0 : result;
}

int look_held_mapped(void *context)
{
	struct capture *capture = context;
	struct traced *traced = processes_find(&capture->processes,
					       (uint32_t)capture->options->launch->pid);
	int result = look_for_allocators(capture, traced);

	tables_idle(&capture->tables);
	return result < 0 ? result : look_at(capture, traced);
}

void look_later(struct traced *traced, uint64_t time_ns)
{
	if (!traced->news_ns)
		traced->news_ns = time_ns;
	traced->look = true;
}

