/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are traced: what the BPF programs keep of each, shared with user space. */
#ifndef OUTLIVE_SCOPE_H
#define OUTLIVE_SCOPE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Which processes there are to be traced. */
enum scope_kind {
	SCOPE_PIDS = 0, /* those that user space names, and their children */
	SCOPE_CGROUP = 1, /* those in a cgroup or below it */
	SCOPE_ALL = 2,
};

#define SCOPE_USERS_MOST 16
#define SCOPE_ANY_USER (~0u) /* (uid_t)-1 is nobody's */

enum scope_state {
	SCOPE_TRACED = 1,
	SCOPE_OUTSIDE = 2, /* looked at and left out, or given up */
	SCOPE_MAPPINGS = 3, /* traced, but its allocator calls: only its address space and life */
};

/* Bits of scope_process.flags. */
enum scope_flag {
	/* It was traced in full before, so any block may be one that user space knows: all frees
	 * are sent, and no block is noted (outlive/sample.h). */
	SCOPE_ALL_FREES = 1 << 0,
};

/*
 * In the `processes` map, by thread group id. With SCOPE_PIDS a process without a row is
 * not traced; else it is looked at when it is first met, and again when it runs a new
 * program or, left out, has another user than it had.
 */
struct scope_process {
	__u32 slot; /* its unwind tables; SCOPE_NO_SLOT: none yet */
	__u16 state; /* enum scope_state */
	__u16 flags; /* enum scope_flag */
	__u32 sample_bytes; /* R of outlive/sample.h; 0: every block is recorded */
	__u32 sample_rate;  /* sample_code() of it */
	__u32 user; /* whose it was when BPF looked at it; SCOPE_ANY_USER: that does not matter */
	__u32 zero;
};

_Static_assert(sizeof(struct scope_process) == 24, "scope_process is read by BPF");

/*
 * The slot of processes without tables of their own: its tables are always empty, so
 * that stacks go by frame pointers. Children begin in their parent's slot, for their
 * mappings are the same.
 */
#define SCOPE_NO_SLOT 0

#endif
