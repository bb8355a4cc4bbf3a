/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/evidence.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/thresholds.h"
#include "base/vec.h"

#define NS_PER_S 1e9

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t since(uint64_t later, uint64_t earlier)
{
	return later > earlier ? later - earlier : 0;
}

static uint64_t end_of(const struct snapshot *snapshot, const struct snapshot_process *process)
{
	if (process->exited && process->last_ns && process->last_ns < snapshot->now_ns)
		return process->last_ns;
	return snapshot->now_ns;
}

/* Ages of the live blocks are known for the oldest and the newest; the others lie between. */
static double live_ages_s(const struct snapshot_cell *cell, uint64_t end_ns)
{
	if (!cell->counts.live_blocks)
		return 0;
	return (double)cell->counts.live_blocks *
	       ((double)since(end_ns, cell->oldest_live_ns) +
		(double)since(end_ns, cell->newest_live_ns)) /
	       2 / NS_PER_S;
}

static void add_cell(struct evidence_holder *holder, const struct snapshot_cell *cell, uint64_t end_ns)
{
	holder->live_blocks = add_capped(holder->live_blocks, cell->counts.live_blocks);
	holder->allocated_blocks =
		add_capped(holder->allocated_blocks, cell->counts.allocated_blocks);
	holder->freed_blocks = add_capped(holder->freed_blocks, cell->counts.freed_blocks);
	holder->replaced_blocks = add_capped(holder->replaced_blocks, cell->replaced_blocks);
	if (cell->first_ns < holder->first_ns)
		holder->first_ns = cell->first_ns;
	if (cell->last_ns > holder->last_ns)
		holder->last_ns = cell->last_ns;
	holder->live_block_s += live_ages_s(cell, end_ns);
	holder->held_block_s += (double)cell->lifetime_ns / NS_PER_S + live_ages_s(cell, end_ns);
}

static int compare_holders(const void *left, const void *right)
{
	uint32_t a = ((const struct evidence_holder *)left)->thread;
	uint32_t b = ((const struct evidence_holder *)right)->thread;

	return (a > b) - (a < b);
}

/* Rows of the same thread, from different size classes, become one. */
static void merge_holders(struct evidence *evidence)
{
	size_t kept = 0;

	if (!evidence->holder_count)
		return;
	qsort(evidence->holders, evidence->holder_count, sizeof(*evidence->holders),
	      compare_holders);
	for (size_t i = 1; i < evidence->holder_count; i++) {
		struct evidence_holder *into = &evidence->holders[kept];
		const struct evidence_holder *from = &evidence->holders[i];

		if (from->thread != into->thread) {
			evidence->holders[++kept] = *from;
			continue;
		}
		into->live_blocks = add_capped(into->live_blocks, from->live_blocks);
		into->allocated_blocks = add_capped(into->allocated_blocks, from->allocated_blocks);
		into->freed_blocks = add_capped(into->freed_blocks, from->freed_blocks);
		into->replaced_blocks = add_capped(into->replaced_blocks, from->replaced_blocks);
		into->held_block_s += from->held_block_s;
		into->live_block_s += from->live_block_s;
		if (from->first_ns < into->first_ns)
			into->first_ns = from->first_ns;
		if (from->last_ns > into->last_ns)
			into->last_ns = from->last_ns;
	}
	evidence->holder_count = kept + 1;
}

/* Everything that needs to know when it began: only now is that known. */
static void finish_times(struct evidence *evidence, const struct snapshot *snapshot,
			 const struct snapshot_process *process, uint64_t end_ns)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	for (size_t i = 0; i < evidence->holder_count; i++) {
		struct evidence_holder *holder = &evidence->holders[i];

		holder->window_ns = since(end_ns, holder->first_ns);
		holder->span_ns = since(holder->last_ns, holder->first_ns);
		if (holder->thread < process->thread_count) {
			const struct snapshot_thread *thread = &process->threads[holder->thread];

			holder->exited = thread->exited;
			holder->freed_by_others_blocks = thread->freed_by_others_blocks;
		}
		if (holder->window_ns)
			holder->occupancy =
				holder->held_block_s / ((double)holder->window_ns / NS_PER_S);
		if (holder->first_ns < first_ns)
			first_ns = holder->first_ns;
		if (holder->last_ns > last_ns)
			last_ns = holder->last_ns;
		evidence->occupancy += holder->held_block_s;
	}
	if (first_ns > end_ns)
		first_ns = end_ns;
	evidence->trace_ns = since(end_ns, snapshot->start_ns);
	evidence->wait_ns = since(first_ns, snapshot->start_ns);
	evidence->window_ns = since(end_ns, first_ns);
	evidence->span_ns = since(last_ns < end_ns ? last_ns : end_ns, first_ns);
	if (evidence->window_ns)
		evidence->occupancy /= (double)evidence->window_ns / NS_PER_S;
	else
		evidence->occupancy = 0;
}

static void take_series(struct evidence *evidence, const struct snapshot_process *process,
			const struct snapshot_class *const *classes, size_t count, uint64_t end_ns)
{
	uint64_t first_ns = end_ns - evidence->window_ns;
	size_t points = process->series_count;

	if (points > SNAPSHOT_SERIES_POINTS)
		points = SNAPSHOT_SERIES_POINTS;
	evidence->has_series = points > 0 && process->series_interval_ns > 0 && count > 0;
	for (size_t i = 0; i < count; i++)
		evidence->has_series &= classes[i]->series != NULL;
	if (!evidence->has_series)
		return;

	trend_add(&evidence->series, 0, 0);
	for (size_t p = 0; p < points; p++) {
		double at_ns = (double)process->series_start_ns - (double)first_ns +
			       (double)(p + 1) * (double)process->series_interval_ns;
		double sum = 0;

		if (at_ns >= (double)evidence->window_ns)
			break;
		for (size_t i = 0; i < count; i++)
			sum += (double)classes[i]->series[p];
		if (at_ns > 0)
			trend_add(&evidence->series, at_ns / NS_PER_S, sum);
	}
	trend_add(&evidence->series, (double)evidence->window_ns / NS_PER_S,
		  (double)evidence->live_bytes);
}

/* A class whose blocks stay long is no place of temporaries: whatever was freed made room. */
static uint64_t turned_blocks(const struct snapshot_class *class, uint64_t end_ns)
{
	uint64_t first_ns = UINT64_MAX, overlapped = 0;
	double lifetime_ns = 0;

	for (size_t i = 0; i < class->cell_count; i++) {
		const struct snapshot_cell *cell = &class->cells[i];

		if (cell->first_ns < first_ns)
			first_ns = cell->first_ns;
		lifetime_ns += (double)cell->lifetime_ns;
		overlapped =
			add_capped(overlapped, since(cell->replaced_blocks, cell->refilled_blocks));
	}
	if (class->counts.freed_blocks)
		lifetime_ns /= (double)class->counts.freed_blocks;
	return lifetime_ns >= NS_PER_S ||
			       lifetime_ns >= EVIDENCE_LONG * (double)since(end_ns, first_ns)
		       ? class->counts.freed_blocks
		       : overlapped;
}

static int add_class(struct evidence *evidence, size_t *capacity,
		     const struct snapshot_class *class, uint64_t end_ns)
{
	int code =
		vec_reserve((void **)&evidence->holders, capacity,
			    evidence->holder_count + class->cell_count, sizeof(*evidence->holders));

	if (code < 0)
		return code;
	evidence->live_bytes = add_capped(evidence->live_bytes, class->counts.live_bytes);
	evidence->live_blocks = add_capped(evidence->live_blocks, class->counts.live_blocks);
	evidence->allocated_bytes =
		add_capped(evidence->allocated_bytes, class->counts.allocated_bytes);
	evidence->allocated_blocks =
		add_capped(evidence->allocated_blocks, class->counts.allocated_blocks);
	evidence->freed_blocks = add_capped(evidence->freed_blocks, class->counts.freed_blocks);
	evidence->turned_blocks = add_capped(evidence->turned_blocks, turned_blocks(class, end_ns));
	if (class->largest_live_bytes > evidence->largest_live_bytes)
		evidence->largest_live_bytes = class->largest_live_bytes;
	evidence->recorded_blocks =
		add_capped(evidence->recorded_blocks, class->sampled.made_blocks);
	evidence->recorded_live_blocks =
		add_capped(evidence->recorded_live_blocks, class->sampled.live_blocks);
	for (size_t i = 0; i < class->cell_count; i++) {
		const struct snapshot_cell *cell = &class->cells[i];
		struct evidence_holder *holder = &evidence->holders[evidence->holder_count++];

		*holder = (struct evidence_holder){ .thread = cell->thread, .first_ns = UINT64_MAX };
		if (class->log2_size < 63 && 1ull << class->log2_size <
						     SAMPLED_SURE * cell->sampled.bytes)
			evidence->thin = true;
		add_cell(holder, cell, end_ns);
		evidence->replaced_blocks =
			add_capped(evidence->replaced_blocks, cell->replaced_blocks);
		evidence->overlapped_blocks =
			add_capped(evidence->overlapped_blocks,
				   since(cell->replaced_blocks, cell->refilled_blocks));
		evidence->lifetime_s += (double)cell->lifetime_ns / NS_PER_S;
	}
	return 0;
}

static void weigh_old_cells(struct evidence *evidence, const struct snapshot_class *const *classes,
			    size_t count, uint64_t end_ns)
{
	uint64_t half_ns = end_ns - evidence->window_ns / 2;
	double old = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < classes[i]->cell_count; c++)
			if (classes[i]->cells[c].oldest_live_ns <= half_ns)
				old += (double)classes[i]->cells[c].counts.live_bytes;
	if (evidence->live_bytes)
		evidence->old_share = old / (double)evidence->live_bytes;
}

int evidence_gather(const struct snapshot *snapshot, const struct snapshot_process *process,
		    const struct snapshot_site *site, int class_index,
		    struct evidence *ret_evidence)
{
	const struct snapshot_class *classes[64]; /* log2 of a 64-bit size: no more exist */
	uint64_t end_ns = end_of(snapshot, process);
	size_t count = 0, capacity = 0;

	*ret_evidence = (struct evidence){ .site = site, .size_class = -1 };
	for (size_t i = 0; i < site->class_count && count < 64; i++)
		if (class_index < 0 || i == (size_t)class_index)
			classes[count++] = &site->classes[i];
	if (class_index >= 0 && count)
		ret_evidence->size_class = classes[0]->log2_size;
	ret_evidence->class_count = count;
	ret_evidence->unknown_frees = snapshot->quality.unknown_frees;
	for (size_t i = 0; i < count; i++) {
		int code = add_class(ret_evidence, &capacity, classes[i], end_ns);

		if (code < 0) {
			evidence_release(ret_evidence);
			return code;
		}
	}
	if (ret_evidence->freed_blocks)
		ret_evidence->lifetime_s /= (double)ret_evidence->freed_blocks;
	merge_holders(ret_evidence);
	finish_times(ret_evidence, snapshot, process, end_ns);
	take_series(ret_evidence, process, classes, count, end_ns);
	weigh_old_cells(ret_evidence, classes, count, end_ns);
	return 0;
}

void evidence_release(struct evidence *evidence)
{
	free(evidence->holders);
	evidence->holders = NULL;
	evidence->holder_count = 0;
}
