/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at one process: which allocators it has mapped, which unwind tables its stacks
 * take, and telling BPF of it. Private to this folder.
 */
#ifndef OUTLIVE_CAPTURE_LOOK_H
#define OUTLIVE_CAPTURE_LOOK_H

#include "capture/poll.h"

/*
 * Before anything is recorded: process `pid` is traced, in a slot of its own. Returns 0 or a
 * -errno.
 */
int look_add(struct capture *capture, uint32_t pid);

/*
 * Place the probes of allocator files not attached yet, in every traced process, or where
 * not pids are traced in every process there is. A probe on a file that a process does not
 * map costs nothing, and fires if it ever does. Returns 0 or a -errno with `error` filled.
 */
int look_attach_new(struct capture *capture, struct error *error);

/* The probes that stand, for one more process. Returns 0 or a -errno, which it logs. */
int look_attach_process(struct capture *capture, struct traced *traced);

/* Deliver that probes that were wanted at `since_ns` stood at `stood_ns`, if that was later.
 * Returns what `deliver` did. */
int look_deliver_covered(struct capture *capture, uint32_t pid, uint64_t since_ns,
			 uint64_t stood_ns);

/* Tell BPF what the process is and in which slot. `flags`: BPF_EXIST, or BPF_ANY to add it.
 * Returns 0, also when it has ended, or a -errno. */
int look_tell(struct capture *capture, const struct traced *traced, uint64_t flags);

/* It is in no slot any more. */
void look_give_slot(struct capture *capture, struct traced *traced);

/* Something of it changed at `time_ns`: it is to be looked at after the poll. */
void look_later(struct traced *traced, uint64_t time_ns);

/* Find allocators among what the process has mapped, and probe those that are new: that before
 * anything else, for what is not probed is missed. Returns 0 or what `deliver` returned. */
int look_for_allocators(struct capture *capture, const struct traced *traced);

/*
 * Read what the process has mapped: put unwind tables in force, tell of new modules, and of
 * the process itself if it is new. Returns 0 (also when it is gone), -ENOMEM, or what the
 * receiver of events returned.
 */
int look_at(struct capture *capture, struct traced *traced);

/* launch_mapped_fn: the held program has mapped code; its allocator must have its
 * probes before it runs on, and its first stacks are to be true. */
int look_held_mapped(void *context);

#endif
