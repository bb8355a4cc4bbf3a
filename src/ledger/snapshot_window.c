/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A window of a picture: its rows once more, with the blocks born in the window
 * alone. The full rows stay beside them: a verdict needs the history of all
 * blocks, whichever of them are asked about.
 */
#include <errno.h>
#include <string.h>

#include "ledger/snapshot_layout.h"

/* Copies of the rows of the full picture, every count 0. */
static int copy_rows(struct layout *layout, const struct layout *full, size_t site_count)
{
	const struct sites *sites = &layout->process->sites;

	layout->sites = owner_keep(layout->owner, site_count, sizeof(*layout->sites));
	layout->classes = owner_keep(layout->owner, sites->class_count, sizeof(*layout->classes));
	layout->cells = owner_keep(layout->owner, sites->cell_count, sizeof(*layout->cells));
	if (!layout->sites || !layout->classes || !layout->cells)
		return -ENOMEM;
	for (size_t i = 0; i < site_count; i++) {
		struct snapshot_site *site = &layout->sites[i];

		*site = full->sites[i];
		site->whole = &full->sites[i];
		site->classes = layout->classes + (site->whole->classes - full->classes);
		site->counts = (struct snapshot_counts){ .live_blocks = 0 };
		site->sampled = (struct snapshot_sampled){ .live_blocks = 0 };
		site->largest_live_bytes = site->oldest_live_ns = site->newest_live_ns = 0;
		memset(site->calls, 0, sizeof(site->calls));
	}
	for (size_t i = 0; i < sites->class_count; i++) {
		struct snapshot_class *class = &layout->classes[i];

		*class = full->classes[i];
		class->cells = layout->cells + (full->classes[i].cells - full->cells);
		class->counts = (struct snapshot_counts){ .live_blocks = 0 };
		class->sampled = (struct snapshot_sampled){ .live_blocks = 0 };
		class->largest_live_bytes = 0;
	}
	for (size_t i = 0; i < sites->cell_count; i++) {
		struct snapshot_cell *cell = &layout->cells[i];

		*cell = full->cells[i];
		cell->counts = (struct snapshot_counts){ .live_blocks = 0 };
		cell->sampled = (struct snapshot_sampled){ .bytes = cell->sampled.bytes };
		cell->oldest_live_ns = cell->newest_live_ns = 0;
	}
	return 0;
}

/* A moment as births are told: since the ledger's start. */
static uint64_t since(const struct layout *layout, uint64_t time_ns)
{
	return time_ns > layout->origin_ns ? time_ns - layout->origin_ns : 0;
}

/* What was counted while it passed. */
static void add_made(struct layout *layout)
{
	const struct sites *sites = &layout->process->sites;

	for (size_t i = 0; i < sites->made_count; i++) {
		struct snapshot_counts *counts = &layout->cells[layout->cell_at[i]].counts;

		counts->allocated_bytes = sites->made[i].allocated_bytes;
		counts->allocated_blocks = weight_blocks(sites->made[i].allocated_blocks);
		counts->freed_bytes = sites->made[i].freed_bytes;
		counts->freed_blocks = weight_blocks(sites->made[i].freed_blocks);
	}
}

static int narrow_threads(struct layout *layout, struct snapshot_process *out)
{
	struct snapshot_thread *rows = owner_keep(layout->owner, out->thread_count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < out->thread_count; i++) {
		rows[i] = out->threads[i];
		rows[i].counts = (struct snapshot_counts){ .live_blocks = 0 };
	}
	for (size_t i = 0; i < layout->process->sites.cell_count; i++) {
		const struct snapshot_cell *cell = &layout->cells[i];
		struct snapshot_counts *counts = &rows[cell->thread].counts;

		counts->live_bytes += cell->counts.live_bytes;
		counts->live_blocks += cell->counts.live_blocks;
		counts->allocated_bytes += cell->counts.allocated_bytes;
		counts->allocated_blocks += cell->counts.allocated_blocks;
	}
	out->threads = rows;
	return 0;
}

/* Totals of the process, and its sites without those that have nothing in the window. */
static void close_ranks(struct layout *layout, struct snapshot_process *out)
{
	size_t kept = 0;

	out->counts = (struct snapshot_counts){ .live_blocks = 0 };
	out->sampled = (struct snapshot_sampled){ .live_blocks = 0 };
	for (size_t i = 0; i < out->site_count; i++) {
		const struct snapshot_counts *counts = &layout->sites[i].counts;

		if (!counts->live_blocks && !counts->allocated_blocks)
			continue;
		snapshot_add_sampled(&out->sampled, &layout->sites[i].sampled);
		out->counts.live_bytes += counts->live_bytes;
		out->counts.live_blocks += counts->live_blocks;
		out->counts.allocated_bytes += counts->allocated_bytes;
		out->counts.allocated_blocks += counts->allocated_blocks;
		out->counts.freed_bytes += counts->freed_bytes;
		out->counts.freed_blocks += counts->freed_blocks;
		layout->sites[kept++] = layout->sites[i];
	}
	out->sites = layout->sites;
	out->site_count = kept;
}

int layout_narrow(struct layout *layout, struct snapshot_process *out)
{
	struct snapshot_process *whole = owner_keep(layout->owner, 1, sizeof(*whole));
	const struct snapshot_window *window = &layout->owner->snapshot.window;
	struct layout narrow = *layout;

	if (!whole || copy_rows(&narrow, layout, out->site_count) < 0)
		return -ENOMEM;
	*whole = *out;
	out->whole = whole;
	if (layout_see_window(&narrow, since(layout, window->from_ns),
			      since(layout, window->to_ns)) < 0)
		return -ENOMEM;
	add_made(&narrow);
	layout_sum_up(&narrow);
	if (narrow_threads(&narrow, out) < 0)
		return -ENOMEM;
	close_ranks(&narrow, out);
	return 0;
}
