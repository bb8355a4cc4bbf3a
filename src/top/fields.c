/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/fields.h"

#include "analysis/columns.h"

/* In order of importance. */
static const struct {
	const struct table *table; /* they are of this one, or of rate_table */
	const char *order[FIELDS_MOST];
} tables[FIELDS_TABLES] = {
	[FIELDS_PROCESSES] = {
		&process_table,
		{ "pid", "live_bytes", "growth_rate", "rss_bytes", "threads", "allocated_rate",
		  "freed_rate", "live_blocks", "peak_rss_bytes", "allocated_bytes" },
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
