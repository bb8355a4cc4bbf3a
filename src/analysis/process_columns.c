/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of processes, of what changes per second, and of sites that several processes share. */
#include "analysis/columns.h"
#include "analysis/merge.h"
#include "analysis/rates.h"
#include "base/cleanup.h"

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

/* In a window by age nobody knew ahead what to count. */
static bool made_known(const struct row *row)
{
	return !row->process->whole || row->snapshot->window.made_known;
}

static uint64_t get_allocated_bytes(const struct row *row)
{
	return made_known(row) ? row->process->counts.allocated_bytes : COLUMN_NONE;
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
	return row->process->running_threads;
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
	{ "threads", "THREADS", "threads seen that have not ended", 7, true, true, COLUMN_COUNT,
	  get_threads },
	{ "allocated_bytes", "ALLOCATED", "bytes allocated since the trace began", 10, true, true,
	  COLUMN_BYTES, get_allocated_bytes },
};

const struct table process_table = {
	.columns = process_columns, .column_count = ARRAY_LENGTH(process_columns),
};

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

static const struct column rate_columns[] = {
	{ "growth_rate", "GROWTH/S", "change of live bytes in a second", 11, true, true,
	  COLUMN_CHANGE, get_growth },
	{ "allocated_rate", "ALLOC/S", "bytes allocated in a second", 10, true, true, COLUMN_RATE,
	  get_allocated_rate },
	{ "freed_rate", "FREED/S", "bytes freed in a second", 10, true, true, COLUMN_RATE,
	  get_freed_rate },
};

const struct table rate_table = {
	.columns = rate_columns, .column_count = ARRAY_LENGTH(rate_columns),
};

static uint64_t get_merged_live(const struct row *row)
{
	return row->merged->site.counts.live_bytes;
}

static uint64_t get_merged_blocks(const struct row *row)
{
	return row->merged->site.counts.live_blocks;
}

static uint64_t get_merged_processes(const struct row *row)
{
	return row->merged->holding_processes;
}

static uint64_t get_merged_allocated(const struct row *row)
{
	return made_known(row) ? row->merged->site.counts.allocated_bytes : COLUMN_NONE;
}

static const struct column merged_columns[] = {
	{ "live_bytes", "LIVE", "bytes of blocks made here that are not freed", 10, true, true,
	  COLUMN_BYTES, get_merged_live },
	{ "live_blocks", "BLOCKS", "number of those blocks", 8, true, true, COLUMN_COUNT,
	  get_merged_blocks },
	{ "holding_processes", "IN PIDS", "processes whose blocks they are", 7, true, true,
	  COLUMN_COUNT, get_merged_processes },
	{ "allocated_bytes", "ALLOCATED", "bytes allocated here since the trace began", 10, true,
	  true, COLUMN_BYTES, get_merged_allocated },
};

const struct table merged_table = {
	.columns = merged_columns, .column_count = ARRAY_LENGTH(merged_columns),
};
