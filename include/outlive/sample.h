/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sampling: what the BPF programs and user space agree on.
 *
 * With a rate of R bytes a block of s bytes is sampled with probability
 * 1 - exp(-s/R), whatever became of other blocks: as if each of its bytes were drawn
 * with probability 1/R (jemalloc, doc_internal/PROFILING_INTERNALS.md). Each record
 * of a block says at which rate it was drawn, so rates may change during a trace.
 */
#ifndef OUTLIVE_SAMPLE_H
#define OUTLIVE_SAMPLE_H

#include "outlive/wire.h"

#define SAMPLE_MOST (1u << 30) /* bytes; a larger R is of no use and would not fit the code */

/*
 * A rate in 16 bits, wire_header.rate: 11 bits m, then 5 bits e, R = m << e. Whole
 * multiples of a power of two are exact, others are off by less than one in a
 * thousand. 0: every block is recorded.
 */
static inline __u16 sample_code(__u64 bytes)
{
	__u16 shift = 0;

	if (bytes > SAMPLE_MOST)
		bytes = SAMPLE_MOST;
	while (bytes >> shift > 2047)
		shift++;
	return (__u16)((bytes >> shift) << 5 | shift);
}

static inline __u64 sample_bytes(__u16 code)
{
	return (__u64)(code >> 5) << (code & 31);
}

/* A sampled block that lives: key of the map `sampled`. */
struct sample_key {
	__u64 program; /* of one process from exec to exec, and of no other ever */
	__u64 address;
};

/* … and what user space has to know to clear away notes of the dead. */
struct sample_note {
	__u64 time_ns; /* when it was made */
	__u32 pid;
	__u32 zero;
};

/* Calls of a process, counted whether sampled or not; of the map `calls`, by thread group id. */
struct sample_calls {
	__u64 blocks, bytes; /* made */
	__u64 frees;	     /* calls of free, and of realloc that moved or freed a block */
	/* With --max-overhead: probes met, and the time our programs ran at them, measured at
	 * one of SAMPLE_TIMED and counted for all. */
	__u64 hits, run_ns;
};

#define SAMPLE_TIMED 16 /* a power of two */

_Static_assert(sizeof(struct sample_key) == 16, "sample_key is shared");
_Static_assert(sizeof(struct sample_note) == 16, "sample_note is shared");
_Static_assert(sizeof(struct sample_calls) == 40, "sample_calls is shared");

#endif
