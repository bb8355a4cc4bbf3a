/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture as a source of events, and the state it shares with its life
 * (capture.c). Private to this folder.
 */
#ifndef OUTLIVE_CAPTURE_POLL_H
#define OUTLIVE_CAPTURE_POLL_H

#include "capture/attach.h"
#include "capture/capture.h"
#include "capture/binaries.h"
#include "capture/python.h"
#include "capture/ring.h"
#include "target/allocator.h"

struct traced {
	uint32_t pid;
	bool exited;
	uint64_t rss_bytes; /* at the last look */
};

struct capture {
	struct source source; /* first: a struct source * is cast back */
	const struct capture_options *options;
	struct outlive_bpf *skeleton;
	struct attach attach;
	struct allocator_list allocators;
	size_t allocators_attached;
	struct unwinds *unwinds;
	struct binaries *binaries;
	struct tables tables;
	struct pythons *pythons;
	struct ring *ring;
	struct traced traced[CAPTURE_MAX_PIDS];
	size_t traced_count;
	bool stopped;
	bool look_again; /* mappings or programs changed: read /proc/PID/maps */
	uint64_t resident_due_ns;
	uint64_t own_losses[WIRE_LOSS_COUNT]; /* those that BPF does not count */
	uint64_t losses[WIRE_LOSS_COUNT];     /* both, as last delivered */
	/* Of the poll under way. */
	event_fn deliver;
	void *context;
};

/* capture->source.poll: see stream/source.h. */
int poll_source(struct source *source, event_fn deliver, void *context, int timeout_ms);

/*
 * Place the probes of allocator files not attached yet, in every traced process.
 * A probe on a file that a process does not map costs nothing, and fires if it
 * ever does. Returns 0 or a -errno with `error` filled.
 */
int poll_attach_new(struct capture *capture, struct error *error);

/*
 * Read the mappings of the process in `slot`: put unwind tables in force, tell of
 * new modules, find and probe new allocators. Returns 0 (also when the process
 * is gone), -ENOMEM, or what the receiver of events returned.
 */
int poll_look(struct capture *capture, uint32_t slot);

/* launch_mapped_fn: the held program has mapped code; its allocator must have its
 * probes before it runs on, and its first stacks are to be true. */
int poll_held_mapped(void *context);

#endif
