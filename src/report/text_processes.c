/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several processes: first a table of them, processes of one service together, then
 * those that hold most in full.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/overview.h"
#include "analysis/where.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "report/text.h"

#define DEFAULT_GROUPS 10
#define DEFAULT_MEMBERS 3  /* shown of each group … */
#define LONELY_MEMBERS 12  /* … or of the only one */
#define DEFAULT_DETAILS 3  /* told of in full */
#define PLACE_WIDTH 20	   /* of where it lives; only on a screen so wide: */
#define PLACE_LEAST 100
#define INDENT 4

struct table_of_processes {
	struct text *text;
	struct text_columns columns;
	bool places;
};

/* --- the table ---------------------------------------------------------------------- */

static const struct column *sort_column(const struct text *text)
{
	const struct column *column = text_sort_column(text, &process_table);

	return column ? column : text_sort_column(text, &rate_table);
}

static void put_heading(struct table_of_processes *table)
{
	static const char *const names[] = { "pid", "live_bytes", "growth_rate", "live_blocks",
					     "rss_bytes", "threads" };
	const struct column *all[ARRAY_LENGTH(names)];
	struct layout *layout = &table->text->layout;
	size_t reserved = TEXT_VERDICT_WIDTH + 2;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		all[i] = column_find(&process_table, names[i]);
		all[i] = all[i] ? all[i] : column_find(&rate_table, names[i]);
	}
	table->places = layout->width >= PLACE_LEAST;
	reserved += table->places ? PLACE_WIDTH + 2 : 0;
	text_columns_heading(table->text, all, ARRAY_LENGTH(all), sort_column(table->text),
			     "HELD BY PROCESS", reserved, &table->columns);
	layout_put(layout, STYLE_HEADING, "  VERDICT");
	if (table->places) {
		layout_to(layout, layout->width - PLACE_WIDTH);
		layout_put(layout, STYLE_HEADING, "IN");
	}
	layout_newline(layout);
}

static void put_verdict(struct table_of_processes *table, const struct snapshot_process *process,
			const struct process_verdict *verdict)
{
	struct layout *layout = &table->text->layout;
	char place[WHERE_BUFFER];

	layout_put(layout, STYLE_PLAIN, "  ");
	if (process->exited)
		layout_put(layout, STYLE_DIM, "ended");
	else
		layout_put(layout, text_verdict_style(verdict->name), pattern_title(verdict->name));
	if (table->places && where_short(&process->home, place)[0]) {
		layout_to(layout, layout->width - PLACE_WIDTH);
		layout_cell(layout, STYLE_PLAIN, place, PLACE_WIDTH, false);
	}
	layout_newline(layout);
}

/* A line of the table; `several`: it stands for more than one, and has no pid. */
static void put_line(struct table_of_processes *table, const char *name,
		     const struct snapshot_process *process, const struct process_verdict *verdict,
		     bool several)
{
	struct layout *layout = &table->text->layout;
	struct row row = table->text->row;
	char value[UNITS_BUFFER];

	row.process = process;
	row.rate = verdict->rated ? &verdict->rate : NULL;
	layout_cell(layout, process->exited ? STYLE_DIM : STYLE_NAME, name,
		    table->columns.name_width, false);
	for (size_t i = 0; i < table->columns.count; i++) {
		const struct column *column = table->columns.shown[i];
		bool blank = several && column->unit == COLUMN_ID;

		layout_to(layout, layout->column + 1);
		layout_cell(layout, STYLE_PLAIN,
			    blank ? "" : column_format(column, column->get(&row), value),
			    column->width, column->right);
	}
	put_verdict(table, process, verdict);
}

static char *clean_comm(const struct snapshot_process *process, char buffer[64])
{
	text_clean(buffer, 64, process->comm ? process->comm : "", 64);
	if (!buffer[0])
		memcpy(buffer, "?", 2);
	return buffer;
}

static void put_more(struct text *text, size_t indent, size_t count, const char *what, uint64_t bytes)
{
	char line[128], number[UNITS_BUFFER], amount[UNITS_BUFFER];

	snprintf(line, sizeof(line), "… and %s more%s, %s",
		 units_format_count(number, sizeof(number), count), what,
		 units_format_bytes(amount, sizeof(amount), bytes));
	layout_paragraph(&text->layout, STYLE_DIM, indent, line);
}

/* How many of its members a group shows: none that ended beside some that run. */
static size_t members_shown(const struct text *text, const struct overview_group *group, bool alone)
{
	size_t limit = text->options->rows ? text->options->rows :
		       alone		   ? LONELY_MEMBERS :
					     DEFAULT_MEMBERS;

	return text_shown(group->running ? group->running : group->count, limit);
}

static void put_members(struct table_of_processes *table, const struct overview_group *group,
			bool alone)
{
	size_t count = group->running ? group->running : group->count;
	size_t shown = members_shown(table->text, group, alone);
	uint64_t rest_bytes = 0;
	char comm[64], name[80];

	for (size_t i = 0; i < count; i++) {
		const struct overview_member *member = &group->members[i];

		if (i >= shown) {
			rest_bytes += member->process->counts.live_bytes;
			continue;
		}
		snprintf(name, sizeof(name), "  %s", clean_comm(member->process, comm));
		put_line(table, name, member->process, &member->verdict, false);
	}
	if (shown < count)
		put_more(table->text, 2, count - shown, " like it", rest_bytes);
}

static void put_group(struct table_of_processes *table, const struct overview_group *group,
		      bool alone)
{
	size_t count = group->running ? group->running : group->count;
	char comm[64], name[128];

	clean_comm(&group->sum, comm);
	if (group->count == 1) {
		put_line(table, comm, group->members[0].process, &group->members[0].verdict, false);
		return;
	}
	if (group->running && group->running < group->count)
		snprintf(name, sizeof(name), "%s × %zu, %zu ended", comm, count,
			 group->count - group->running);
	else
		snprintf(name, sizeof(name), "%s × %zu", comm, count);
	put_line(table, name, &group->sum, &group->verdict, true);
	put_members(table, group, alone);
}

static void put_table(struct text *text, const struct overview *overview)
{
	size_t limit = text->options->rows ? text->options->rows : DEFAULT_GROUPS;
	size_t shown = text_shown(overview->count, limit), rest = 0;
	struct table_of_processes table = { .text = text };
	uint64_t rest_bytes = 0;

	put_heading(&table);
	for (size_t i = 0; i < overview->count; i++) {
		if (i < shown) {
			put_group(&table, &overview->groups[i], overview->count == 1);
			continue;
		}
		rest += overview->groups[i].count;
		rest_bytes += overview->groups[i].sum.counts.live_bytes;
	}
	if (rest)
		put_more(text, 0, rest, rest == 1 ? " process" : " processes", rest_bytes);
}

/* --- in full ------------------------------------------------------------------------ */

/* "── python3 (4242) ───────" */
static void put_rule(struct text *text, const char *name)
{
	layout_newline(&text->layout);
	layout_put(&text->layout, STYLE_DIM, "── ");
	layout_put(&text->layout, STYLE_HEADING, name);
	layout_put(&text->layout, STYLE_PLAIN, " ");
	while (text->layout.column < text->layout.width)
		layout_put(&text->layout, STYLE_DIM, "─");
	layout_newline(&text->layout);
}

/* Memory goes back with its process: that is how workers are recycled. */
static void put_ended(struct text *text, const struct overview_group *group)
{
	size_t ended = group->count - group->running;
	char line[320], number[UNITS_BUFFER], bytes[UNITS_BUFFER];

	if (!ended)
		return;
	units_format_count(number, sizeof(number), ended);
	units_format_bytes(bytes, sizeof(bytes), group->ended_bytes);
	if (group->count == 1)
		snprintf(line, sizeof(line), "It has ended; the %s that it held went back to the "
			 "system with it. That is no leak of what runs on.", bytes);
	else if (group->running)
		snprintf(line, sizeof(line), "%s other%s ended, holding %s%s, which went back to the "
			 "system: what a worker holds until it is replaced is no leak of the service.",
			 number, ended == 1 ? "" : "s", bytes, ended == 1 ? "" : " together");
	else
		snprintf(line, sizeof(line), "All have ended; the %s that they held together went back "
			 "to the system with them.", bytes);
	layout_paragraph(&text->layout, STYLE_PLAIN, INDENT, line);
}

static int put_one(struct text *text, const struct overview_group *group)
{
	char name[128];

	text->row.process = group->members[0].process;
	put_rule(text, text_process_name(text->row.process, name, sizeof(name)));
	put_ended(text, group);
	return text_process(text);
}

/* Some of them cost too much to be traced in full. */
static void put_given_up(struct text *text, const struct overview_group *group)
{
	size_t count = group->running ? group->running : group->count, partly = 0;
	char line[160], number[UNITS_BUFFER];

	for (size_t i = 0; i < count; i++)
		partly += group->members[i].process->tier_count != 0;
	if (!partly)
		return;
	snprintf(line, sizeof(line), "%s of them %s not traced in full: --each tells what was given up, "
		 "and when.", units_format_count(number, sizeof(number), partly),
		 partly == 1 ? "was" : "were");
	layout_paragraph(&text->layout, STYLE_NOTICE, INDENT, line);
}

static int put_several(struct text *text, const struct overview_group *group)
{
	size_t count = group->running ? group->running : group->count;
	struct snapshot_process shared = group->sum;
	char comm[64], name[128];
	int r;

	snprintf(name, sizeof(name), "%s, %zu processes%s", clean_comm(&group->sum, comm), count,
		 group->running ? "" : ", ended");
	put_rule(text, name);
	shared.home.inner_pid = 0; /* each has its own */
	text->row.process = &shared;
	text_home(text);
	text_totals(text);
	put_ended(text, group);
	put_given_up(text, group);
	layout_newline(&text->layout);
	r = text->options->verb == REPORT_THREADS ? text_group_threads(text, group) : 0;
	return r < 0 ? r : text_group_sites(text, group);
}

/* What there is in all, and which of it is past. */
static void put_sums(struct text *text, const struct overview *overview)
{
	const struct snapshot_past *past = &text->row.snapshot->past;
	struct layout *layout = &text->layout;
	uint64_t bytes = 0, blocks = 0, resident = 0, ended_bytes = 0;
	char a[UNITS_BUFFER], b[UNITS_BUFFER];
	size_t ended = 0;

	for (size_t i = 0; i < overview->count; i++) {
		const struct overview_group *group = &overview->groups[i];

		ended += group->count - group->running;
		ended_bytes += group->ended_bytes;
		bytes += group->running ? group->sum.counts.live_bytes : 0;
		blocks += group->running ? group->sum.counts.live_blocks : 0;
		resident += group->running ? group->sum.rss_bytes : 0;
	}
	layout_begin_list(layout, 0);
	layout_item(layout, STYLE_HEADING, "live %s in %s block%s",
		    units_format_bytes(a, sizeof(a), bytes),
		    units_format_count(b, sizeof(b), blocks), blocks == 1 ? "" : "s");
	if (resident)
		layout_item(layout, STYLE_HEADING, "resident %s",
			    units_format_bytes(a, sizeof(a), resident));
	if (ended)
		layout_item(layout, STYLE_PLAIN, "%s of them ended, which held %s",
			    units_format_count(b, sizeof(b), ended),
			    units_format_bytes(a, sizeof(a), ended_bytes));
	if (past->processes)
		layout_item(layout, STYLE_PLAIN, "%s more that ended are not told apart, which held %s",
			    units_format_count(b, sizeof(b), past->processes),
			    units_format_bytes(a, sizeof(a), past->counts.live_bytes));
	layout_end_list(layout);
	layout_newline(layout);
}

int text_processes(struct text *text)
{
	size_t limit = text->options->rows ? text->options->rows : DEFAULT_DETAILS;
	/* There is no chart of several. */
	bool apart = text->options->each || text->options->timeline;
	struct overview overview = { .count = 0 };
	char number[UNITS_BUFFER];
	size_t shown;
	int r;

	layout_begin_list(&text->layout, 0);
	layout_item(&text->layout, STYLE_HEADING, "%s processes",
		    units_format_count(number, sizeof(number), text->row.snapshot->process_count +
				       text->row.snapshot->past.processes));
	text_quality(text);
	r = overview_find(text->row.snapshot, sort_column(text), apart, &overview);
	if (r < 0)
		return r;
	put_sums(text, &overview);
	put_table(text, &overview);
	shown = text_shown(overview.count, limit);
	for (size_t i = 0; i < shown && r == 0; i++) {
		const struct overview_group *group = &overview.groups[i];

		r = group->count == 1 ? put_one(text, group) : put_several(text, group);
	}
	overview_free(&overview);
	return r;
}
