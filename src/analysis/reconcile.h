/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why live bytes and resident memory differ.
 *
 * The two answer different questions. *Live* is what the program asked for and
 * has not freed, counted since the trace began. *Resident* is what the kernel
 * holds in RAM for the process: those blocks as far as they were touched, blocks
 * from before the trace, code, stacks, file pages, and memory that was freed but
 * that the allocator keeps for the next request. Only the last of these is a
 * reason why "I freed it and nothing happened", so it is told apart wherever the
 * numbers allow it, and not claimed where they do not.
 */
#ifndef OUTLIVE_ANALYSIS_RECONCILE_H
#define OUTLIVE_ANALYSIS_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/snapshot.h"

enum reconcile_name {
	RECONCILE_UNKNOWN = 0, /* resident memory was never sampled */
	RECONCILE_KEPT,	       /* live fell, resident did not: the allocator keeps freed memory */
	RECONCILE_GAP, /* resident is well above live, and the causes cannot all be told apart */
	RECONCILE_EXPLAINED, /* live blocks make up most of resident memory, or both are small */
	RECONCILE_UNTOUCHED, /* live is above resident: asked for, never written to */
};

struct reconcile {
	enum reconcile_name name;
	uint64_t live_bytes;	      /* now, blocks made since the trace began (and inherited) */
	uint64_t peak_live_bytes;     /* highest seen in the trace: a lower bound, it is sampled */
	uint64_t resident_bytes;      /* now; 0 not known */
	uint64_t peak_resident_bytes; /* of the process' whole life; 0 not known */
	uint64_t gap_bytes;	      /* resident above live; 0 when it is not */
	uint64_t kept_bytes; /* RECONCILE_KEPT: freed since the peak, still resident; else 0 */
	bool from_start;     /* traced from the start of the process: no older blocks */
	char text[320];	     /* one or two sentences for a person; never empty */
};

/*
 * Compare live bytes with resident memory for `process`, one of `snapshot`; all live
 * bytes, also in a window.
 * Fills all of *ret_reconcile. Never fails: without a sample of resident memory
 * the answer is RECONCILE_UNKNOWN and the text says so.
 */
void reconcile_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		    struct reconcile *ret_reconcile);

#endif
