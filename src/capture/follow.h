/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the capture does as processes come, change and go: probes for a child, unwind
 * tables for what is mapped, an end to what is kept of one that ended. Private to this folder.
 */
#ifndef OUTLIVE_CAPTURE_FOLLOW_H
#define OUTLIVE_CAPTURE_FOLLOW_H

#include "capture/poll.h"

/*
 * Before anything is recorded: process `pid` is traced, in a slot of its own. Returns 0 or a
 * -errno.
 */
int follow_add(struct capture *capture, uint32_t pid);

/*
 * Place the probes of allocator files not attached yet, in every traced process.
 * A probe on a file that a process does not map costs nothing, and fires if it
 * ever does. Returns 0 or a -errno with `error` filled.
 */
int follow_attach_new(struct capture *capture, struct error *error);

/*
 * Read the mappings of a process: find and probe new allocators, put unwind tables in
 * force, tell of new modules. Returns 0 (also when the process is gone), -ENOMEM, or what
 * the receiver of events returned.
 */
int follow_look(struct capture *capture, struct traced *traced);

/* Tell BPF what has become of a process. Returns 0, also when it is gone, or a -errno. */
int follow_set_row(struct capture *capture, const struct traced *traced);

/* Tell what a sampled process called so far, if that is more than was told. Returns 0 or what
 * the receiver of events returned. */
int follow_calls(struct capture *capture, struct traced *traced);

/* launch_mapped_fn: the held program has mapped code; its allocator must have its
 * probes before it runs on, and its first stacks are to be true. */
int follow_held_mapped(void *context);

/* event_fn, `context` is the capture: an event on its way to the receiver. */
int follow_event(const struct event *event, void *context);

/* After the events of a poll: look where they say that something changed, and forget the
 * processes that ended. Returns as follow_look(). */
int follow_settle(struct capture *capture);

#endif
