/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture as a source of events, and the state it shares with its life
 * (capture.c) and with what is done of each process (look.c, follow.c). Private to this folder.
 */
#ifndef OUTLIVE_CAPTURE_POLL_H
#define OUTLIVE_CAPTURE_POLL_H

#include "capture/attach.h"
#include "capture/capture.h"
#include "capture/binaries.h"
#include "capture/processes.h"
#include "capture/python.h"
#include "capture/ring.h"
#include "capture/samples.h"
#include "capture/slots.h"
#include "capture/young.h"
#include "target/allocator.h"

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
	struct slots slots;
	struct samples samples;
	struct governor_limits limits; /* share 0: none */
	uint64_t govern_due_ns;
	bool sweep_due; /* a process ended, or began another program */
	struct pythons *pythons;
	struct ring *ring;
	struct processes processes;
	uint32_t *present; /* those found at first, where they are not named */
	size_t present_count;
	struct young young;
	bool stopped;
	uint64_t resident_due_ns;
	size_t resident_next; /* whose turn it is, counted on */
	uint64_t own_losses[WIRE_LOSS_COUNT]; /* those that BPF does not count */
	uint64_t losses[WIRE_LOSS_COUNT];     /* both, as last delivered */
	/* Of the poll under way. */
	event_fn deliver;
	void *context;
};

/* capture->source.poll: see stream/source.h. */
int poll_source(struct source *source, event_fn deliver, void *context, int timeout_ms);

#endif
