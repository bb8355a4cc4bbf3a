/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hundreds of processes at a glance: which hold how much, which grow, and which are one
 * service's. A pre-fork server's forty workers are forty times the same process: they
 * are a *group*, processes of one program and name in one place (container, cgroup).
 */
#ifndef OUTLIVE_ANALYSIS_OVERVIEW_H
#define OUTLIVE_ANALYSIS_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/columns.h"
#include "analysis/pattern.h"
#include "analysis/rates.h"

/* What a process is up to as a whole. */
struct process_verdict {
	enum pattern_name name; /* growing if a site that matters does, else its largest site's */
	bool rated;		/* the rate is known: how live bytes went in the last half */
	struct rate rate;
};

struct overview_member {
	const struct snapshot_process *process;
	struct process_verdict verdict;
};

struct overview_group {
	struct overview_member *members; /* that run, what holds most first; then those that ended */
	size_t count, running;
	/*
	 * Sums over those that run, or when none does over all: what ended gave its memory
	 * back. Names, place and user are the first member's; it has no threads, no sites.
	 */
	struct snapshot_process sum;
	struct process_verdict verdict; /* the worst of them, and the sum of their rates */
	uint64_t ended_bytes, ended_blocks; /* live in those that ended, when they did */
};

/* All zeroes is empty. */
struct overview {
	struct overview_member *members;
	struct overview_group *groups;
	size_t count;
};

/*
 * Group the processes of a snapshot, in order of `column` of the process or rate table
 * (NULL: live bytes), groups with nothing running last. `apart`: every process is a group.
 * Returns 0 and *ret_overview (release with overview_free), or -ENOMEM.
 */
int overview_find(const struct snapshot *snapshot, const struct column *column, bool apart,
		  struct overview *ret_overview);
void overview_free(struct overview *overview);

/* The verdict on one process. */
void process_verdict_find(const struct snapshot *snapshot, const struct snapshot_process *process,
			  struct process_verdict *ret_verdict);

#endif
