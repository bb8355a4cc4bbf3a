/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which order the rows of a diff stand. */
#include <stdlib.h>
#include <string.h>

#include "analysis/diff.h"
#include "base/cleanup.h"

static int64_t size_of(int64_t change)
{
	return change < 0 ? -change : change;
}

int64_t diff_row_bytes(const struct diff_row *row)
{
	return diff_of(row->parts[DIFF_BEFORE].counts.live_bytes,
		       row->parts[DIFF_AFTER].counts.live_bytes);
}

static int64_t blocks(const struct diff_row *row)
{
	return diff_of(row->parts[DIFF_BEFORE].counts.live_blocks,
		       row->parts[DIFF_AFTER].counts.live_blocks);
}

static int64_t get_change(const struct diff_row *row)
{
	return size_of(diff_row_bytes(row));
}

static int64_t get_loss(const struct diff_row *row)
{
	return -diff_row_bytes(row);
}

static int64_t get_blocks(const struct diff_row *row)
{
	return size_of(blocks(row));
}

static int64_t get_before(const struct diff_row *row)
{
	return (int64_t)row->parts[DIFF_BEFORE].counts.live_bytes;
}

static int64_t get_after(const struct diff_row *row)
{
	return (int64_t)row->parts[DIFF_AFTER].counts.live_bytes;
}

const struct diff_order diff_orders[] = {
	{ "change", "live bytes more or less", get_change },
	{ "growth", "live bytes more; those that shrank come last", diff_row_bytes },
	{ "loss", "live bytes less; those that grew come last", get_loss },
	{ "blocks", "live blocks more or less", get_blocks },
	{ "before", "live bytes before", get_before },
	{ "after", "live bytes after", get_after },
};

const size_t diff_order_count = ARRAY_LENGTH(diff_orders);

const struct diff_order *diff_order_find(const char *name)
{
	for (size_t i = 0; i < diff_order_count; i++) {
		if (strcmp(diff_orders[i].name, name) == 0)
			return &diff_orders[i];
	}
	return NULL;
}

/* `context`: the order. Of equal ones those with more blocks' change, then those that
 * were new to the trace earlier; what did not change comes last. */
static int compare(const void *left, const void *right, void *context)
{
	const struct diff_order *order = context;
	const struct diff_row *a = left, *b = right;
	uint32_t id_a, id_b;
	int64_t keys[2][3] = {
		{ order->get(a), get_change(a), get_blocks(a) },
		{ order->get(b), get_change(b), get_blocks(b) },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(keys[0]); i++) {
		if (keys[0][i] != keys[1][i])
			return keys[0][i] > keys[1][i] ? -1 : 1;
	}
	if (a->verdict_changed != b->verdict_changed)
		return a->verdict_changed ? -1 : 1;
	if (a->change != b->change)
		return a->change < b->change ? -1 : 1;
	id_a = a->parts[diff_row_side(a)].site->id;
	id_b = b->parts[diff_row_side(b)].site->id;
	return id_a < id_b ? -1 : id_a > id_b;
}

void diff_sort(struct diff *diff, const struct diff_order *order)
{
	for (size_t i = 0; i < diff->process_count; i++) {
		struct diff_process *process = &diff->processes[i];

		if (process->row_count)
			qsort_r(process->rows, process->row_count, sizeof(*process->rows), compare,
				(void *)(uintptr_t)order);
	}
}
