/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes in place: which program sits at which instruction of which process.
 *
 * The kernel offers two ways. A uprobe_multi link (Linux 6.6) takes all
 * functions of a file at once; a perf event takes one. The first is a little
 * cheaper per hit and is taken out in one go, where every perf event waits for
 * some 100 ms of grace periods under a lock. But before Linux 6.10 a
 * uprobe_multi link for a process saw its main thread only, so whether it is
 * fit is tried out, not read off a version.
 */
#ifndef OUTLIVE_CAPTURE_ATTACH_H
#define OUTLIVE_CAPTURE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "target/allocator.h"

struct bpf_link;
struct outlive_bpf;

/* One link; closing it takes its probes out. */
struct attach_link {
	struct bpf_link *link; /* a perf event or tracepoint; NULL: … */
	int multi;	       /* … the descriptor of a uprobe_multi link */
	uint32_t pid;	       /* of the one process that it is for; 0: none */
};

/* The probes placed so far; all zeroes is empty. */
struct attach {
	bool multi;  /* by uprobe_multi links */
	bool exceptions; /* they are probed too: SHAPE_THROW */
	struct attach_link *links;
	size_t count;
	size_t capacity;
	struct attach_closer *closer; /* of links of processes that ended; NULL: none yet */
};

/* Before the programs are loaded: choose the way, and tell them which it will be. */
void attach_prepare(struct attach *attach, struct outlive_bpf *skeleton);

/*
 * Put the enter and return programs of `skeleton` at every planned function of
 * `file`, in process `pid` only (all its threads, now and later), or with 0 in every
 * process, present and to come. Probes already placed stay when one fails. Returns 0 or a -errno with `error` filled.
 */
int attach_allocator(struct attach *attach, struct outlive_bpf *skeleton,
		     const struct allocator_file *file, uint32_t pid, struct error *error);

/*
 * Of `file` only the functions by which exceptions begin; attach_allocator() puts probes
 * there from the moment that `exceptions` is set. Throwing one costs two traps, which only
 * pays where a function is probed that one may leave. Returns and errors as above.
 */
int attach_exceptions(struct attach *attach, struct outlive_bpf *skeleton,
		      const struct allocator_file *file, uint32_t pid, struct error *error);

/*
 * Attach the tracepoint programs: process life, and with `ranges` the
 * address-space system calls, with `cgroup` moves between cgroups. Returns and errors as above.
 */
int attach_tracepoints(struct attach *attach, struct outlive_bpf *skeleton, bool ranges,
		       bool cgroup, struct error *error);

/*
 * Process `pid` has ended, or is given up: close the links that were for it alone. Another thread does it
 * where that takes long, and lets attach_allocator() go first, unless it is `urgent`. Returns
 * 0 or -ENOMEM, and the links then stay until attach_detach().
 */
int attach_release(struct attach *attach, uint32_t pid, bool urgent);

/* Take every probe out again. */
void attach_detach(struct attach *attach);

#endif
