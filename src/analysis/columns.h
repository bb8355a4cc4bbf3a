/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The columns of every table: one row here gives a column to text, to JSON, to
 * --sort and to the screen.
 */
#ifndef OUTLIVE_ANALYSIS_COLUMNS_H
#define OUTLIVE_ANALYSIS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"
#include "analysis/holders.h"

struct rate;
struct merged_site;

/* One row of a table: a thread, a site or a process. */
struct row {
	const struct snapshot *snapshot;
	const struct snapshot_process *process;
	const struct snapshot_thread *thread; /* NULL in a table of sites */
	const struct snapshot_site *site;     /* NULL in a table of threads */
	struct holders *holders;	      /* room to count a site's threads in */
	const struct rate *rate; /* how fast it changes (rates.h); NULL not known */
	const struct merged_site *merged; /* in a table of these (merge.h) */
};

enum column_unit {
	COLUMN_ID,
	COLUMN_COUNT,
	COLUMN_BYTES,
	COLUMN_DURATION,
	COLUMN_RATE,   /* bytes per second */
	COLUMN_CHANGE, /* the same, but it may fall: column_change() of it */
};

#define COLUMN_NONE UINT64_MAX /* no value: null in JSON, "-" in text, last in order */

struct column {
	const char *name;  /* field of JSON, and what --sort takes */
	const char *title; /* heading of text, and what --sort takes in lower case */
	const char *help;
	uint8_t width;	   /* in text, the gap before it not counted */
	bool right;	   /* set flush right */
	bool descending;   /* sorted from the largest */
	enum column_unit unit;
	uint64_t (*get)(const struct row *row);
};

struct table {
	const struct column *columns; /* text shows as many, in this order, as the width allows */
	size_t column_count;
	size_t (*count)(const struct snapshot_process *process);
	void (*select)(struct row *row, size_t index); /* make `row` the index-th of its process */
};

/* Those of the last three have columns only: what their rows are is its owner's affair. */
extern const struct table thread_table, site_table, process_table, rate_table, merged_table;

/* The column called `name` (or titled so, in any case), or NULL. */
const struct column *column_find(const struct table *table, const char *name);

/* Text of a value in `buffer` of UNITS_BUFFER bytes; returns `buffer`. */
char *column_format(const struct column *column, uint64_t value, char *buffer);

/* A signed number as the value of a COLUMN_CHANGE: never COLUMN_NONE, and in order. */
uint64_t column_change(int64_t value);

/* Where a row with this value stands: higher comes first, no value last. `reversed`: the
 * other way round, no value last again. */
uint64_t column_rank(const struct column *column, uint64_t value, bool reversed);

/*
 * Put the rows of row->process in order of `column` (NULL: live bytes); of equal
 * ones those with more live bytes come first. Returns 0, *ret_order (indexes for
 * table->select; free() it) and *ret_count, or -ENOMEM.
 */
int table_sort(const struct table *table, const struct column *column, const struct row *row,
	       uint32_t **ret_order, size_t *ret_count);

#endif
