/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/columns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"

static const struct snapshot_counts *counts_of(const struct row *row)
{
	return row->thread ? &row->thread->counts : &row->site->counts;
}

/* In a window by age nobody knew ahead what to count. */
static bool made_known(const struct row *row)
{
	return !row->process->whole || row->snapshot->window.made_known;
}

/* In any window it is not known what of it a thread freed. */
static bool freed_known(const struct row *row)
{
	return !row->process->whole || (!row->thread && row->snapshot->window.made_known);
}

static uint64_t get_tid(const struct row *row)
{
	return row->thread->tid;
}

static uint64_t get_live_bytes(const struct row *row)
{
	return counts_of(row)->live_bytes;
}

static uint64_t get_live_blocks(const struct row *row)
{
	return counts_of(row)->live_blocks;
}

static uint64_t get_allocated_bytes(const struct row *row)
{
	return made_known(row) ? counts_of(row)->allocated_bytes : COLUMN_NONE;
}

static uint64_t get_allocated_blocks(const struct row *row)
{
	return made_known(row) ? counts_of(row)->allocated_blocks : COLUMN_NONE;
}

static uint64_t get_freed_bytes(const struct row *row)
{
	return freed_known(row) ? counts_of(row)->freed_bytes : COLUMN_NONE;
}

static uint64_t get_freed_blocks(const struct row *row)
{
	return freed_known(row) ? counts_of(row)->freed_blocks : COLUMN_NONE;
}

static uint64_t get_freed_by_others(const struct row *row)
{
	return freed_known(row) ? row->thread->freed_by_others_blocks : COLUMN_NONE;
}

static uint64_t get_holding_threads(const struct row *row)
{
	return holders_find(row->holders, row->site) < 0 ? COLUMN_NONE : row->holders->count;
}

static uint64_t get_largest(const struct row *row)
{
	return row->site->largest_live_bytes;
}

static uint64_t age(const struct row *row, uint64_t birth_ns)
{
	if (row->site->counts.live_blocks == 0)
		return COLUMN_NONE;
	return row->snapshot->now_ns > birth_ns ? row->snapshot->now_ns - birth_ns : 0;
}

static uint64_t get_oldest_age(const struct row *row)
{
	return age(row, row->site->oldest_live_ns);
}

static uint64_t get_newest_age(const struct row *row)
{
	return age(row, row->site->newest_live_ns);
}

static const struct column thread_columns[] = {
	{ "tid", "TID", "thread id", 8, true, false, COLUMN_ID, get_tid },
	{ "live_bytes", "LIVE", "bytes of blocks it allocated that are not freed", 10, true, true,
	  COLUMN_BYTES, get_live_bytes },
	{ "live_blocks", "BLOCKS", "number of those blocks", 9, true, true, COLUMN_COUNT,
	  get_live_blocks },
	{ "allocated_bytes", "ALLOCATED", "bytes it allocated since the trace began", 10, true,
	  true, COLUMN_BYTES, get_allocated_bytes },
	{ "freed_bytes", "FREED", "bytes it freed, whoever allocated them", 10, true, true,
	  COLUMN_BYTES, get_freed_bytes },
	{ "allocated_blocks", "ALLOCS", "blocks it allocated since the trace began", 10, true,
	  true, COLUMN_COUNT, get_allocated_blocks },
	{ "freed_blocks", "FREES", "blocks it freed, whoever allocated them", 10, true, true,
	  COLUMN_COUNT, get_freed_blocks },
	{ "freed_by_others_blocks", "BY OTHERS", "its blocks that another thread freed", 10, true,
	  true, COLUMN_COUNT, get_freed_by_others },
};

static const struct column site_columns[] = {
	{ "live_bytes", "LIVE", "bytes of blocks made here that are not freed", 10, true, true,
	  COLUMN_BYTES, get_live_bytes },
	{ "live_blocks", "BLOCKS", "number of those blocks", 8, true, true, COLUMN_COUNT,
	  get_live_blocks },
	{ "holding_threads", "THREADS", "threads whose blocks they are", 7, true, true,
	  COLUMN_COUNT, get_holding_threads },
	{ "allocated_bytes", "ALLOCATED", "bytes allocated here since the trace began", 9, true,
	  true, COLUMN_BYTES, get_allocated_bytes },
	{ "oldest_live_age_ns", "OLDEST", "age of the oldest block that is not freed", 10, true,
	  true, COLUMN_DURATION, get_oldest_age },
	{ "allocated_blocks", "ALLOCS", "blocks allocated here since the trace began", 10, true,
	  true, COLUMN_COUNT, get_allocated_blocks },
	{ "freed_blocks", "FREES", "blocks of this site that were freed", 10, true, true,
	  COLUMN_COUNT, get_freed_blocks },
	{ "largest_block_bytes", "LARGEST", "its largest block that is not freed", 10, true, true,
	  COLUMN_BYTES, get_largest },
	{ "newest_live_age_ns", "NEWEST", "age of the newest block that is not freed", 10, true,
	  true, COLUMN_DURATION, get_newest_age },
};

static size_t count_threads(const struct snapshot_process *process)
{
	return process->thread_count;
}

static void select_thread(struct row *row, size_t index)
{
	row->thread = &row->process->threads[index];
}

static size_t count_sites(const struct snapshot_process *process)
{
	return process->site_count;
}

static void select_site(struct row *row, size_t index)
{
	row->site = &row->process->sites[index];
}

const struct table thread_table = {
	thread_columns, ARRAY_LENGTH(thread_columns), count_threads, select_thread,
};

const struct table site_table = {
	site_columns, ARRAY_LENGTH(site_columns), count_sites, select_site,
};

const struct column *column_find(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];

		if (strcmp(column->name, name) == 0 || strcasecmp(column->title, name) == 0)
			return column;
	}
	return NULL;
}

#define CHANGE_ZERO (1ull << 63)

uint64_t column_change(int64_t value)
{
	return (uint64_t)(value == INT64_MAX ? value - 1 : value) + CHANGE_ZERO;
}

/* "+21.2 MB/s"; the sign of nothing is none. */
static char *format_rate(char *buffer, const char *sign, uint64_t rate)
{
	char bytes[UNITS_BUFFER];

	snprintf(buffer, UNITS_BUFFER, "%s%.20s/s", rate ? sign : "",
		 units_format_bytes(bytes, sizeof(bytes), rate));
	return buffer;
}

char *column_format(const struct column *column, uint64_t value, char *buffer)
{
	if (value == COLUMN_NONE) {
		snprintf(buffer, UNITS_BUFFER, "-");
		return buffer;
	}
	switch (column->unit) {
	case COLUMN_BYTES:
		return units_format_bytes(buffer, UNITS_BUFFER, value);
	case COLUMN_COUNT:
		return units_format_count(buffer, UNITS_BUFFER, value);
	case COLUMN_DURATION:
		return units_format_duration(buffer, UNITS_BUFFER, value);
	case COLUMN_RATE:
		return format_rate(buffer, "", value);
	case COLUMN_CHANGE:
		return value >= CHANGE_ZERO ? format_rate(buffer, "+", value - CHANGE_ZERO)
					    : format_rate(buffer, "-", CHANGE_ZERO - value);
	case COLUMN_ID:
		break;
	}
	snprintf(buffer, UNITS_BUFFER, "%" PRIu64, value);
	return buffer;
}

struct rank {
	uint64_t key, live_bytes;
	uint32_t index;
};

uint64_t column_rank(const struct column *column, uint64_t value, bool reversed)
{
	if (value == COLUMN_NONE)
		return 0;
	return column->descending != reversed ? value + 1 : ~value;
}

static int compare_ranks(const void *left, const void *right)
{
	const struct rank *a = left, *b = right;

	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

int table_sort(const struct table *table, const struct column *column, const struct row *row,
	       uint32_t **ret_order, size_t *ret_count)
{
	size_t count = table->count(row->process);
	CLEANUP_FREE struct rank *ranks = NULL;
	struct row each = *row;
	uint32_t *order;

	if (!column)
		column = column_find(table, "live_bytes");
	ranks = calloc(count + 1, sizeof(*ranks));
	order = calloc(count + 1, sizeof(*order));
	if (!ranks || !order) {
		free(order);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		table->select(&each, i);
		ranks[i].key = column_rank(column, column->get(&each), false);
		ranks[i].live_bytes = counts_of(&each)->live_bytes;
		ranks[i].index = (uint32_t)i;
	}
	qsort(ranks, count, sizeof(*ranks), compare_ranks);
	for (size_t i = 0; i < count; i++)
		order[i] = ranks[i].index;
	*ret_order = order;
	*ret_count = count;
	return 0;
}
