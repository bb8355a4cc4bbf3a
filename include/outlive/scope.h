/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are traced: what the BPF programs keep of each, shared with user space. */
#ifndef OUTLIVE_SCOPE_H
#define OUTLIVE_SCOPE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

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

/* In the `processes` map, by thread group id. */
struct scope_process {
	__u32 slot; /* its unwind tables; SCOPE_NO_SLOT: none yet */
	__u16 state; /* enum scope_state */
	__u16 flags; /* enum scope_flag */
	__u32 sample_bytes; /* R of outlive/sample.h; 0: every block is recorded */
	__u32 sample_rate;  /* sample_code() of it */
};

_Static_assert(sizeof(struct scope_process) == 16, "scope_process is read by BPF");

/*
 * The slot of processes without tables of their own: its tables are always empty, so
 * that stacks go by frame pointers. Children begin in their parent's slot, for their
 * mappings are the same.
 */
#define SCOPE_NO_SLOT 0

#endif
