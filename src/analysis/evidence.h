/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot says about one site, or one size class of it, put in the form
 * that a verdict needs: totals, who holds what, and live bytes over time.
 */
#ifndef OUTLIVE_ANALYSIS_EVIDENCE_H
#define OUTLIVE_ANALYSIS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/trend.h"
#include "ledger/snapshot.h"

#define EVIDENCE_LONG 0.1

/* One thread's share. */
struct evidence_holder {
	uint32_t thread; /* index into snapshot_process.threads */
	bool exited;
	uint64_t live_blocks, allocated_blocks, freed_blocks, replaced_blocks;
	uint64_t freed_by_others_blocks; /* of this thread's blocks at *any* site */
	uint64_t first_ns, last_ns;	 /* first and last allocation */
	uint64_t window_ns, span_ns;	 /* from the first to the end, and to the last */
	double held_block_s; /* lifetimes of all its blocks so far, summed, in seconds */
	double live_block_s; /* of these, the ages of the blocks still live */
	double occupancy;    /* blocks it had live, averaged over the time since its first */
};

struct evidence {
	const struct snapshot_site *site;
	int size_class;	    /* log2; -1: the whole site */
	size_t class_count; /* how many size classes are summed up here */
	uint64_t live_bytes, live_blocks, allocated_bytes, allocated_blocks, freed_blocks;
	uint64_t largest_live_bytes;
	uint64_t replaced_blocks;   /* in either order, see struct snapshot_cell, … */
	uint64_t overlapped_blocks; /* … those freed while the next one lived already, … */
	uint64_t turned_blocks; /* … and these, or all that were freed of a size class whose blocks
				 * stay long: 1 s, or EVIDENCE_LONG of the time since its first */
	uint64_t unknown_frees; /* of the whole trace: frees of blocks older than it */
	uint64_t trace_ns;	/* the trace's length */
	uint64_t wait_ns;	/* from the trace's start to the first allocation here */
	uint64_t window_ns;	/* from the first allocation here to the end */
	uint64_t span_ns;	/* from the first allocation here to the last */
	double lifetime_s;	/* mean, of freed blocks; 0 without any */
	double old_share;	/* of live bytes: of cells that still have a block from the window's
				 * first half */
	double occupancy;	/* blocks live, averaged over the window */
	size_t holder_count;
	struct evidence_holder *holders; /* by thread index, each thread once */
	/* Some of the blocks were sampled with a probability well below 1 (SAMPLED_SURE): all
	 * numbers are estimates, of so many blocks, live or not, that were recorded. */
	bool thin;
	uint64_t recorded_blocks, recorded_live_blocks;
	bool has_series;
	struct trend_series series; /* live bytes; 0 s is the first allocation here */
};

/*
 * Gather the evidence on `site` of `process`: on its size class number
 * `class_index` (an index into site->classes), or on all of it with -1. Counts
 * that do not fit 64 bits stay at the top. Returns 0 with *ret_evidence to be
 * released by evidence_release, or -ENOMEM with nothing to release.
 */
int evidence_gather(const struct snapshot *snapshot, const struct snapshot_process *process,
		    const struct snapshot_site *site, int class_index,
		    struct evidence *ret_evidence);
void evidence_release(struct evidence *evidence);

#endif
