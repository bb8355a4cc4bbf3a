/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Young blocks: what the BPF programs and user space share of the blocks that are
 * kept in the kernel for a while because most of them will soon be freed
 * (bpf/young.bpf.h says how).
 *
 * Both are arrays mapped by user space, and both sides change them while the other
 * runs. Who has won a place or a row by compare-and-swap owns it alone:
 *
 *   a place   is won by changing `birth_ns` from what was read there to YOUNG_BUSY.
 *             A birth is never seen twice in a place, so nothing of it has changed
 *             since. Its owner gives it back by a store: 0, or the birth of the block
 *             that it has put there.
 *   a row     is won by changing `lock` from 0 to 1, and given back by storing 0.
 */
#ifndef OUTLIVE_YOUNG_H
#define OUTLIVE_YOUNG_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define YOUNG_BUSY 1ull	  /* in young_block.birth_ns: somebody is at it */
#define YOUNG_AREA_BITS 2 /* areas of places, which processes share: 2^this */
#define YOUNG_ROW_BITS 12 /* rows of all threads: 2^this */
#define YOUNG_MARKS 8	  /* moments that pairs are told apart by */

/* One block that is live and that user space has not been told of. */
struct young_block {
	__u64 birth_ns; /* 0: the place is empty */
	__u64 address;
	__u64 size;
	__u64 stack;
	__u64 ids;    /* its maker, as bpf_get_current_pid_tgid() */
	__u32 row;    /* where it is to be counted when freed, … */
	__u32 life;   /* … if the row is still the same, … */
	__u32 serial; /* … of which it was this block */
	__u8 function;
	__u8 zero[11];
};

/* The pairs of one thread, stack, function and size class that were not reported yet. */
struct young_row {
	__u32 lock;
	__u32 life;  /* changes when the row is given to another thread, stack … */
	__u64 ids;   /* 0: never used */
	__u64 stack;
	__u32 kind;  /* function << 8 | floor(log2(size)) */
	__u32 made;  /* blocks put into places, of this life */
	__u32 since; /* allocations since the last pair */
	/* The counts; user space takes them and leaves zeroes. As in struct wire_pairs. */
	__u32 count;
	__u32 replaced, refilled;
	__u64 bytes, lifetime_ns, first_birth_ns, last_birth_ns, last_end_ns;
	/* Evidence of replacement: which of the last 64 blocks are still in their places, by the
	 * low bits of their serial numbers (changed atomically, the lock is not needed); and the
	 * block whose free left none of them there. */
	__u64 live;
	__u64 cleared_birth_ns, cleared_ns; /* 0: another was made since */
	__u64 zero[2];
};

/* The area of a process. */
static inline __u32 young_area(__u32 pid)
{
	return pid * 0x9e3779b1u >> (32 - YOUNG_AREA_BITS);
}

/* In young_row.live, the bit of a block; 0: it is none of the last 64. */
static inline __u64 young_bit(const struct young_row *row, __u32 serial)
{
	return row->made - serial < 64 ? 1ull << (serial & 63) : 0;
}

/* `live`, with the youngest block's bit on top and older ones' in order below. */
static inline __u64 young_by_age(const struct young_row *row, __u64 live)
{
	__u32 turn = (row->made + 1) & 63;

	return turn ? live >> turn | live << (64 - turn) : live;
}

_Static_assert(sizeof(struct young_block) == 64, "a place is a cache line");
_Static_assert(sizeof(struct young_row) == 128, "a row is two cache lines");

#endif
