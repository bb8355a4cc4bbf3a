/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unwind rows: the tables user space makes of each module's .eh_frame and the
 * BPF walker follows. Shared layout; nothing here is code.
 *
 * A row says how to find the caller's frame from any pc in [row.vaddr, next
 * row.vaddr): where the CFA (canonical frame address: the stack pointer before
 * the call, DWARF 5 §6.4) lies, and where the caller's rbp was saved. The
 * return address is always at CFA-8 (other rules become UNWIND_CFA_NONE).
 */
#ifndef OUTLIVE_UNWIND_H
#define OUTLIVE_UNWIND_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Low nibble of unwind_row.kind: where the CFA is. */
enum unwind_cfa {
	UNWIND_CFA_NONE = 0,	/* no rule, or one that rows cannot express */
	UNWIND_CFA_RSP = 1,	/* rsp + cfa*8 */
	UNWIND_CFA_RBP = 2,	/* rbp + cfa*8 */
	UNWIND_CFA_PLT = 3,	/* rsp + 8 + ((pc & 15) >= cfa ? 8 : 0): a lazy PLT stub */
	UNWIND_CFA_DEREF_RSP = 4, /* *(rsp + (cfa >> 6)*8) + (cfa & 63)*8 */
	UNWIND_CFA_DEREF_RBP = 5, /* *(rbp + (cfa >> 6)*8) + (cfa & 63)*8 */
	UNWIND_CFA_SIGNAL = 6,	/* sp points at a ucontext: registers come from there */
	UNWIND_CFA_END = 7,	/* the return address is undefined: the outermost frame */
};

/* High nibble of unwind_row.kind: the caller's rbp. */
enum unwind_rbp {
	UNWIND_RBP_SAME = 0,	/* unchanged */
	UNWIND_RBP_AT_CFA = 1,	/* saved at CFA + rbp*8 */
	UNWIND_RBP_AT_RBP = 2,	/* saved at rbp + rbp*8 (DW_OP_breg6: alloca/realigned frames) */
	UNWIND_RBP_UNKNOWN = 3, /* lost; fatal only if a later rule needs it */
};

struct unwind_row {
	__u32 vaddr; /* ELF virtual address, relative to the module's lowest PT_LOAD page */
	__s16 cfa;   /* see enum unwind_cfa */
	__u8 kind;   /* enum unwind_cfa | enum unwind_rbp << 4 */
	__s8 rbp;    /* see enum unwind_rbp, in units of 8 bytes */
};

_Static_assert(sizeof(struct unwind_row) == 8, "unwind_row is read by BPF");

/*
 * Rows of a module are sorted by vaddr and found through an index with one
 * entry per 1 KiB of module text:
 *   low 32 bits   absolute row number of the row in force at the bucket's first byte
 *   high 32 bits  absolute row number of the first row beyond the bucket
 * so a search looks at the few rows of one bucket only.
 */
#define UNWIND_BUCKET_SHIFT 10
#define UNWIND_SEARCH_STEPS 12 /* log2 of the most rows a bucket may hold: 1 KiB / 1 byte + 1 */

/* One executable mapping of a process, in the `mappings` map; sorted by start. */
struct unwind_mapping {
	__u64 start;
	__u64 end;
	__u64 bias;	  /* pc - bias = row vaddr */
	__u32 index_base; /* first bucket of the module in the `buckets` map */
	__u32 index_count; /* 0: module without rows */
};

_Static_assert(sizeof(struct unwind_mapping) == 32, "unwind_mapping is read by BPF");

#define UNWIND_MAX_MAPPINGS 1024 /* executable mappings of one process that are covered */
#define UNWIND_MAPPING_STEPS 11	 /* log2 of that, + 1 */

/*
 * The mapping tables of one traced process: row `slot` of the `process_tables`
 * map, which user space has mapped and changes in place. Two tables are kept and
 * `active` says which one is in force, so that a walk never sees a half-written
 * one. Table t starts at row (slot*2 + t) * UNWIND_MAX_MAPPINGS of `mappings`.
 */
struct unwind_process {
	__u32 active;	  /* 0 or 1 */
	__u32 count[2];	  /* mappings in each table */
	__u32 stale;	  /* set by BPF: an address lay in no mapping, read /proc/PID/maps again */
};

_Static_assert(sizeof(struct unwind_process) == 16, "unwind_process is read by BPF");

#endif
