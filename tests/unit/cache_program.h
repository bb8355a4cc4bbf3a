/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A simulated cache: a number of entries, each replaced again and again. */
#ifndef OUTLIVE_TESTS_CACHE_PROGRAM_H
#define OUTLIVE_TESTS_CACHE_PROGRAM_H

#include "verdict.h"

struct cache {
	size_t entries, turns;
	unsigned int threads;
	bool random_victim;
	int style;
	struct sizes sizes;
	double fill_until; /* share of the trace that the first filling takes; 0: like the rest */
	size_t before;	   /* entries that are older than the trace */
};

static inline struct cache any_cache(struct sim *sim)
{
	return (struct cache){ .entries = sim_between(sim, 20, 200),
			       .turns = sim_between(sim, 4, 60),
			       .threads = (unsigned int)sim_between(sim, 0, 1)
						  ? 1
						  : (unsigned int)sim_between(sim, 2, 16),
			       .random_victim = sim_between(sim, 0, 1),
			       .style = (int)sim_between(sim, 0, 2),
			       .sizes = any_sizes(sim) };
}

struct entry {
	double made_s;
	uint64_t size;
	uint32_t tid;
};

static inline void run_cache(struct sim *sim, const struct cache *cache, struct truth *truth)
{
	struct entry *entries = calloc(cache->entries, sizeof(*entries));
	size_t total = cache->entries * cache->turns;
	double at = 0, gap = sim->length_s / (double)total;

	for (size_t i = 0; at < sim->length_s; i++) {
		bool fresh = i < cache->entries;
		double mean = fresh && cache->fill_until > 0
				      ? cache->fill_until * sim->length_s / (double)cache->entries
				      : gap;
		size_t victim = cache->random_victim && !fresh
					? sim_between(sim, 0, cache->entries - 1)
					: i % cache->entries;
		struct entry *entry = &entries[victim];
		uint32_t tid = 200 + (uint32_t)sim_between(sim, 0, cache->threads - 1);

		at += next_gap(sim, cache->style, mean);
		if (entry->tid)
			sim_block(sim, entry->made_s, at, entry->tid, tid, entry->size);
		else if (cache->before && at <= sim->length_s)
			sim_op(sim, at, EVENT_FREE, tid)->address = 0x1000 + victim * 8;
		*entry = (struct entry){ at + gap * 0.001, next_size(sim, cache->sizes), tid };
	}
	for (size_t i = 0; i < cache->entries; i++)
		if (entries[i].tid)
			sim_block(sim, entries[i].made_s, SIM_NEVER, entries[i].tid, entries[i].tid,
				  entries[i].size);
	free(entries);
	*truth = (struct truth){ ALLOW(BOUNDED), ANY, 0, ANY, 0 };
}

#endif
