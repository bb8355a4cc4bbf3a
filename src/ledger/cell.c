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

void cell_add(struct cell *cell, const struct weight *weight, uint64_t now_ns)
{
	if (cell->cleared && cell->cleared_ns <= now_ns &&
	    cell->cleared_ns - cell->cleared_birth_ns > now_ns - cell->cleared_ns) {
		cell->replaced_blocks += weight->blocks;
		cell->refilled_blocks += weight->blocks;
	}
	cell->cleared = false;
	if (cell->made == 0 || now_ns < cell->first_ns)
		cell->first_ns = now_ns;
	if (now_ns > cell->last_ns)
		cell->last_ns = now_ns;
	cell->made += cell->made < UINT32_MAX;
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
		cell->cleared = true;
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

void cell_empty(struct cell *cell)
{
	cell->live = 0;
	cell->counts.live_bytes = 0;
	cell->counts.live_blocks = 0;
	cell->birth_count = 0;
	cell->cleared = false;
}
