/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/holders.h"

#include <stdlib.h>

#include "base/vec.h"

static int by_thread(const void *left, const void *right)
{
	const struct holder *a = left, *b = right;

	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static int by_bytes(const void *left, const void *right)
{
	const struct holder *a = left, *b = right;

	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes ? -1 : 1;
	if (a->live_blocks != b->live_blocks)
		return a->live_blocks > b->live_blocks ? -1 : 1;
	return by_thread(left, right);
}

static int add(struct holders *holders, uint32_t thread, const struct snapshot_counts *counts)
{
	int r;

	if (counts->live_blocks == 0)
		return 0;
	r = VEC_PUSH_ROOM(holders->rows, holders->count, holders->capacity);
	if (r < 0) {
		holders->count = 0;
		return r;
	}
	holders->rows[holders->count++] = (struct holder){
		.thread = thread,
		.live_bytes = counts->live_bytes,
		.live_blocks = counts->live_blocks,
	};
	return 0;
}

/* One row per thread, of one per thread and size class. */
static void merge(struct holders *holders)
{
	size_t kept = 0;

	qsort(holders->rows, holders->count, sizeof(*holders->rows), by_thread);
	for (size_t i = 0; i < holders->count; i++) {
		const struct holder *row = &holders->rows[i];

		if (kept && holders->rows[kept - 1].thread == row->thread) {
			holders->rows[kept - 1].live_bytes += row->live_bytes;
			holders->rows[kept - 1].live_blocks += row->live_blocks;
		} else {
			holders->rows[kept++] = *row;
		}
	}
	holders->count = kept;
	qsort(holders->rows, holders->count, sizeof(*holders->rows), by_bytes);
}

int holders_find(struct holders *holders, const struct snapshot_site *site)
{
	holders->count = 0;
	for (size_t i = 0; i < site->class_count; i++) {
		const struct snapshot_class *class = &site->classes[i];

		for (size_t j = 0; j < class->cell_count; j++) {
			int r = add(holders, class->cells[j].thread, &class->cells[j].counts);

			if (r < 0)
				return r;
		}
	}
	if (holders->count)
		merge(holders);
	return 0;
}

int holders_of_process(struct holders *holders, const struct snapshot_process *process)
{
	holders->count = 0;
	for (size_t i = 0; i < process->thread_count; i++) {
		int r = add(holders, (uint32_t)i, &process->threads[i].counts);

		if (r < 0)
			return r;
	}
	if (holders->count)
		merge(holders);
	return 0;
}

void holders_free(struct holders *holders)
{
	free(holders->rows);
	*holders = (struct holders){ 0 };
}
