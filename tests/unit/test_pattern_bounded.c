/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches, set-up data and churn: whatever does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache_program.h"
static void cache_plain(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);

	run_cache(sim, &cache, truth);
}

static void cache_of_64(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);

	cache.entries = 64;
	cache.random_victim = false;
	cache.turns = sim_between(sim, 4, 300);
	run_cache(sim, &cache, truth);
}

static void cache_of_few(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);

	cache.entries = sim_between(sim, 4, 16);
	cache.random_victim = false;
	cache.turns = sim_between(sim, 10, 300);
	cache.sizes.spread = NARROW;
	run_cache(sim, &cache, truth);
}

static void cache_from_before(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);

	cache.before = 1;
	run_cache(sim, &cache, truth);
}

static void cache_warm_up(struct sim *sim, struct truth *truth)
{
	struct cache cache = any_cache(sim);

	cache.fill_until = sim_within(sim, 0.2, 0.55);
	run_cache(sim, &cache, truth);
}

static void warm_up_then_quiet(struct sim *sim, struct truth *truth)
{
	size_t count = (size_t)sim_log_within(sim, 40, 4000);
	double until = sim_within(sim, 0.1, 0.7) * sim->length_s;
	struct sizes sizes = any_sizes(sim);

	for (size_t i = 0; i < count; i++)
		sim_block(sim, sim_random(sim) * until, SIM_NEVER, 200, 200, next_size(sim, sizes));
	*truth = (struct truth){ ALLOW(STATIC) | ALLOW(BOUNDED), ANY, 0, ANY, 0 };
}

/* The fuller, the slower: a table that is filled by chance. */
static void warm_up_slowing(struct sim *sim, struct truth *truth)
{
	size_t entries = sim_between(sim, 100, 1000), draws = entries * sim_between(sim, 3, 8);
	uint64_t size = (uint64_t)sim_log_within(sim, 24, 1e5);
	bool *filled = calloc(entries, sizeof(*filled));

	for (size_t i = 0; i < draws; i++) {
		size_t which = sim_between(sim, 0, entries - 1);

		if (!filled[which])
			sim_block(sim, (double)i / (double)draws * sim->length_s, SIM_NEVER, 200,
				  200, size);
		filled[which] = true;
	}
	free(filled);
	*truth = (struct truth){ ALLOW(STATIC) | ALLOW(BOUNDED) | ALLOW(UNKNOWN), ANY, 0, ANY, 0 };
}

static void cache_sawtooth(struct sim *sim, struct truth *truth)
{
	size_t teeth = sim_between(sim, 3, 15), each = sim_between(sim, 30, 300);
	double period = sim->length_s / ((double)teeth + sim_random(sim));
	double keep = sim_between(sim, 0, 1) ? 0 : 0.5;
	struct sizes sizes = any_sizes(sim);

	for (size_t tooth = 0; tooth <= teeth; tooth++) {
		for (size_t i = 0; i < each; i++) {
			double at = ((double)tooth + (double)i / (double)each) * period;
			bool twice = (double)i / (double)each < keep;

			sim_block(sim, at, (double)(tooth + 1 + twice) * period, 200, 200,
				  next_size(sim, sizes));
		}
	}
	*truth = (struct truth){ ALLOW(BOUNDED), ANY, 0, ANY, 0 };
}

static void setup_data(struct sim *sim, struct truth *truth)
{
	size_t count = (size_t)sim_log_within(sim, 1, 5000);
	double until = sim_within(sim, 0.0001, 0.04) * sim->length_s;
	struct sizes sizes = any_sizes(sim);
	double freed = sim_between(sim, 0, 1) ? 0 : 0.3;

	for (size_t i = 0; i < count; i++) {
		double at = sim_random(sim) * until;
		bool kept = i == 0 || sim_random(sim) >= freed;

		sim_block(sim, at, kept ? SIM_NEVER : at + until * 0.1, 200, 200,
			  next_size(sim, sizes));
	}
	*truth = (struct truth){ ALLOW(STATIC), ANY, 0, ANY, 0 };
}

static void setup_by_threads(struct sim *sim, struct truth *truth)
{
	unsigned int threads = (unsigned int)sim_between(sim, 2, 8);

	for (unsigned int t = 0; t < threads; t++)
		for (size_t i = 0; i < 3 + 5 * t; i++)
			sim_block(sim, sim_random(sim) * 0.03 * sim->length_s, SIM_NEVER, 200 + t,
				  200 + t, 600);
	*truth = (struct truth){ ALLOW(STATIC), ANY, 0, ANY, 0 };
}

static void churn(struct sim *sim, struct truth *truth)
{
	unsigned int threads = (unsigned int)sim_between(sim, 1, 8);
	size_t each = sim_between(sim, 50, 1000), nested = sim_between(sim, 1, 4);
	double step = sim->length_s / (double)each, duty = sim_within(sim, 0.02, 0.7);
	struct sizes sizes = any_sizes(sim);
	int order = sim_between(sim, 0, 1) ? 1 : -1; /* first made, first or last freed */

	for (unsigned int t = 0; t < threads; t++) {
		double phase = sim_random(sim) * step;

		for (size_t i = 0; i < each; i++) {
			double at = (double)i * step + phase;
			double hold = duty * step * sim_within(sim, 0.5, 1);

			for (size_t n = 0; n < nested; n++)
				sim_block(sim, at + (double)n * hold * 0.05,
					  at + hold * (1 + order * 0.05 * (double)n), 200 + t,
					  200 + t, next_size(sim, sizes));
		}
	}
	*truth = (struct truth){ ALLOW(SHORT_LIVED), ANY, 0, ANY, 0 };
}

/* Queues: blocks made by one thread, freed by another, soon. */
static void churn_handed_over(struct sim *sim, struct truth *truth)
{
	size_t count = sim_between(sim, 200, 3000);
	double step = sim->length_s / (double)count;
	struct sizes sizes = any_sizes(sim);

	for (size_t i = 0; i < count; i++) {
		double at = (double)i * step;

		sim_block(sim, at, at + step * sim_within(sim, 0.05, 1.5), 200, 201,
			  next_size(sim, sizes));
	}
	*truth = (struct truth){ ALLOW(SHORT_LIVED) | ALLOW(BOUNDED), ANY, 0, ANY, 0 };
}

static const struct program programs[] = {
	{ "cache_plain", cache_plain },
	{ "cache_of_64", cache_of_64 },
	{ "cache_of_few", cache_of_few },
	{ "cache_from_before", cache_from_before },
	{ "cache_warm_up", cache_warm_up },
	{ "cache_sawtooth", cache_sawtooth },
	{ "warm_up_then_quiet", warm_up_then_quiet },
	{ "warm_up_slowing", warm_up_slowing },
	{ "setup_data", setup_data },
	{ "setup_by_threads", setup_by_threads },
	{ "churn", churn },
	{ "churn_handed_over", churn_handed_over },
};

int main(void)
{
	return run_programs("pattern_bounded", programs, sizeof(programs) / sizeof(programs[0]));
}
