/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where mappings come from: the owners of ranges, put together by stack. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/snapshot_layout.h"

static int by_stack(const void *left, const void *right)
{
	const struct range_owner *a = left, *b = right;

	if (a->stack != b->stack)
		return a->stack < b->stack ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static void add_counts(struct snapshot_counts *sum, const struct snapshot_counts *more)
{
	sum->live_bytes += more->live_bytes;
	sum->live_blocks += more->live_blocks;
	sum->allocated_bytes += more->allocated_bytes;
	sum->allocated_blocks += more->allocated_blocks;
}

static void fill_cell(const struct layout *layout, const struct range_owner *owner,
		      struct snapshot_cell *cell)
{
	*cell = (struct snapshot_cell){
		.thread = owner->thread,
		.counts = {
			.live_bytes = owner->live_bytes,
			.live_blocks = owner->live_ranges,
			.allocated_bytes = owner->made_bytes,
			.allocated_blocks = owner->made_ranges,
		},
		.first_ns = layout->origin_ns + owner->first_ns,
		.last_ns = layout->origin_ns + owner->last_ns,
	};
}

/* The cell belongs to this site too. */
static void add_cell(struct snapshot_site *site, struct snapshot_class *class,
		     const struct snapshot_cell *cell)
{
	class->cell_count++;
	add_counts(&class->counts, &cell->counts);
	add_counts(&site->counts, &cell->counts);
	if (!site->first_ns || cell->first_ns < site->first_ns)
		site->first_ns = cell->first_ns;
	if (cell->last_ns > site->last_ns)
		site->last_ns = cell->last_ns;
}

int layout_copy_mapped(const struct layout *layout, struct snapshot_process *out)
{
	const struct ranges *ranges = &layout->process->ranges;
	size_t count = ranges->owner_count, sites = 0;
	CLEANUP_FREE struct range_owner *owners = calloc(count + 1, sizeof(*owners));
	struct snapshot_site *rows = owner_keep(layout->owner, count, sizeof(*rows));
	struct snapshot_class *classes = owner_keep(layout->owner, count, sizeof(*classes));
	struct snapshot_cell *cells = owner_keep(layout->owner, count, sizeof(*cells));

	if (!owners || !rows || !classes || !cells)
		return -ENOMEM;
	if (count)
		memcpy(owners, ranges->owners, count * sizeof(*owners));
	qsort(owners, count, sizeof(*owners), by_stack);
	for (size_t i = 0; i < count; i++) {
		fill_cell(layout, &owners[i], &cells[i]);
		if (i == 0 || owners[i].stack != owners[i - 1].stack) {
			struct snapshot_site *site = &rows[sites];

			classes[sites].cells = &cells[i];
			site->classes = &classes[sites];
			site->class_count = 1;
			site->id = (uint32_t)++sites;
			layout_set_stack(layout, owners[i].stack, site);
		}
		add_cell(&rows[sites - 1], &classes[sites - 1], &cells[i]);
	}
	out->mapped_sites = rows;
	out->mapped_site_count = sites;
	return 0;
}
