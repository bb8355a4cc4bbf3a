/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leaks: steady, in bursts, late, early, on top of something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache_program.h"
struct leak {
	unsigned int threads;
	size_t steps, burst;
	double from, share; /* of the trace; of the blocks that are never freed */
	int style;
	struct sizes sizes;
};

static struct leak any_leak(struct sim *sim)
{
	return (struct leak){ .threads = (unsigned int)sim_between(sim, 1, 8),
			      .steps = (size_t)sim_log_within(sim, 100, 5000),
			      .burst = 1,
			      .share = 1,
			      .style = (int)sim_between(sim, 0, 2),
			      .sizes = any_sizes(sim) };
}

static void run_leak(struct sim *sim, const struct leak *leak, struct truth *truth)
{
	double start = leak->from * sim->length_s, at = start, leaked = 0;
	double gap = (sim->length_s - start) / (double)leak->steps;

	for (;;) {
		at += next_gap(sim, leak->style, gap);
		if (at >= sim->length_s)
			break;
		for (size_t i = 0; i < leak->burst; i++) {
			uint32_t tid = 200 + (uint32_t)(sim_between(sim, 0, leak->threads - 1));
			bool kept = sim_random(sim) < leak->share;
			uint64_t size = next_size(sim, leak->sizes);

			leaked += kept ? (double)size : 0;
			sim_block(sim, at, kept ? SIM_NEVER : at + sim_random(sim) * gap * 3, tid,
				  tid, size);
		}
	}
	*truth = (struct truth){ ALLOW(GROWING), ANY, 0, ANY, leaked / (sim->length_s - start) };
}

static void leak_plain(struct sim *sim, struct truth *truth)
{
	struct leak leak = any_leak(sim);

	run_leak(sim, &leak, truth);
}

/* Every thread leaks at the same beat, so all hold the same number at any time. */
static void leak_in_step(struct sim *sim, struct truth *truth)
{
	unsigned int threads = (unsigned int)sim_between(sim, 2, 16);
	size_t each = sim_between(sim, 12, 400);
	uint64_t size = (uint64_t)sim_log_within(sim, 24, 1e6);

	for (unsigned int t = 0; t < threads; t++)
		for (size_t i = 0; i < each; i++)
			sim_block(sim, ((double)i + 0.5) / (double)each * sim->length_s, SIM_NEVER,
				  200 + t, 200 + t, size);
	*truth = (struct truth){ ALLOW(GROWING), threads, 0, 0,
				 (double)(each * threads * size) / sim->length_s };
}

static void leak_in_step_early(struct sim *sim, struct truth *truth)
{
	unsigned int threads = (unsigned int)sim_between(sim, 2, 16);
	size_t each = sim_between(sim, 3, 8);

	for (unsigned int t = 0; t < threads; t++)
		for (size_t i = 0; i < each; i++)
			sim_block(sim, ((double)i + 0.5) / (double)each * sim->length_s, SIM_NEVER,
				  200 + t, 200 + t, 4096);
	*truth = (struct truth){ ALLOW(GROWING) | ALLOW(UNKNOWN), threads, 0, 0, 0 };
}

static void leak_part(struct sim *sim, struct truth *truth)
{
	struct leak leak = any_leak(sim);

	leak.share = sim_within(sim, 0.1, 0.6);
	leak.steps = 2000;
	leak.sizes.spread = (enum spread)sim_between(sim, FIXED, WIDE);
	run_leak(sim, &leak, truth);
}

static void leak_bursts(struct sim *sim, struct truth *truth)
{
	struct leak leak = any_leak(sim);

	leak.steps = sim_between(sim, 25, 60);
	leak.burst = sim_between(sim, 10, 50);
	leak.style = 1;
	run_leak(sim, &leak, truth);
}

static void leak_late(struct sim *sim, struct truth *truth)
{
	struct leak leak = any_leak(sim);

	leak.from = sim_within(sim, 0.1, 0.6);
	leak.steps = 1000;
	run_leak(sim, &leak, truth);
}

/* Set-up data first, then a leak that outgrows it. */
static void leak_after_setup(struct sim *sim, struct truth *truth)
{
	struct leak leak = any_leak(sim);

	leak.from = sim_within(sim, 0, 0.3);
	leak.sizes = (struct sizes){ NARROW, 1000 };
	leak.steps = 1000;
	for (int i = 0; i < 300; i++)
		sim_block(sim, 0.001 * i / 300 * sim->length_s, SIM_NEVER, 200, 200, 1000);
	run_leak(sim, &leak, truth);
}

static void leak_of_three(struct sim *sim, struct truth *truth)
{
	double gap = sim->length_s / 3.5;

	for (int i = 0; i < 3; i++)
		sim_block(sim, gap * (i + sim_within(sim, 0.3, 1)), SIM_NEVER, 200, 200, 5000);
	*truth = (struct truth){ ALLOW(GROWING) | ALLOW(UNKNOWN), ANY, 0, ANY, 0 };
}

static void leak_below_cache(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);
	struct leak leak = any_leak(sim);
	double total;

	cache.sizes = (struct sizes){ NARROW, 100000 };
	run_cache(sim, &cache, truth);
	total = (double)cache.entries * 100000;
	leak.sizes = (struct sizes){ FIXED, 150 };
	leak.steps = (size_t)(total * sim_within(sim, 0.15, 0.4) / 150);
	run_leak(sim, &leak, truth);
}

static const struct program programs[] = {
	{ "leak_plain", leak_plain },
	{ "leak_in_step", leak_in_step },
	{ "leak_in_step_early", leak_in_step_early },
	{ "leak_part", leak_part },
	{ "leak_bursts", leak_bursts },
	{ "leak_late", leak_late },
	{ "leak_after_setup", leak_after_setup },
	{ "leak_of_three", leak_of_three },
	{ "leak_below_cache", leak_below_cache },
};

int main(void)
{
	return run_programs("pattern_growing", programs, sizeof(programs) / sizeof(programs[0]));
}
