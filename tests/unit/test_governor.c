/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up programs under the governor: what is given up, and what was spent until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/governor.h"
#include "outlive/sample.h"

#define LOOK_NS 10e6

static const struct governor_limits limits = { .share = 0.05, .trap_ns = 700 };

/* A program that computes for own_ns between two calls of malloc and free. */
struct program {
	double own_ns;	       /* per pair */
	double exact_run_ns, sampled_run_ns; /* of our programs, per pair */
	double cpu, hits, run; /* so far */
	double cost;
};

static double trap_of_pair(const struct governor *governor)
{
	return governor->tier < EVENT_TIER_MMAP ? 3 * limits.trap_ns : 0;
}

static double run_of_pair(const struct program *program, const struct governor *governor)
{
	return governor->tier == EVENT_TIER_EXACT    ? program->exact_run_ns
	       : governor->tier == EVENT_TIER_SAMPLE ? program->sampled_run_ns
						     : 0;
}

/* Let it use CPU for `ns`, and look. Returns whether something was given up. */
static bool go_on(struct program *program, struct governor *governor, double ns, double *share)
{
	double trap = trap_of_pair(governor), run = run_of_pair(program, governor);
	double pairs = ns / (program->own_ns + trap + run);
	struct governor_totals totals;

	program->cpu += ns;
	program->hits += trap > 0 ? 3 * pairs : 0;
	program->run += run * pairs;
	program->cost += (trap + run) * pairs;
	totals.cpu_ns = (uint64_t)program->cpu;
	totals.hits = (uint64_t)program->hits;
	totals.run_ns = (uint64_t)program->run;
	return governor_look(governor, &limits, &totals, share);
}

static void run(struct program *program, struct governor *governor, double seconds)
{
	double share;

	for (double t = 0; t < seconds * 1e9; t += LOOK_NS)
		go_on(program, governor, LOOK_NS, &share);
}

/* Its probes alone are too much: out with them, long before the limit is spent. */
static void test_storm(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct program program = { .own_ns = 15, .exact_run_ns = 1000, .sampled_run_ns = 150 };

	(void)state;
	run(&program, &governor, 3);
	assert_int_equal(governor.tier, EVENT_TIER_MMAP);
	assert_true(program.cost < 0.05 * program.cpu);
	assert_true(program.cost < 0.05e9);
}

static void test_moderate(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct program program = { .own_ns = 80000, .exact_run_ns = 1000, .sampled_run_ns = 150 };

	(void)state;
	run(&program, &governor, 100);
	assert_int_equal(governor.tier, EVENT_TIER_EXACT);
}

/* Exact is too much, the probes alone are not. */
static void test_sampling_helps(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct program program = { .own_ns = 50000, .exact_run_ns = 2000, .sampled_run_ns = 150 };

	(void)state;
	run(&program, &governor, 100);
	assert_int_equal(governor.tier, EVENT_TIER_SAMPLE);
	assert_int_equal(governor.sample_bytes, 64 << 10);
	assert_true(program.cost < 0.05 * program.cpu);
}

/* It does not: the sample grows, and in the end the probes go. */
static void test_sample_grows(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct program program = { .own_ns = 50000, .exact_run_ns = 2000, .sampled_run_ns = 2000 };
	uint64_t before = 0;
	int steps = 0;
	double share;

	(void)state;
	while (governor.tier < EVENT_TIER_MMAP && steps < 20) {
		if (!go_on(&program, &governor, LOOK_NS, &share))
			continue;
		assert_true(share > 0.05 && share < 0.2);
		steps++;
		if (governor.tier == EVENT_TIER_SAMPLE) {
			assert_true(governor.sample_bytes > before);
			assert_int_equal(sample_bytes(sample_code(governor.sample_bytes)),
					 governor.sample_bytes);
		}
		before = governor.sample_bytes;
	}
	assert_int_equal(governor.tier, EVENT_TIER_MMAP);
	assert_in_range(steps, 4, 8);
}

/* A burst that the following quiet pays for changes nothing; one after another does. */
static void test_bursts(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct program storm = { .own_ns = 15, .exact_run_ns = 1000 };
	double share;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct program quiet = storm;

		assert_false(go_on(&storm, &governor, 10e6, &share));
		quiet = storm;
		quiet.own_ns = 1e9;
		assert_false(go_on(&quiet, &governor, 400e6, &share));
		quiet.own_ns = storm.own_ns;
		storm = quiet;
	}
	assert_false(go_on(&storm, &governor, 10e6, &share));
	assert_true(go_on(&storm, &governor, 15e6, &share));
	assert_int_equal(governor.tier, EVENT_TIER_MMAP);
}

/* Mappings can be too much as well; then nothing is left to give up. */
static void test_mappings(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_MMAP };
	struct governor_totals totals = { .cpu_ns = 0 };
	double share = 0;
	int steps = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		totals.cpu_ns += 10000000;
		totals.run_ns += 2000000;
		totals.hits += 100000;
		steps += governor_look(&governor, &limits, &totals, &share);
	}
	assert_int_equal(steps, 1);
	assert_int_equal(governor.tier, EVENT_TIER_OFF);
	assert_true(share > 0.19 && share < 0.21);
}

/* Hits that go on while the probes are taken out, or that cannot be avoided, change nothing. */
static void test_hits_afterwards(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_MMAP };
	struct governor_totals totals = { .cpu_ns = 0 };
	double share;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		totals.cpu_ns += 10000000;
		totals.hits += 10000;
		assert_false(governor_look(&governor, &limits, &totals, &share));
	}
}

/* Nothing of what was before the first look counts. */
static void test_begins_where_it_is(void **state)
{
	struct governor governor = { .tier = EVENT_TIER_EXACT };
	struct governor_totals totals = { .cpu_ns = 1000, .hits = 1u << 30, .run_ns = 1ull << 40 };
	double share;

	(void)state;
	assert_false(governor_look(&governor, &limits, &totals, &share));
	totals.cpu_ns += 1000000;
	assert_false(governor_look(&governor, &limits, &totals, &share));
	assert_int_equal(governor.tier, EVENT_TIER_EXACT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),	      cmocka_unit_test(test_moderate),
		cmocka_unit_test(test_sampling_helps), cmocka_unit_test(test_sample_grows),
		cmocka_unit_test(test_bursts),	      cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_hits_afterwards),
		cmocka_unit_test(test_begins_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
