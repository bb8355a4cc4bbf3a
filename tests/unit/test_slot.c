/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools of threads that each keep the last of something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verdict.h"
#define MAX_THREADS 32

struct pool {
	unsigned int threads, served, keep;
	size_t requests;
	double until;		/* share of the trace; idle after */
	int style, temporaries; /* 1: of the same size, 2: of other sizes */
	bool clear_first, growing_bodies, two_sizes;
	struct sizes sizes;
};

/* Each thread keeps its last `keep` bodies. Every thread is served before any a second time. */
static void run_pool(struct sim *sim, const struct pool *pool, struct truth *truth)
{
	double at = sim_within(sim, 0, 0.1) * sim->length_s;
	double gap = (pool->until * sim->length_s - at) / (double)(pool->requests + 1);
	size_t made[MAX_THREADS] = { 0 };
	double *times[MAX_THREADS];
	uint64_t replaced = 0;

	for (unsigned int t = 0; t < pool->served; t++)
		times[t] = calloc(pool->requests + 1, sizeof(double));
	for (size_t r = 0; r < pool->requests; r++) {
		unsigned int t = r < pool->served * pool->keep
					 ? r % pool->served
					 : (unsigned int)sim_between(sim, 0, pool->served - 1);

		at += next_gap(sim, pool->style, gap);
		times[t][made[t]++] = at;
		for (int i = 0; pool->temporaries && i < 3; i++) {
			double made_at = at + sim_random(sim) * 0.2 * gap;
			uint64_t size = pool->temporaries == 1 ? next_size(sim, pool->sizes) : 100;

			sim_block(sim, made_at, made_at + sim_random(sim) * 0.2 * gap, 200 + t,
				  200 + t, size);
		}
	}
	for (unsigned int t = 0; t < pool->served; t++) {
		for (size_t i = 0; i < made[t]; i++) {
			double end = SIM_NEVER;
			uint64_t size = next_size(sim, pool->sizes);

			if (times[t][i] > sim->length_s)
				break;
			if (pool->growing_bodies)
				size += (uint64_t)(times[t][i] / sim->length_s * 0.2 *
						   (double)size);
			if (pool->two_sizes && i > 0)
				size /= 64;
			if (i + pool->keep < made[t])
				end = times[t][i + pool->keep] +
				      (pool->clear_first ? -0.001 : 0.001) * gap;
			if (end <= sim->length_s)
				replaced++;
			sim_block(sim, times[t][i], end, 200 + t, 200 + t, size);
		}
		free(times[t]);
	}
	*truth = (struct truth){ ALLOW(PER_THREAD_SLOT), pool->served, pool->keep, replaced, 0 };
}

static struct pool any_pool(struct sim *sim)
{
	static const unsigned int threads[] = { 2, 7, 10, 32 };
	struct pool pool = { .threads = threads[sim_between(sim, 0, 3)],
			     .keep = 1,
			     .until = 0.97,
			     .style = (int)sim_between(sim, 0, 1),
			     .sizes = { FIXED, (uint64_t)sim_log_within(sim, 100, 3e7) } };

	pool.served = pool.threads;
	pool.requests = pool.threads + sim_between(sim, pool.threads / 2 + 1, 40 * pool.threads);
	return pool;
}

static void slot_plain(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	run_pool(sim, &pool, truth);
}

static void slot_demo(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	sim->length_s = sim_within(sim, 1, 8);
	pool.threads = pool.served = 10;
	pool.requests = 14;
	pool.sizes = (struct sizes){ FIXED, 22200000 };
	pool.growing_bodies = true;
	pool.style = 0;
	run_pool(sim, &pool, truth);
	assert_int_equal(truth->replacements, 4);
}

static void slot_growing_bodies(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.growing_bodies = true;
	run_pool(sim, &pool, truth);
	truth->replacements = ANY;
}

static void slot_many_sizes(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.sizes.spread = sim_between(sim, 0, 1) ? WIDE : NARROW;
	run_pool(sim, &pool, truth);
	truth->replacements = ANY;
}

static void slot_small_replace_large(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.requests = pool.threads * 2;
	pool.two_sizes = true;
	pool.sizes.base = 20000000;
	run_pool(sim, &pool, truth);
}

static void slot_three_each(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.keep = 3;
	pool.requests = pool.threads * sim_between(sim, 6, 60);
	run_pool(sim, &pool, truth);
}

static void slot_temporaries(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.temporaries = 1;
	run_pool(sim, &pool, truth);
	truth->replacements = ANY;
}

static void slot_temporaries_of_other_sizes(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.temporaries = 2;
	pool.sizes.base += 1000;
	run_pool(sim, &pool, truth);
	truth->replacements = ANY;
}

static void slot_idle(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.until = sim_within(sim, 0.2, 0.5);
	run_pool(sim, &pool, truth);
}

static void slot_partly_served(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.served = pool.threads - (pool.threads > 2 ? pool.threads / 4 : 0);
	run_pool(sim, &pool, truth);
}

static void slot_clear_first(struct sim *sim, struct truth *truth)
{
	struct pool pool = any_pool(sim);

	pool.clear_first = true;
	pool.requests = pool.threads + sim_between(sim, pool.threads, 10 * pool.threads);
	run_pool(sim, &pool, truth);
}

static void slot_never_replaced(struct sim *sim, struct truth *truth)
{
	unsigned int threads = (unsigned int)sim_between(sim, 2, 32);
	unsigned int each = (unsigned int)sim_between(sim, 1, 5);
	struct sizes sizes = any_sizes(sim);

	for (unsigned int t = 0; t < threads; t++) {
		double at = sim_within(sim, 0, 0.3) * sim->length_s;

		for (unsigned int i = 0; i < each; i++)
			sim_block(sim, at + i * 1e-4, SIM_NEVER, 200 + t, 200 + t,
				  next_size(sim, sizes));
	}
	*truth = (struct truth){ ALLOW(PER_THREAD_SLOT), threads, each, 0, 0 };
}

static const struct program programs[] = {
	{ "slot_plain", slot_plain },
	{ "slot_demo", slot_demo },
	{ "slot_growing_bodies", slot_growing_bodies },
	{ "slot_many_sizes", slot_many_sizes },
	{ "slot_small_replace_large", slot_small_replace_large },
	{ "slot_three_each", slot_three_each },
	{ "slot_temporaries", slot_temporaries },
	{ "slot_temporaries_of_other_sizes", slot_temporaries_of_other_sizes },
	{ "slot_idle", slot_idle },
	{ "slot_partly_served", slot_partly_served },
	{ "slot_clear_first", slot_clear_first },
	{ "slot_never_replaced", slot_never_replaced },
};

int main(void)
{
	return run_programs("slot", programs, sizeof(programs) / sizeof(programs[0]));
}
