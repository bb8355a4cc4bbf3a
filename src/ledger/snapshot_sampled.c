/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sampled blocks of a picture. What one stands for depends on its size, so these are
 * looked at one by one; where every block was recorded nothing is done here.
 */
#include "ledger/snapshot_layout.h"

struct seeing {
	struct layout *layout;
	uint64_t from, to;
	bool count;
};

static int see_block(const struct block *block, void *context)
{
	const struct seeing *seeing = context;
	struct layout *layout = seeing->layout;
	struct snapshot_cell *cell;
	double p, bytes = (double)block->size;
	struct weight weight;
	uint16_t rate;

	if (block->inherited || block->birth < seeing->from || block->birth >= seeing->to)
		return 0;
	rate = layout->process->sites.cells[block->cell].rate;
	if (!rate)
		return 0;
	cell = &layout->cells[layout->cell_at[block->cell]];
	p = weight_probability(block->size, rate);
	cell->sampled.certain_bytes += bytes * p;
	cell->sampled.variance += bytes / p * (bytes / p) * (1 - p);
	if (seeing->count) {
		weight = weight_of(block->size, rate);
		cell->counts.live_bytes += weight.bytes;
		cell->counts.live_blocks += weight.blocks;
	}
	return 0;
}

void layout_see_sampled(struct layout *layout, uint64_t from, uint64_t to, bool count)
{
	struct seeing seeing = { .layout = layout, .from = from, .to = to, .count = count };
	const struct sites *sites = &layout->process->sites;
	bool any = false;

	for (size_t i = 0; i < sites->cell_count; i++) {
		struct snapshot_cell *cell = &layout->cells[layout->cell_at[i]];

		if (!sites->cells[i].rate)
			continue;
		any = true;
		if (count)
			cell->counts.live_bytes = cell->counts.live_blocks = 0;
	}
	if (!any)
		return;
	(void)blocks_each(&layout->process->blocks, see_block, &seeing);
	for (size_t i = 0; i < sites->cell_count && count; i++) {
		struct snapshot_counts *counts = &layout->cells[layout->cell_at[i]].counts;

		if (sites->cells[i].rate)
			counts->live_blocks = weight_blocks(counts->live_blocks);
	}
}
