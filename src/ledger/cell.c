/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/cell.h"

#include <string.h>

/* Births come nearly in order, so the right place is at or close to the end. */
static void births_add(struct cell *cell, uint64_t birth_ns)
{
	int i;

	if (cell->birth_count == CELL_BIRTHS) {
		if (birth_ns < cell->births[0])
			return;
		cell->birth_count--;
		memmove(cell->births, cell->births + 1,
			cell->birth_count * sizeof(cell->births[0]));
	}
	for (i = cell->birth_count; i > 0 && cell->births[i - 1] > birth_ns; i--)
		cell->births[i] = cell->births[i - 1];
	cell->births[i] = birth_ns;
	cell->birth_count++;
}

static void births_remove(struct cell *cell, uint64_t birth_ns)
{
	for (int i = cell->birth_count - 1; i >= 0 && cell->births[i] >= birth_ns; i--) {
		if (cell->births[i] != birth_ns)
			continue;
		cell->birth_count--;
		memmove(&cell->births[i], &cell->births[i + 1],
			(size_t)(cell->birth_count - i) * sizeof(cell->births[0]));
		return;
	}
}

void cell_add_lifetime(struct cell *cell, const struct weight *weight, uint64_t time_ns)
{
	double all_ns = (double)time_ns * (double)weight->blocks / WEIGHT_ONE;

	if (weight->blocks == WEIGHT_ONE)
		cell->lifetime_ns += time_ns;
	else /* more than fits is of a damaged file */
		cell->lifetime_ns += all_ns < (double)INT64_MAX ? (uint64_t)all_ns : INT64_MAX;
}

/*
 * Blocks born from `first_ns` to `last_ns`, each of `weight` blocks, come: do they follow the
 * one whose end left none? Those told late were there before its end: they took its place,
 * whatever a block that came since was taken for.
 */
static void follow(struct cell *cell, uint64_t weight, uint64_t first_ns, uint64_t last_ns)
{
	bool overlap = first_ns < cell->cleared_ns && last_ns > cell->cleared_birth_ns;

	if (cell->cleared == CELL_FOLLOWED_LATER && overlap) {
		cell->replaced_blocks += weight;
		cell->cleared = CELL_NOT_CLEARED;
	} else if (cell->cleared == CELL_REFILLED && overlap) {
		cell->refilled_blocks -= weight < cell->refilled_blocks ? weight :
									  cell->refilled_blocks;
		cell->cleared = CELL_NOT_CLEARED;
	}
	if (cell->cleared != CELL_CLEARED)
		return;
	cell->cleared = overlap ? CELL_NOT_CLEARED : CELL_FOLLOWED_LATER;
	if (overlap) {
		cell->replaced_blocks += weight;
	} else if (first_ns >= cell->cleared_ns &&
		   cell->cleared_ns - cell->cleared_birth_ns > first_ns - cell->cleared_ns) {
		cell->replaced_blocks += weight;
		cell->refilled_blocks += weight;
		cell->cleared = CELL_REFILLED;
	}
}

static void span(struct cell *cell, uint64_t first_ns, uint64_t last_ns)
{
	if (cell->made == 0 || first_ns < cell->first_ns)
		cell->first_ns = first_ns;
	if (last_ns > cell->last_ns)
		cell->last_ns = last_ns;
}

static void count_recorded(struct cell *cell, uint64_t blocks)
{
	cell->made += blocks < UINT32_MAX - cell->made ? (uint32_t)blocks : UINT32_MAX - cell->made;
}

void cell_add(struct cell *cell, const struct weight *weight, uint64_t now_ns)
{
	follow(cell, weight->blocks, now_ns, now_ns);
	span(cell, now_ns, now_ns);
	count_recorded(cell, 1);
	cell->live++;
	tally_made(&cell->counts, weight);
	births_add(cell, now_ns);
}

void cell_remove(struct cell *cell, const struct weight *weight, uint64_t birth_ns,
		 uint64_t now_ns, enum cell_end how)
{
	bool exact = cell->birth_count == cell->live;
	bool oldest = exact && cell->births[0] == birth_ns;

	if (how != CELL_FREE_MISSED && oldest && cell->births[cell->birth_count - 1] > birth_ns)
		cell->replaced_blocks += weight->blocks;
	if (how == CELL_FREED_BY_OWNER && cell->live == 1) {
		cell->cleared = CELL_CLEARED;
		cell->cleared_birth_ns = birth_ns;
		cell->cleared_ns = now_ns > birth_ns ? now_ns : birth_ns;
	}
	births_remove(cell, birth_ns);
	tally_freed(&cell->counts, weight);
	tally_dead(&cell->counts, weight);
	cell->live--;
	if (now_ns > birth_ns)
		cell_add_lifetime(cell, weight, now_ns - birth_ns);
}

/* The last pair left no young block behind. Are there others, told one by one? */
static void clear(struct cell *cell, uint64_t birth_ns, uint64_t end_ns)
{
	for (int i = 0; i < cell->birth_count; i++) {
		if (cell->births[i] < birth_ns)
			return;
		if (cell->births[i] < end_ns) {
			cell->replaced_blocks += WEIGHT_ONE;
			return;
		}
	}
	cell->cleared = cell->birth_count ? CELL_NOT_CLEARED : CELL_CLEARED;
	cell->cleared_birth_ns = birth_ns;
	cell->cleared_ns = end_ns;
}

void cell_add_pairs(struct cell *cell, const struct cell_pairs *pairs)
{
	/* An older block was live all the while: none of these was the oldest. Nor is anything
	 * known of that among many live blocks: see the top of cell.h. */
	bool evident = cell->live <= CELL_BIRTHS &&
		       (!cell->birth_count || cell->births[0] >= pairs->first_ns);

	if (evident) {
		cell->replaced_blocks += pairs->replaced * WEIGHT_ONE;
		cell->refilled_blocks += pairs->refilled * WEIGHT_ONE;
	}
	if (!pairs->blocks)
		return;
	/* Those that had come and gone before the cleared block say nothing of what followed. */
	if (pairs->last_ns >= cell->cleared_birth_ns || pairs->end_ns > cell->cleared_ns)
		follow(cell, WEIGHT_ONE, pairs->first_ns, pairs->last_ns);
	span(cell, pairs->first_ns, pairs->last_ns);
	count_recorded(cell, pairs->blocks);
	tally_pairs(&cell->counts, pairs->bytes, pairs->blocks);
	cell->lifetime_ns += pairs->lifetime_ns;
	if (evident && pairs->cleared_ns)
		clear(cell, pairs->cleared_birth_ns, pairs->cleared_ns);
}

void cell_empty(struct cell *cell)
{
	cell->live = 0;
	cell->counts.live_bytes = 0;
	cell->counts.live_blocks = 0;
	cell->birth_count = 0;
	cell->cleared = CELL_NOT_CLEARED;
}
