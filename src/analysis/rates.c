/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/rates.h"

#include <stdlib.h>
#include <string.h>

/* --- what is kept of a snapshot --------------------------------------------------- */

/* Bytes. */
struct base_counts {
	uint64_t live, allocated, freed;
};

struct base_thread {
	uint32_t tid;
	struct base_counts counts;
};

/* What one thread has of a site, in one size class. */
struct base_cell {
	uint32_t thread;
	struct base_counts counts;
};

struct base_site {
	struct base_counts counts;
	size_t first; /* of its cells; they end where the next one's begin */
};

struct base_process {
	uint32_t pid;
	uint64_t start_ns;
	struct base_counts counts;
	size_t thread_count, site_count;
	struct base_thread *threads;
	struct base_site *sites; /* by id - 1; one more than there are */
	struct base_cell *cells;
};

struct rate_base {
	uint64_t now_ns;
	size_t process_count;
	struct base_process *processes;
};

static const struct snapshot_process *whole_of(const struct snapshot_process *process)
{
	return process->whole ? process->whole : process;
}

static struct base_counts counts_of(const struct snapshot_counts *counts)
{
	return (struct base_counts){ counts->live_bytes, counts->allocated_bytes,
				     counts->freed_bytes };
}

static void base_free(struct rate_base *base)
{
	for (size_t i = 0; base && i < base->process_count; i++) {
		free(base->processes[i].threads);
		free(base->processes[i].sites);
		free(base->processes[i].cells);
	}
	if (base)
		free(base->processes);
	free(base);
}

static size_t count_cells(const struct snapshot_process *process)
{
	size_t count = 0;

	for (size_t i = 0; i < process->site_count; i++) {
		for (size_t j = 0; j < process->sites[i].class_count; j++)
			count += process->sites[i].classes[j].cell_count;
	}
	return count;
}

static void copy_sites(const struct snapshot_process *process, struct base_process *out)
{
	size_t next = 0;

	for (size_t i = 0; i < process->site_count; i++) {
		const struct snapshot_site *site = &process->sites[i];

		out->sites[i].counts = counts_of(&site->counts);
		out->sites[i].first = next;
		for (size_t j = 0; j < site->class_count; j++) {
			const struct snapshot_class *class = &site->classes[j];

			for (size_t k = 0; k < class->cell_count; k++, next++) {
				out->cells[next].thread = class->cells[k].thread;
				out->cells[next].counts = counts_of(&class->cells[k].counts);
			}
		}
	}
	out->sites[process->site_count].first = next;
}

/* Returns false without memory. */
static bool copy_process(const struct snapshot_process *process, struct base_process *out)
{
	out->pid = process->pid;
	out->start_ns = process->start_ns;
	process = whole_of(process);
	out->counts = counts_of(&process->counts);
	out->thread_count = process->thread_count;
	out->site_count = process->site_count;
	out->threads = calloc(process->thread_count + 1, sizeof(*out->threads));
	out->sites = calloc(process->site_count + 1, sizeof(*out->sites));
	out->cells = calloc(count_cells(process) + 1, sizeof(*out->cells));
	if (!out->threads || !out->sites || !out->cells)
		return false;
	for (size_t i = 0; i < process->thread_count; i++) {
		out->threads[i].tid = process->threads[i].tid;
		out->threads[i].counts = counts_of(&process->threads[i].counts);
	}
	copy_sites(process, out);
	return true;
}

static struct rate_base *base_new(const struct snapshot *snapshot)
{
	struct rate_base *base = calloc(1, sizeof(*base));
	bool copied;

	if (!base)
		return NULL;
	base->now_ns = snapshot->now_ns;
	base->processes = calloc(snapshot->process_count + 1, sizeof(*base->processes));
	copied = base->processes;
	for (size_t i = 0; copied && i < snapshot->process_count; i++) {
		base->process_count = i + 1;
		copied = copy_process(&snapshot->processes[i], &base->processes[i]);
	}
	if (copied)
		return base;
	base_free(base);
	return NULL;
}

void rates_keep(struct rates *rates, const struct snapshot *snapshot)
{
	struct rate_base *base = base_new(snapshot);
	size_t last = rates->count - 1;

	if (!base)
		return;
	if (rates->count && rates->older[last]->now_ns >= snapshot->now_ns) {
		base_free(rates->older[last]);
		rates->older[last] = base;
		return;
	}
	if (rates->count == RATES_WINDOW) {
		base_free(rates->older[0]);
		memmove(&rates->older[0], &rates->older[1], last * sizeof(rates->older[0]));
		rates->count--;
	}
	rates->older[rates->count++] = base;
}

void rates_clear(struct rates *rates)
{
	for (size_t i = 0; i < rates->count; i++)
		base_free(rates->older[i]);
	rates->count = 0;
}

uint64_t rates_time(const struct rates *rates, size_t index)
{
	return rates->older[index]->now_ns;
}

/* --- comparing with it ---------------------------------------------------------------- */

/* What to compare `now` with, and the seconds between; NULL: none. */
static const struct rate_base *base_of(const struct rates *rates, const struct snapshot *now,
				       double *ret_seconds)
{
	const struct rate_base *base = rates->count ? rates->older[0] : NULL;

	if (!base || base->now_ns >= now->now_ns)
		return NULL;
	*ret_seconds = (double)(now->now_ns - base->now_ns) / 1e9;
	return base;
}

static bool is_same(const struct base_process *a, const struct snapshot_process *b)
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
static const struct base_process *find_process(const struct rate_base *base,
					       const struct snapshot *now,
					       const struct snapshot_process *process)
{
	size_t at = place_of(now, process);

	if (at < base->process_count && is_same(&base->processes[at], process))
		return &base->processes[at];
	for (size_t i = 0; i < base->process_count; i++) {
		if (is_same(&base->processes[i], process))
			return &base->processes[i];
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

static void compare(const struct snapshot_counts *now, const struct base_counts *before,
		    double seconds, struct rate *ret_rate)
{
	double growth = difference(now->live_bytes, before->live) / seconds;

	ret_rate->allocated = per_second(now->allocated_bytes, before->allocated, seconds);
	ret_rate->freed = per_second(now->freed_bytes, before->freed, seconds);
	ret_rate->growth = growth >= (double)INT64_MAX	  ? INT64_MAX
			   : growth <= -(double)INT64_MAX ? -INT64_MAX
							  : (int64_t)growth;
}

bool rates_of_process(const struct rates *rates, const struct snapshot *now,
		      const struct snapshot_process *process, struct rate *ret_rate)
{
	static const struct base_counts nothing;
	const struct base_process *before;
	const struct rate_base *base;
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
	static const struct base_counts nothing;
	const struct base_counts *counts = &nothing;
	size_t index = (size_t)(thread - process->threads);
	const struct base_process *before;
	const struct rate_base *base;
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

/* What `thread` had of a site then. */
static struct base_counts share_then(const struct base_process *before, size_t site, uint32_t thread)
{
	struct base_counts sum = { 0 };

	for (size_t i = before->sites[site].first; i < before->sites[site + 1].first; i++) {
		const struct base_cell *cell = &before->cells[i];

		if (cell->thread != thread)
			continue;
		sum.live += cell->counts.live;
		sum.allocated += cell->counts.allocated;
		sum.freed += cell->counts.freed;
	}
	return sum;
}

bool rates_of_site(const struct rates *rates, const struct snapshot *now,
		   const struct snapshot_process *process, const struct snapshot_site *site,
		   uint32_t thread, struct rate *ret_rate)
{
	struct base_counts earlier = { 0 };
	struct snapshot_counts counts;
	const struct base_process *before;
	const struct rate_base *base;
	double seconds;

	base = base_of(rates, now, &seconds);
	if (!base)
		return false;
	site = site->whole ? site->whole : site;
	counts = site->counts;
	before = find_process(base, now, process);
	/* Ids are places in the table, which only grows. */
	if (before && site->id && site->id <= before->site_count) {
		earlier = before->sites[site->id - 1].counts;
		if (thread != RATES_ALL_THREADS)
			earlier = share_then(before, site->id - 1, thread);
	}
	if (thread != RATES_ALL_THREADS)
		rates_thread_share(site, thread, &counts);
	compare(&counts, &earlier, seconds, ret_rate);
	return true;
}
