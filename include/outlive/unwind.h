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

/* How stacks are taken. */
enum stack_mode {
	STACK_NONE = 0,
	STACK_FP = 1,	/* by frame pointers alone */
	STACK_ROWS = 2, /* by unwind rows alone */
	STACK_AUTO = 3, /* by unwind rows, and frame pointers where there are none */
};

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
 * The pool: rows of all modules and what leads to them, as 64-bit words numbered from 0.
 * It grows by chunks, so that a small process costs little: word n is entry
 * n % UNWIND_CHUNK_WORDS of the array that entry n / UNWIND_CHUNK_WORDS of the `pool` map
 * holds. A module has a run of words:
 *
 *   1 word      use: 0, or 1 when BPF has looked a row of it up since user space set it to 0
 *   n words     the index: one for each 1 KiB of the module's text
 *                 low 32 bits   number of the word that is the row in force at the KiB's start
 *                 high 32 bits  number of the first word that is a row beyond the KiB
 *   m words     its rows, sorted by vaddr
 *
 * so a search looks at the few rows of one KiB only.
 */
#define UNWIND_CHUNK_BITS 18 /* 2 MiB */
#define UNWIND_CHUNK_WORDS (1u << UNWIND_CHUNK_BITS)

#define UNWIND_BUCKET_SHIFT 10
#define UNWIND_SEARCH_STEPS 12 /* log2 of the most rows a bucket may hold: 1 KiB / 1 byte + 1 */

/* One executable mapping of a process, in the `mappings` map; sorted by start. */
struct unwind_mapping {
	__u64 start;
	__u64 end;
	__u64 bias;	  /* pc - bias = row vaddr */
	__u32 index_base; /* number of the word with which the module's index begins */
	__u32 index_count; /* 0: no rows; there will be when index_base is UNWIND_AWAY */
};

#define UNWIND_AWAY 1 /* never the base of an index: the rows are not in the pool, but could be */

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
	__u32 epoch;	  /* of the cache below; changes with every change of the table in force */
	__u32 unmaps;	  /* counted by BPF: calls that may have unmapped code */
	__u64 missed;	  /* set by BPF: an address in a mapping whose rows are UNWIND_AWAY */
	__u32 emptied;	  /* counted by BPF: times that it took mappings out of the table in force */
	__u32 zero;
};

_Static_assert(sizeof(struct unwind_process) == 40, "unwind_process is read by BPF");

/*
 * Rules found, by pc: rows UNWIND_CACHE_ROWS * slot … of the `rule_cache` map, one
 * word each, so that programs on all CPUs read and replace them without a lock:
 *
 *   bits  0-7   rbp      as unwind_row.rbp
 *   bits  8-23  cfa      as unwind_row.cfa
 *   bit   24    CFA is counted from rbp (else from rsp)
 *   bit   25    rbp is saved at CFA + rbp*8 (else unchanged)
 *   bits 26-29  epoch    of the process's tables when the rule was found
 *   bits 30-63  pc >> UNWIND_CACHE_BITS; the low bits are the place in the cache
 *
 * Tag and place make up the whole of a 47-bit pc, so a hit is never another pc's rule.
 * Only the common rules are cached: rsp or rbp plus offset, rbp unchanged or at the CFA;
 * and the end of the stack, as UNWIND_CACHE_END (a CFA is never at offset 0 from rsp).
 * User space clears a process's part when it changes the table in force.
 */
#define UNWIND_CACHE_BITS 13
#define UNWIND_CACHE_ROWS (1u << UNWIND_CACHE_BITS)
#define UNWIND_CACHE_END 1ull
#define UNWIND_CACHE_FROM_RBP (1ull << 24)
#define UNWIND_CACHE_RBP_SAVED (1ull << 25)
#define UNWIND_CACHE_TAG_SHIFT 26
#define UNWIND_CACHE_RULE ((1ull << UNWIND_CACHE_TAG_SHIFT) - 1)
#define UNWIND_CACHE_EPOCHS 16

/* What the upper bits of a cached rule for `pc` are. */
static inline __u64 unwind_cache_tag(__u64 pc, __u32 epoch)
{
	return pc >> UNWIND_CACHE_BITS << 4 | (epoch & (UNWIND_CACHE_EPOCHS - 1));
}

/* The cached form of `row`, tag left out; 0 for a rule that is not cached. */
static inline __u64 unwind_cache_rule(const struct unwind_row *row)
{
	__u8 cfa = row->kind & 15, rbp = row->kind >> 4;
	__u64 rule = (__u8)row->rbp | (__u64)(__u16)row->cfa << 8;

	if (cfa == UNWIND_CFA_END)
		return UNWIND_CACHE_END;
	if ((cfa != UNWIND_CFA_RSP && cfa != UNWIND_CFA_RBP) ||
	    (rbp != UNWIND_RBP_SAME && rbp != UNWIND_RBP_AT_CFA))
		return 0;
	if (cfa == UNWIND_CFA_RBP)
		rule |= UNWIND_CACHE_FROM_RBP;
	if (rbp == UNWIND_RBP_AT_CFA)
		rule |= UNWIND_CACHE_RBP_SAVED;
	return rule;
}

#endif
