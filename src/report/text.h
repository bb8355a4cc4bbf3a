/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the text report: text.c puts them together. */
#ifndef OUTLIVE_REPORT_TEXT_H
#define OUTLIVE_REPORT_TEXT_H

#include "analysis/columns.h"
#include "report/layout.h"
#include "report/report.h"
#include "analysis/stack.h"

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

/* Where text->row.process lives, whose it is, and when it ended: a line, or none. */
void text_home(struct text *text);

/* Nothing of the window is live: say so. */
void text_window_empty(struct text *text);

/* Table of threads, or one line of it. Return 0 or -ENOMEM. */
int text_thread_table(struct text *text);
int text_thread_line(struct text *text);

/* What a site is called: "render (app.py:41)", or "render" where that is wider than
 * `width` columns. Returns `buffer`. */
#define TEXT_SITE_NAME (2 * STACK_TEXT + 8)
char *text_site_name(const struct stack *stack, size_t width, char buffer[TEXT_SITE_NAME]);

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

/* The columns that a table shows. */
struct text_columns {
	const struct column *shown[16];
	size_t count;
	size_t name_width; /* of the names beside them */
};

/*
 * Choose the columns that fit beside the names and `reserved` more, the one sorted
 * by among them, and write the heading. The line stays open.
 */
void text_table_heading(struct text *text, const struct table *table, const char *title,
			size_t reserved, struct text_columns *ret_columns);

/* The cells of `row`. The line stays open. */
void text_table_cells(struct text *text, const struct text_columns *columns,
		      const struct row *row);

/* The column that --sort names, of this table; NULL: none. */
const struct column *text_sort_column(const struct text *text, const struct table *table);

#endif
