/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts on simulated programs: each kind of program in RUNS variations of
 * sizes, rates, threads and trace length, through the real ledger. A verdict
 * outside the allowed set fails and names its run.
 */
#ifndef OUTLIVE_TESTS_VERDICT_H
#define OUTLIVE_TESTS_VERDICT_H

#include <string.h>

#include "analysis/pattern.h"
#include "simulate.h"

#ifndef RUNS
#define RUNS 20
#endif

#define ALLOW(name) (1u << PATTERN_##name)

/* What a program should be called, and what the numbers should say. */
struct truth {
	unsigned int allowed;
	uint64_t threads, blocks, replacements; /* slots; ANY: not checked */
	double rate;				/* growing: bytes per second; 0: not checked */
};

#define ANY UINT64_MAX

enum spread { FIXED, NARROW, WIDE, HEAVY, SPREADS };

struct sizes {
	enum spread spread;
	uint64_t base;
};

static inline struct sizes any_sizes(struct sim *sim)
{
	return (struct sizes){ (enum spread)sim_between(sim, 0, SPREADS - 1),
			       (uint64_t)sim_log_within(sim, 24, 4e6) };
}

static inline uint64_t next_size(struct sim *sim, struct sizes sizes)
{
	switch (sizes.spread) {
	case FIXED:
		return sizes.base;
	case NARROW:
		return (uint64_t)((double)sizes.base * sim_within(sim, 0.8, 1.2));
	case WIDE:
		return 1 + (uint64_t)((double)sizes.base * sim_within(sim, 0, 2));
	default:
		return (uint64_t)sim_log_within(sim, 16, 100000);
	}
}

/* The gap to the next event of `mean`: regular, jittered, or a Poisson process. */
static inline double next_gap(struct sim *sim, int style, double mean)
{
	double u = 0;

	if (style == 0)
		return mean;
	if (style == 1)
		return mean * sim_within(sim, 0.2, 1.8);
	/* -ln(1 - u) by its series: good enough here, and needs no libm. */
	double power = 1, x = sim_random(sim) * 0.98;

	for (int i = 1; i < 400; i++) {
		power *= x;
		u += power / i;
	}
	return mean * u * 1.06;
}

struct program {
	const char *name;
	void (*build)(struct sim *sim, struct truth *truth);
};

/* NULL when `pattern` agrees with `truth`, else what does not. */
static inline const char *disagreement(const struct pattern *pattern, const struct truth *truth)
{
	if (!(truth->allowed & 1u << pattern->name))
		return "verdict";
	if (!pattern->text[0] || strlen(pattern->text) >= sizeof(pattern->text) - 4)
		return "text";
	if (pattern->name == PATTERN_PER_THREAD_SLOT) {
		if (truth->threads != ANY && pattern->threads != truth->threads)
			return "threads";
		if (truth->blocks != ANY && pattern->blocks_per_thread != truth->blocks)
			return "blocks per thread";
		if (truth->replacements != ANY && pattern->replacements != truth->replacements)
			return "replacements";
	}
	if (pattern->name == PATTERN_GROWING && truth->rate > 0 &&
	    (pattern->growth_bytes_per_s < 0.9 * truth->rate ||
	     pattern->growth_bytes_per_s > 1.1 * truth->rate))
		return "rate";
	return NULL;
}

static inline void test_program(void **state)
{
	const struct program *program = *state;
	unsigned int wrong = 0, ranges = 0, outside = 0;

	for (uint64_t run = 0; run < RUNS; run++) {
		struct truth truth;
		struct pattern pattern;
		struct snapshot *snapshot;
		struct sim sim;
		const char *fault;

		sim_start(&sim, run * 1000 + (uint64_t)strlen(program->name));
		program->build(&sim, &truth);
		snapshot = sim_run(&sim);
		assert_int_equal(snapshot->process_count, 1);
		assert_int_equal(snapshot->processes[0].site_count, 1);
		pattern_find(snapshot, snapshot->processes, snapshot->processes->sites, &pattern);
		fault = disagreement(&pattern, &truth);
		if (pattern.name == PATTERN_GROWING && truth.rate > 0 &&
		    pattern.growth_range_known) {
			ranges++;
			outside += truth.rate < pattern.growth_low ||
				   truth.rate > pattern.growth_high;
		}
		if (fault) {
			wrong++;
			print_error("%s, run %d of %.1f s: wrong %s: %s, %d threads, %d blocks, %d "
				    "replaced, %.4g B/s (%d, %d, %d, %.4g)\n    %s\n",
				    program->name, (int)run, sim.length_s, fault,
				    pattern_name(pattern.name), (int)pattern.threads,
				    (int)pattern.blocks_per_thread, (int)pattern.replacements,
				    pattern.growth_bytes_per_s, (int)truth.threads,
				    (int)truth.blocks, (int)truth.replacements, truth.rate,
				    pattern.text);
		}
		snapshot_free(snapshot);
		sim_free(&sim);
	}
	assert_int_equal(wrong, 0);
	if (ranges)
		print_message("%s: %d of %d rates outside of what was sure to 95 %%\n",
			      program->name, (int)outside, (int)ranges);
	assert_true(outside <= ranges / 10);
}

static inline int run_programs(const char *group, const struct program *programs, size_t count)
{
	struct CMUnitTest tests[32];

	assert(count <= sizeof(tests) / sizeof(tests[0]));
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ .name = programs[i].name,
						.test_func = test_program,
						.initial_state = (void *)(uintptr_t)&programs[i] };
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}

#endif
