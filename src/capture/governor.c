/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/governor.h"

#include "outlive/sample.h"

#define FIRST_SAMPLE (64u << 10)
#define SAMPLE_STEP 8
#define LARGEST_SAMPLE (64u << 20) /* beyond it hardly a block is sampled anyway */

/* Once its probes are given up, hits are of those on their way out, or of such as are
 * everybody's and stay: nothing more can be done about them. */
static double cost_ns(const struct governor *governor, const struct governor_limits *limits,
		      const struct governor_totals *from, const struct governor_totals *to)
{
	double traps = governor->tier < EVENT_TIER_MMAP ?
			       (double)(to->hits - from->hits) * limits->trap_ns :
			       0;

	return traps + (double)(to->run_ns - from->run_ns);
}

/* Would stopping at the probes alone still be too much, with nothing done there? */
static bool traps_suffice(const struct governor *governor, const struct governor_limits *limits,
			  const struct governor_totals *totals)
{
	double traps = (double)(totals->hits - governor->since.hits) * limits->trap_ns;
	double cpu = (double)(totals->cpu_ns - governor->since.cpu_ns);
	double own = cpu - cost_ns(governor, limits, &governor->since, totals);

	return traps > limits->share * (traps + (own > 0 ? own : 0));
}

static void step_down(struct governor *governor, const struct governor_limits *limits,
		      const struct governor_totals *totals)
{
	if (governor->tier == EVENT_TIER_MMAP) {
		governor->tier = EVENT_TIER_OFF;
	} else if (traps_suffice(governor, limits, totals) ||
		   governor->sample_bytes >= LARGEST_SAMPLE) {
		governor->tier = EVENT_TIER_MMAP;
		governor->sample_bytes = 0;
	} else {
		uint64_t bytes = governor->sample_bytes ? governor->sample_bytes * SAMPLE_STEP :
							  FIRST_SAMPLE;

		governor->tier = EVENT_TIER_SAMPLE;
		governor->sample_bytes = sample_bytes(sample_code(bytes));
	}
}

bool governor_look(struct governor *governor, const struct governor_limits *limits,
		   const struct governor_totals *totals, double *ret_share)
{
	struct governor_totals last = governor->last;
	double cpu;

	governor->last = *totals;
	if (!governor->begun || governor->tier == EVENT_TIER_OFF) {
		governor->begun = true;
		governor->since = *totals;
		return false;
	}
	governor->debt_ns += cost_ns(governor, limits, &last, totals) -
			     limits->share * (double)(totals->cpu_ns - last.cpu_ns);
	if (governor->debt_ns <= 0) {
		governor->debt_ns = 0;
		governor->since = *totals;
		return false;
	}
	if (governor->debt_ns < limits->share * GOVERNOR_BURST_S * 1e9)
		return false;
	cpu = (double)(totals->cpu_ns - governor->since.cpu_ns);
	*ret_share = cpu > 0 ? cost_ns(governor, limits, &governor->since, totals) / cpu : 1;
	if (*ret_share > 1)
		*ret_share = 1;
	step_down(governor, limits, totals);
	governor->debt_ns = 0;
	governor->since = *totals;
	return true;
}
