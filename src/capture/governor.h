/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When does tracing cost a process too much, and what is given up then?
 *
 * The cost is the time its threads spent at our probes: stopping there, as often as they
 * did, and the time our programs ran. Its share is of the CPU time that the process used
 * meanwhile, our part included. What goes beyond the share allowed is a debt; a short burst
 * may make one of up to GOVERNOR_BURST_S times the share, and before it is larger
 * something is given up, never to come back.
 */
#ifndef OUTLIVE_CAPTURE_GOVERNOR_H
#define OUTLIVE_CAPTURE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/event.h"

#define GOVERNOR_BURST_S 0.4

struct governor_limits {
	double share;	/* of CPU time; 0.05 is 5 % */
	double trap_ns; /* that stopping at a probe costs, whatever is done there */
};

/* Totals of a process so far. */
struct governor_totals {
	uint64_t cpu_ns;
	uint64_t hits, run_ns; /* as in struct sample_calls */
};

/* One process. Set `tier` and `sample_bytes`, all else zeroes, at first. */
struct governor {
	enum event_tier tier;
	uint64_t sample_bytes;
	bool begun;
	struct governor_totals last, since; /* since: when there was last no debt */
	double debt_ns;
};

/*
 * Look at a process. Returns true when it goes to another tier, or to a larger sample, now in
 * `governor`; *ret_share is then what tracing had cost of its CPU time, since it was too much.
 */
bool governor_look(struct governor *governor, const struct governor_limits *limits,
		   const struct governor_totals *totals, double *ret_share);

#endif
