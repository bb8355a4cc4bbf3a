/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts: what kind of retention is this site?
 */
#ifndef OUTLIVE_ANALYSIS_PATTERN_H
#define OUTLIVE_ANALYSIS_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/snapshot.h"

enum pattern_name {
	PATTERN_UNKNOWN = 0,
	PATTERN_PER_THREAD_SLOT, /* two or more threads hold the same small number of blocks each */
	PATTERN_GROWING,	 /* live bytes rise steadily */
	PATTERN_BOUNDED,	 /* blocks come and go under a ceiling that no longer rises */
	PATTERN_STATIC,		 /* made early, kept, and quiet since */
	PATTERN_SHORT_LIVED,	 /* nearly all of it is freed soon */
	PATTERN_COUNT
};

struct pattern {
	enum pattern_name name;
	uint64_t threads;	    /* threads that hold blocks of it */
	uint64_t blocks_per_thread; /* per-thread-slot: the number each holds; else 0 */
	uint64_t replacements;	    /* blocks that a newer one of the same thread took the place of */
	double growth_bytes_per_s;  /* growing: the fitted rate; else 0 */
	/* growing, bounded: 95 of 100 times the rate lies between these, if it is known how sure
	 * it is; bounded: the rate of the last half. */
	bool growth_range_known;
	double growth_low, growth_high;
	int size_class;		    /* log2 of the class the verdict speaks of; -1: the whole site */
	char text[320];		    /* one or two sentences for a person */
};

/* The verdict on one site of `process`; in a window, on all of the site: what came before
 * tells more than a part. Never fails: too little to go on is PATTERN_UNKNOWN. */
void pattern_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		  const struct snapshot_site *site, struct pattern *ret_pattern);

/* The name as JSON has it, "per-thread-slot"; and as text has it, "per-thread slot". */
const char *pattern_name(enum pattern_name name);
const char *pattern_title(enum pattern_name name);

#endif
