/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What processes that are alike hold: which of their threads, and which line of code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/merge.h"
#include "analysis/overview.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "report/text.h"

#define DEFAULT_ROWS 10
#define NAMED_PROCESSES 3
#define VERDICTS_MOST 64 /* processes whose verdict on a site is looked at: those that hold most */
#define NUMBER_WIDTH 3
#define INDENT 4

/* Those whose memory is still there; or when all ended, all. */
static size_t counted(const struct overview_group *group)
{
	return group->running ? group->running : group->count;
}

static size_t row_limit(const struct text *text)
{
	return text->options->rows ? text->options->rows : DEFAULT_ROWS;
}

/* --- threads ------------------------------------------------------------------------- */

struct held {
	const struct snapshot_process *process;
	const struct snapshot_thread *thread;
};

static int compare_held(const void *left, const void *right)
{
	const struct held *a = left, *b = right;
	uint64_t live_a = a->thread->counts.live_bytes, live_b = b->thread->counts.live_bytes;

	if (live_a != live_b)
		return live_a > live_b ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

/* The threads that hold anything. *ret_threaded: some process has two of them. */
static int collect_threads(const struct overview_group *group, struct held **ret_rows,
			   size_t *ret_count, bool *ret_threaded)
{
	size_t most = 0, count = 0;
	struct held *rows;

	for (size_t i = 0; i < counted(group); i++)
		most += group->members[i].process->thread_count;
	rows = calloc(most + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	*ret_threaded = false;
	for (size_t i = 0; i < counted(group); i++) {
		const struct snapshot_process *process = group->members[i].process;
		size_t before = count;

		for (size_t j = 0; j < process->thread_count; j++) {
			if (process->threads[j].counts.live_blocks)
				rows[count++] = (struct held){ process, &process->threads[j] };
		}
		*ret_threaded |= count - before > 1;
	}
	qsort(rows, count, sizeof(*rows), compare_held);
	*ret_rows = rows;
	*ret_count = count;
	return 0;
}

/* Where each process has one thread the table of processes has said it all. */
int text_group_threads(struct text *text, const struct overview_group *group)
{
	CLEANUP_FREE struct held *rows = NULL;
	struct text_columns columns;
	struct row row = text->row;
	uint64_t rest_bytes = 0;
	size_t count, shown;
	bool threaded;
	int r = collect_threads(group, &rows, &count, &threaded);

	if (r < 0 || !threaded)
		return r;
	shown = text_shown(count, row_limit(text));
	text_table_heading(text, &thread_table, "HELD BY THREAD", 0, &columns);
	layout_newline(&text->layout);
	for (size_t i = 0; i < count; i++) {
		char comm[WIRE_COMM_BYTES + 1], name[64];

		if (i >= shown) {
			rest_bytes += rows[i].thread->counts.live_bytes;
			continue;
		}
		row.process = rows[i].process;
		row.thread = rows[i].thread;
		text_clean(comm, sizeof(comm), row.thread->comm, sizeof(row.thread->comm));
		snprintf(name, sizeof(name), "%s of %u", comm[0] ? comm : "?", row.process->pid);
		layout_cell(&text->layout, STYLE_NAME, name, columns.name_width, false);
		text_table_cells(text, &columns, &row);
		layout_newline(&text->layout);
	}
	if (shown < count) {
		char line[128], number[UNITS_BUFFER], bytes[UNITS_BUFFER];

		snprintf(line, sizeof(line), "… and %s more threads, %s",
			 units_format_count(number, sizeof(number), count - shown),
			 units_format_bytes(bytes, sizeof(bytes), rest_bytes));
		layout_paragraph(&text->layout, STYLE_DIM, 0, line);
	}
	layout_newline(&text->layout);
	return 0;
}

/* --- sites --------------------------------------------------------------------------- */

/* The verdict that matters most, in how many processes it is so, and of how many. */
struct shared_verdict {
	struct pattern pattern;
	const struct merged_part *part;
	size_t alike, looked;
};

static struct shared_verdict find_verdict(const struct text *text, const struct merged_site *merged)
{
	struct shared_verdict verdict = { .part = merged->parts };
	size_t by_name[PATTERN_COUNT] = { 0 };

	for (size_t i = 0; i < merged->part_count && i < VERDICTS_MOST; i++) {
		const struct merged_part *part = &merged->parts[i];
		struct pattern pattern;

		if (i && !part->site->counts.live_blocks)
			break;
		pattern_find(text->row.snapshot, part->process, part->site, &pattern);
		by_name[pattern.name]++;
		verdict.looked++;
		if (i == 0 || (pattern.name == PATTERN_GROWING &&
			       verdict.pattern.name != PATTERN_GROWING)) {
			verdict.pattern = pattern;
			verdict.part = part;
		}
	}
	verdict.alike = by_name[verdict.pattern.name];
	return verdict;
}

/* "growing in 3 of 40 processes; in 4243: live bytes rise by …" */
static void put_verdict(struct text *text, const struct shared_verdict *verdict)
{
	const char *title = pattern_title(verdict->pattern.name);
	char line[sizeof(verdict->pattern.text) + 128];

	if (verdict->looked == 1)
		snprintf(line, sizeof(line), "%s in %u: %s", title, verdict->part->process->pid,
			 verdict->pattern.text);
	else
		snprintf(line, sizeof(line), "%s in %zu of %zu processes; in %u: %s", title,
			 verdict->alike, verdict->looked, verdict->part->process->pid,
			 verdict->pattern.text);
	layout_paragraph(&text->layout, text_verdict_style(verdict->pattern.name), INDENT, line);
}

/* "held by 4243 21.2 MB, 4251 3.0 MB and 4 more processes 9.0 MB" */
static void put_holders(struct text *text, const struct merged_site *merged)
{
	char line[256] = "held by", bytes[UNITS_BUFFER];
	size_t used = strlen(line), holding = 0, named;
	uint64_t rest_bytes = 0;

	while (holding < merged->part_count && merged->parts[holding].site->counts.live_blocks)
		holding++;
	named = text_shown(holding, NAMED_PROCESSES);
	for (size_t i = 0; i < holding; i++) {
		const struct merged_part *part = &merged->parts[i];

		if (i >= named) {
			rest_bytes += part->site->counts.live_bytes;
			continue;
		}
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s %u %s",
					 i ? "," : "", part->process->pid,
					 units_format_bytes(bytes, sizeof(bytes),
							    part->site->counts.live_bytes));
	}
	if (named < holding)
		snprintf(line + used, sizeof(line) - used, " and %zu more processes %s",
			 holding - named, units_format_bytes(bytes, sizeof(bytes), rest_bytes));
	if (holding)
		layout_paragraph(&text->layout, STYLE_PLAIN, INDENT, line);
}

static void put_site(struct text *text, size_t number, const struct merged_site *merged,
		     const struct text_columns *columns)
{
	const struct shared_verdict verdict = find_verdict(text, merged);
	char label[32], name[TEXT_SITE_NAME];
	struct stack stack;
	size_t width;

	text->row.merged = merged;
	text->row.site = &merged->site;
	stack_resolve(text->options->frames, text->options->native, merged->parts->process,
		      merged->parts->site, &stack);
	snprintf(label, sizeof(label), "%*zu ", NUMBER_WIDTH - 1, number);
	layout_put(&text->layout, STYLE_PLAIN, label);
	width = columns->name_width - text->layout.column;
	layout_cell(&text->layout, STYLE_NAME, text_site_name(&stack, width, name), width, false);
	text_table_cells(text, columns, &text->row);
	layout_put(&text->layout, STYLE_PLAIN, "  ");
	layout_put(&text->layout, text_verdict_style(verdict.pattern.name),
		   pattern_title(verdict.pattern.name));
	layout_newline(&text->layout);
	text_site_estimate(text);
	put_verdict(text, &verdict);
	text_site_use(text);
	put_holders(text, merged);
	text_site_stack(text, &stack);
	text->row.merged = NULL;
	text->row.site = NULL;
}

static int merge(const struct overview_group *group, struct merge *ret_merge)
{
	size_t count = counted(group);
	CLEANUP_FREE const struct snapshot_process **processes = calloc(count, sizeof(*processes));

	if (!processes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		processes[i] = group->members[i].process;
	return merge_sites(processes, count, ret_merge);
}

int text_group_sites(struct text *text, const struct overview_group *group)
{
	struct merge merged = { .site_count = 0 };
	struct text_columns columns;
	uint64_t rest_bytes = 0;
	size_t live = 0, shown;
	int r = merge(group, &merged);

	if (r < 0)
		return r;
	while (live < merged.site_count && merged.sites[live].site.counts.live_blocks)
		live++;
	shown = text_shown(live, row_limit(text));
	text_table_heading(text, &merged_table, "WHAT THEY HOLD", TEXT_VERDICT_WIDTH + 2, &columns);
	layout_put(&text->layout, STYLE_HEADING, "  VERDICT");
	layout_newline(&text->layout);
	for (size_t i = 0; i < live; i++) {
		if (i >= shown) {
			rest_bytes += merged.sites[i].site.counts.live_bytes;
			continue;
		}
		if (i)
			layout_newline(&text->layout);
		put_site(text, i + 1, &merged.sites[i], &columns);
	}
	if (live == 0 && text->row.process->whole)
		text_window_empty(text);
	else if (live == 0)
		layout_paragraph(&text->layout, STYLE_DIM, 0,
				 merged.site_count ? "Nothing: every block is freed again."
						   : "Nothing: no allocation was seen.");
	if (shown < live) {
		char line[128], number[UNITS_BUFFER], bytes[UNITS_BUFFER];

		layout_newline(&text->layout);
		snprintf(line, sizeof(line), "… and %s more sites, %s",
			 units_format_count(number, sizeof(number), live - shown),
			 units_format_bytes(bytes, sizeof(bytes), rest_bytes));
		layout_paragraph(&text->layout, STYLE_DIM, 0, line);
	}
	merge_free(&merged);
	return 0;
}
