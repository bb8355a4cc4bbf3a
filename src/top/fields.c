/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/fields.h"

#include "analysis/rates.h"
#include "base/cleanup.h"

static uint64_t get_allocated_rate(const struct row *row)
{
	return row->rate ? row->rate->allocated : COLUMN_NONE;
}

static uint64_t get_freed_rate(const struct row *row)
{
	return row->rate ? row->rate->freed : COLUMN_NONE;
}

static uint64_t get_growth(const struct row *row)
{
	return row->rate ? column_change(row->rate->growth) : COLUMN_NONE;
}

static uint64_t get_pid(const struct row *row)
{
	return row->process->pid;
}

static uint64_t get_live_bytes(const struct row *row)
{
	return row->process->counts.live_bytes;
}

static uint64_t get_live_blocks(const struct row *row)
{
	return row->process->counts.live_blocks;
}

static uint64_t get_allocated_bytes(const struct row *row)
{
	return row->process->counts.allocated_bytes;
}

static uint64_t get_resident(const struct row *row)
{
	return row->process->rss_bytes ? row->process->rss_bytes : COLUMN_NONE;
}

static uint64_t get_peak_resident(const struct row *row)
{
	return row->process->peak_rss_bytes ? row->process->peak_rss_bytes : COLUMN_NONE;
}

static uint64_t get_threads(const struct row *row)
{
	return row->process->thread_count;
}

static const struct column process_columns[] = {
	{ "pid", "PID", "process id", 8, true, false, COLUMN_ID, get_pid },
	{ "live_bytes", "LIVE", "bytes of blocks that are not freed", 10, true, true, COLUMN_BYTES,
	  get_live_bytes },
	{ "live_blocks", "BLOCKS", "number of those blocks", 9, true, true, COLUMN_COUNT,
	  get_live_blocks },
	{ "rss_bytes", "RESIDENT", "bytes in memory", 10, true, true, COLUMN_BYTES, get_resident },
	{ "peak_rss_bytes", "PEAK", "most bytes it ever had in memory", 10, true, true,
	  COLUMN_BYTES, get_peak_resident },
	{ "threads", "THREADS", "threads seen", 7, true, true, COLUMN_COUNT, get_threads },
	{ "allocated_bytes", "ALLOCATED", "bytes allocated since the trace began", 10, true, true,
	  COLUMN_BYTES, get_allocated_bytes },
};

static const struct table process_table = {
	.columns = process_columns, .column_count = ARRAY_LENGTH(process_columns),
};

static const struct column rate_columns[] = {
	{ "growth_rate", "GROWTH/S", "change of live bytes in a second", 11, true, true,
	  COLUMN_CHANGE, get_growth },
	{ "allocated_rate", "ALLOC/S", "bytes allocated in a second", 10, true, true, COLUMN_RATE,
	  get_allocated_rate },
	{ "freed_rate", "FREED/S", "bytes freed in a second", 10, true, true, COLUMN_RATE,
	  get_freed_rate },
};

static const struct table rate_table = {
	.columns = rate_columns, .column_count = ARRAY_LENGTH(rate_columns),
};

/* In order of importance. */
static const struct {
	const struct table *table; /* they are of this one, or of rate_table */
	const char *order[FIELDS_MOST];
} tables[FIELDS_TABLES] = {
	[FIELDS_PROCESSES] = {
		&process_table,
		{ "pid", "live_bytes", "growth_rate", "rss_bytes", "peak_rss_bytes", "live_blocks",
		  "allocated_rate", "freed_rate", "threads", "allocated_bytes" },
	},
	[FIELDS_THREADS] = {
		&thread_table,
		{ "tid", "live_bytes", "growth_rate", "allocated_rate", "freed_rate", "live_blocks",
		  "allocated_bytes", "freed_bytes", "allocated_blocks", "freed_blocks",
		  "freed_by_others_blocks" },
	},
	[FIELDS_SITES] = {
		&site_table,
		{ "live_bytes", "growth_rate", "oldest_live_age_ns", "live_blocks", "holding_threads",
		  "allocated_rate", "freed_rate", "allocated_bytes", "largest_block_bytes",
		  "newest_live_age_ns", "allocated_blocks", "freed_blocks" },
	},
};

const struct column *fields_find(enum fields_table table, const char *name)
{
	const struct column *column = column_find(tables[table].table, name);

	return column ? column : column_find(&rate_table, name);
}

size_t fields_of(enum fields_table table, const struct column *ret_columns[FIELDS_MOST])
{
	size_t count = 0;

	for (; count < FIELDS_MOST && tables[table].order[count]; count++)
		ret_columns[count] = fields_find(table, tables[table].order[count]);
	return count;
}
