/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the text report: text.c puts them together. */
#ifndef OUTLIVE_REPORT_TEXT_H
#define OUTLIVE_REPORT_TEXT_H

#include "analysis/columns.h"
#include "analysis/pattern.h"
#include "analysis/stack.h"
#include "base/units.h"
#include "report/layout.h"
#include "report/report.h"

/* Least room of a name beside the columns of a table. */
#define TEXT_NAME_WIDTH 27

struct text {
	struct layout layout;
	const struct report_options *options;
	struct row row; /* snapshot and process at hand, and a place to count in */
};

/* What is known of the trace as a whole: how long, how exact, what was lost. The
 * list (layout_begin_list) is open before, and closed after. */
void text_quality(struct text *text);

/* Which blocks the report speaks of, when not of all, and of which moment. */
void text_window(struct text *text);

/* An item that names the first marks, to ask by. */
void text_marks(struct text *text);

/* "mark A (12.3 s)", or "12.3 s" of the trace. Returns `buffer`. */
#define TEXT_MOMENT (SNAPSHOT_MARK_BYTES + UNITS_BUFFER + 16)
const char *text_moment(const struct snapshot *snapshot, const char *mark, uint64_t time_ns,
			char buffer[TEXT_MOMENT]);

/* Where text->row.process lives, whose it is, and when it ended: a line, or none. */
void text_home(struct text *text);

/* "python3 (4242), exited"; returns `buffer`. */
char *text_process_name(const struct snapshot_process *process, char *buffer, size_t size);

/* What text->row.process has, in all; and all about it. The second returns 0 or -ENOMEM. */
void text_totals(struct text *text);
int text_process(struct text *text);

/* All processes: the first lines, a table of them, and about those that hold most more.
 * Returns 0 or -ENOMEM. */
int text_processes(struct text *text);

/* What a group of processes has in common: table of threads, table of sites. Return as above. */
struct overview_group;
int text_group_threads(struct text *text, const struct overview_group *group);
int text_group_sites(struct text *text, const struct overview_group *group);

/* Nothing of the window is live: say so. */
void text_window_empty(struct text *text);

/* Table of threads, or one line of it. Return 0 or -ENOMEM. */
int text_thread_table(struct text *text);
int text_thread_line(struct text *text);

/* What a site is called: "render (app.py:41)", or "render" where that is wider than
 * `width` columns. Returns `buffer`. */
#define TEXT_SITE_NAME (2 * STACK_TEXT + 8)
char *text_site_name(const struct stack *stack, size_t width, char buffer[TEXT_SITE_NAME]);

/* How a verdict looks. */
enum style text_verdict_style(enum pattern_name name);

/* Below a site's line: of sampled blocks, how sure its live bytes are. */
void text_site_estimate(struct text *text);

/* Below a site's line: calls and ages where sites lead; the frames of text->row.site. */
void text_site_use(struct text *text);
void text_site_stack(struct text *text, const struct stack *stack);

#define TEXT_VERDICT_WIDTH 15 /* of the longest pattern_title */

/* Where mappings come from, if that was recorded. Returns 0 or -ENOMEM. */
int text_mapped_table(struct text *text);

/* Table of sites with verdicts and stacks. Returns 0 or -ENOMEM. */
int text_site_table(struct text *text);

/* A paragraph that names the largest of text->row.holders:
 * "held by worker-3 (4251) 21.2 MB, worker-7 (4255) 3 MB and 4 more threads 9 MB". */
void text_holders(struct text *text, size_t indent);

/*
 * How many of `count` rows to show when `limit` are wanted: never leave just one
 * out, since the line that says so is as long.
 */
size_t text_shown(size_t count, size_t limit);

#define TEXT_COLUMNS 16

/* The columns that a table shows. */
struct text_columns {
	const struct column *shown[TEXT_COLUMNS];
	size_t count;
	size_t name_width; /* of the names beside them */
};

/*
 * Choose the columns that fit beside the names and `reserved` more, the one sorted
 * by among them, and write the heading. The line stays open.
 */
void text_table_heading(struct text *text, const struct table *table, const char *title,
			size_t reserved, struct text_columns *ret_columns);

/* The same of `known` columns of any tables; `sorted`: the one sorted by, or NULL. */
void text_columns_heading(struct text *text, const struct column *const *all, size_t known,
			  const struct column *sorted, const char *title, size_t reserved,
			  struct text_columns *ret_columns);

/* The cells of `row`. The line stays open. */
void text_table_cells(struct text *text, const struct text_columns *columns,
		      const struct row *row);

/* The column that --sort names, of this table; NULL: none. */
const struct column *text_sort_column(const struct text *text, const struct table *table);

#endif
