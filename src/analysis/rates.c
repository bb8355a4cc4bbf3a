/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/rates.h"

#include <string.h>

void rates_keep(struct rates *rates, struct snapshot *snapshot)
{
	size_t last = rates->count - 1;

	if (rates->count && rates->older[last]->now_ns >= snapshot->now_ns) {
		snapshot_free(rates->older[last]);
		rates->older[last] = snapshot;
		return;
	}
	if (rates->count == RATES_WINDOW) {
		snapshot_free(rates->older[0]);
		memmove(&rates->older[0], &rates->older[1], last * sizeof(rates->older[0]));
		rates->count--;
	}
	rates->older[rates->count++] = snapshot;
}

void rates_clear(struct rates *rates)
{
	for (size_t i = 0; i < rates->count; i++)
		snapshot_free(rates->older[i]);
	rates->count = 0;
}

/* The snapshot to compare `now` with, and the seconds between; NULL: none. */
static const struct snapshot *base_of(const struct rates *rates, const struct snapshot *now,
				      double *ret_seconds)
{
	const struct snapshot *base = rates->count ? rates->older[0] : NULL;

	if (!base || base->now_ns >= now->now_ns)
		return NULL;
	*ret_seconds = (double)(now->now_ns - base->now_ns) / 1e9;
	return base;
}

static const struct snapshot_process *whole_of(const struct snapshot_process *process)
{
	return process->whole ? process->whole : process;
}

static bool is_same(const struct snapshot_process *a, const struct snapshot_process *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns;
}

/* Where `process` lies in `now`; of no meaning when it is not of that array itself. */
static size_t place_of(const struct snapshot *now, const struct snapshot_process *process)
{
	uintptr_t from = (uintptr_t)now->processes, at = (uintptr_t)process;

	return at >= from ? (at - from) / sizeof(*process) : now->process_count;
}

/* The same process in `base`, or NULL: it was not there yet. Most are where they are now. */
static const struct snapshot_process *find_process(const struct snapshot *base,
						   const struct snapshot *now,
						   const struct snapshot_process *process)
{
	size_t at = place_of(now, process);

	if (at < base->process_count && is_same(&base->processes[at], process))
		return whole_of(&base->processes[at]);
	for (size_t i = 0; i < base->process_count; i++) {
		if (is_same(&base->processes[i], process))
			return whole_of(&base->processes[i]);
	}
	return NULL;
}

static double difference(uint64_t now, uint64_t before)
{
	return now >= before ? (double)(now - before) : -(double)(before - now);
}

/* An exec may set counts back: what went down did not happen at a negative rate. */
static uint64_t per_second(uint64_t now, uint64_t before, double seconds)
{
	double rate = difference(now, before) / seconds;

	return rate <= 0 ? 0 : rate >= (double)INT64_MAX ? INT64_MAX : (uint64_t)(rate + 0.5);
}

static void compare(const struct snapshot_counts *now, const struct snapshot_counts *before,
		    double seconds, struct rate *ret_rate)
{
	double growth = difference(now->live_bytes, before->live_bytes) / seconds;

	ret_rate->allocated = per_second(now->allocated_bytes, before->allocated_bytes, seconds);
	ret_rate->freed = per_second(now->freed_bytes, before->freed_bytes, seconds);
	ret_rate->growth = growth >= (double)INT64_MAX	  ? INT64_MAX
			   : growth <= -(double)INT64_MAX ? -INT64_MAX
							  : (int64_t)growth;
}

bool rates_of_process(const struct rates *rates, const struct snapshot *now,
		      const struct snapshot_process *process, struct rate *ret_rate)
{
	static const struct snapshot_counts nothing;
	const struct snapshot_process *before;
	const struct snapshot *base;
	double seconds;

	base = base_of(rates, now, &seconds);
	if (!base)
		return false;
	before = find_process(base, now, process);
	compare(&whole_of(process)->counts, before ? &before->counts : &nothing, seconds, ret_rate);
	return true;
}

bool rates_of_thread(const struct rates *rates, const struct snapshot *now,
		     const struct snapshot_process *process, const struct snapshot_thread *thread,
		     struct rate *ret_rate)
{
	static const struct snapshot_counts nothing;
	const struct snapshot_counts *counts = &nothing;
	size_t index = (size_t)(thread - process->threads);
	const struct snapshot_process *before;
	const struct snapshot *base;
	double seconds;

	base = base_of(rates, now, &seconds);
	if (!base)
		return false;
	before = find_process(base, now, process);
	/* The ledger only ever appends threads: the same one has the same place. */
	if (before && index < before->thread_count && before->threads[index].tid == thread->tid)
		counts = &before->threads[index].counts;
	if (process->whole && index < process->whole->thread_count)
		thread = &process->whole->threads[index];
	compare(&thread->counts, counts, seconds, ret_rate);
	return true;
}

void rates_thread_share(const struct snapshot_site *site, uint32_t thread,
			struct snapshot_counts *ret_counts)
{
	struct snapshot_counts sum = { 0 };

	for (size_t i = 0; i < site->class_count; i++) {
		const struct snapshot_class *class = &site->classes[i];

		for (size_t j = 0; j < class->cell_count; j++) {
			const struct snapshot_counts *counts = &class->cells[j].counts;

			if (class->cells[j].thread != thread)
				continue;
			sum.live_bytes += counts->live_bytes;
			sum.live_blocks += counts->live_blocks;
			sum.allocated_bytes += counts->allocated_bytes;
			sum.allocated_blocks += counts->allocated_blocks;
			sum.freed_bytes += counts->freed_bytes;
			sum.freed_blocks += counts->freed_blocks;
		}
	}
	*ret_counts = sum;
}

bool rates_of_site(const struct rates *rates, const struct snapshot *now,
		   const struct snapshot_process *process, const struct snapshot_site *site,
		   uint32_t thread, struct rate *ret_rate)
{
	struct snapshot_counts counts, earlier = { 0 };
	const struct snapshot_process *before;
	const struct snapshot *base;
	double seconds;

	base = base_of(rates, now, &seconds);
	if (!base)
		return false;
	site = site->whole ? site->whole : site;
	counts = site->counts;
	before = find_process(base, now, process);
	/* Ids are places in the table, which only grows. */
	if (before && site->id && site->id <= before->site_count) {
		const struct snapshot_site *old = &before->sites[site->id - 1];

		earlier = old->counts;
		if (thread != RATES_ALL_THREADS)
			rates_thread_share(old, thread, &earlier);
	}
	if (thread != RATES_ALL_THREADS)
		rates_thread_share(site, thread, &counts);
	compare(&counts, &earlier, seconds, ret_rate);
	return true;
}
