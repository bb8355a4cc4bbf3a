/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process on its way into a snapshot; private to src/ledger. */
#ifndef OUTLIVE_LEDGER_SNAPSHOT_LAYOUT_H
#define OUTLIVE_LEDGER_SNAPSHOT_LAYOUT_H

#include "ledger/process.h"
#include "ledger/snapshot_owner.h"

/* One process being laid out. */
struct layout {
	struct snapshot_owner *owner;
	struct process *process;
	uint64_t origin_ns; /* the ledger's start: rows have times since then */
	struct series_clock clock;
	struct snapshot_site *sites;
	struct snapshot_class *classes;
	struct snapshot_cell *cells;
	uint64_t *frames;
	struct snapshot_python_frame *python;
	size_t single_series;
	uint32_t *class_at; /* row of the tables -> place in `classes` */
	uint32_t *cell_at;
	uint32_t *class_site; /* place in `classes` -> site */
	uint32_t *cell_class; /* place in `cells` -> place in `classes` */
};

/*
 * Take into account what only the live blocks know: the oldest, the newest, the largest.
 * The second: of those born in [from, to) only, and also how many, and how much they are.
 * Return 0 or -ENOMEM.
 */
int layout_see_blocks(struct layout *layout);
int layout_see_window(struct layout *layout, uint64_t from, uint64_t to);

/* The part of it that concerns sampled blocks. */
void layout_see_sampled(struct layout *layout, uint64_t from, uint64_t to, bool count);

/* Add up what cells know, over their class and site. */
void layout_sum_up(struct layout *layout);

/* Give a site the stack `id`, 0 none. */
void layout_set_stack(const struct layout *layout, uint64_t id, struct snapshot_site *out);

/* Lay out where mappings come from. Returns 0 or -ENOMEM. */
int layout_copy_mapped(const struct layout *layout, struct snapshot_process *out);

/* Give classes, and the process, their series. Return 0 or -ENOMEM. */
int layout_copy_series(struct layout *layout);
int layout_copy_process_series(const struct layout *layout, struct snapshot_process *out);

/*
 * Narrow `out`, which is laid out in full, to owner->snapshot.window; its full self
 * stays as out->whole. Returns 0 or -ENOMEM.
 */
int layout_narrow(struct layout *layout, struct snapshot_process *out);

#endif
