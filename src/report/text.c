/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report for a person. It answers in the order of asking: which process, can
 * I trust these numbers, how much is it, who holds it, what is it and will it
 * grow. A verdict comes with its evidence: counts, threads, the stack.
 */
#include "report/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/reconcile.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "report/formats.h"
#include "report/timeline.h"

#define DEFAULT_WIDTH 80
#define DEFAULT_PROCESSES 10
#define INDENT 4

static char *process_name(const struct snapshot_process *process, char *buffer, size_t size)
{
	char comm[64];

	text_clean(comm, sizeof(comm), process->comm ? process->comm : "", sizeof(comm));
	snprintf(buffer, size, "%s (%u)%s", comm[0] ? comm : "?", process->pid,
		 process->exited ? ", exited" : "");
	return buffer;
}

/* "live 212 MB in 1 204 blocks · resident 3.34 GB (peak 3.34 GB) · …" */
static void put_totals(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	const struct snapshot_mappings *mappings = &process->mappings;
	char a[UNITS_BUFFER], b[UNITS_BUFFER];
	struct layout *layout = &text->layout;

	layout_begin_list(layout, 0);
	layout_item(layout, STYLE_HEADING, "live %s in %s block%s",
		    units_format_bytes(a, sizeof(a), process->counts.live_bytes),
		    units_format_count(b, sizeof(b), process->counts.live_blocks),
		    process->counts.live_blocks == 1 ? "" : "s");
	if (process->rss_bytes)
		layout_item(layout, STYLE_HEADING, "resident %s (peak %s)",
			    units_format_bytes(a, sizeof(a), process->rss_bytes),
			    units_format_bytes(b, sizeof(b), process->peak_rss_bytes));
	if (mappings->allocator_backing_bytes)
		layout_item(layout, STYLE_PLAIN, "mapped by the allocator %s",
			    units_format_bytes(a, sizeof(a), mappings->allocator_backing_bytes));
	if (mappings->live_bytes)
		layout_item(layout, STYLE_PLAIN, "mapped by the program %s in %s range%s",
			    units_format_bytes(a, sizeof(a), mappings->live_bytes),
			    units_format_count(b, sizeof(b), mappings->live_ranges),
			    mappings->live_ranges == 1 ? "" : "s");
	if (process->failed_calls)
		layout_item(layout, STYLE_NOTICE, "%s call%s failed",
			    units_format_count(a, sizeof(a), process->failed_calls),
			    process->failed_calls == 1 ? "" : "s");
	layout_end_list(layout);
}

/* What a fork gave it is nobody's doing here, and in none of the other numbers. */
static void put_inherited(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	char a[UNITS_BUFFER], b[UNITS_BUFFER], c[UNITS_BUFFER];
	struct layout *layout = &text->layout;

	if (!process->forked_blocks)
		return;
	layout_begin_list(layout, 0);
	layout_item(layout, STYLE_PLAIN, "inherited from %u at the fork: %s in %s block%s",
		    process->forked_from, units_format_bytes(a, sizeof(a), process->forked_bytes),
		    units_format_count(b, sizeof(b), process->forked_blocks),
		    process->forked_blocks == 1 ? "" : "s");
	layout_item(layout, STYLE_PLAIN, "%s of them freed since",
		    units_format_count(c, sizeof(c),
				       process->forked_blocks - process->inherited_blocks));
	layout_end_list(layout);
}

static void put_advice(struct text *text, const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		layout_to(&text->layout, 2);
		layout_put(&text->layout, STYLE_PLAIN, "-");
		layout_paragraph(&text->layout, STYLE_PLAIN, INDENT, lines[i]);
	}
}

static void put_no_events(struct text *text)
{
	static const char *const advice[] = {
		"Is it the right process? A parent often only waits while its children work.",
		"Did it do any work? Send it a request meanwhile, or trace longer: --for 60s.",
		"Has it an allocator of its own (static, jemalloc, Go, Java)? See 'outlive doctor'.",
	};

	layout_paragraph(&text->layout, STYLE_HEADING, 0,
			 "No allocation was seen. Things to check:");
	put_advice(text, advice, ARRAY_LENGTH(advice));
}

static void put_nothing_held(struct text *text)
{
	const struct snapshot_counts *counts = &text->row.process->counts;
	static const char *const advice[] = {
		"Memory from before the trace is not counted: trace while the leak happens.",
		"Work that runs once an hour leaks once an hour: trace longer with --for.",
	};
	char line[256], bytes[UNITS_BUFFER], blocks[UNITS_BUFFER];

	snprintf(line, sizeof(line),
		 "Nothing outlived the trace: of %s block%s (%s) allocated in it, every one is "
		 "freed again. If you are after a leak:",
		 units_format_count(blocks, sizeof(blocks), counts->allocated_blocks),
		 counts->allocated_blocks == 1 ? "" : "s",
		 units_format_bytes(bytes, sizeof(bytes), counts->allocated_bytes));
	layout_paragraph(&text->layout, STYLE_HEADING, 0, line);
	put_advice(text, advice, ARRAY_LENGTH(advice));
}

/* The tables of one process, or why there are none. */
static int put_tables(struct text *text)
{
	const struct snapshot_counts *counts = &text->row.process->counts;
	bool threads_first = text->options->verb == REPORT_THREADS;
	int r;

	layout_newline(&text->layout);
	if (counts->live_blocks == 0) {
		if (text->row.process->whole)
			text_window_empty(text);
		else if (counts->allocated_blocks)
			put_nothing_held(text);
		else
			put_no_events(text);
		if (!text->options->sort || counts->allocated_blocks == 0)
			return 0;
		layout_newline(&text->layout);
	}
	r = threads_first ? text_thread_table(text) : text_site_table(text);
	if (r < 0)
		return r;
	layout_newline(&text->layout);
	return threads_first ? text_site_table(text) : text_thread_line(text);
}

static int put_process(struct text *text)
{
	struct reconcile reconcile;

	text_home(text);
	put_totals(text);
	put_inherited(text);
	reconcile_find(text->row.snapshot, text->row.process, &reconcile);
	if (!text->row.process->whole && reconcile.name != RECONCILE_UNKNOWN)
		layout_paragraph(&text->layout, reconcile.name == RECONCILE_KEPT ? STYLE_NOTICE :
				 STYLE_PLAIN, INDENT, reconcile.text);
	if (text->options->timeline)
		timeline_text(text);
	return put_tables(text);
}

/* "── python3 (4242) ───────" */
static void put_rule(struct text *text)
{
	char name[128];

	layout_newline(&text->layout);
	layout_put(&text->layout, STYLE_DIM, "── ");
	layout_put(&text->layout, STYLE_HEADING,
		   process_name(text->row.process, name, sizeof(name)));
	layout_put(&text->layout, STYLE_PLAIN, " ");
	while (text->layout.column < text->layout.width)
		layout_put(&text->layout, STYLE_DIM, "─");
	layout_newline(&text->layout);
}

static int by_live_bytes(const void *left, const void *right)
{
	const struct snapshot_process *const *a = left, *const *b = right;

	if ((*a)->counts.live_bytes != (*b)->counts.live_bytes)
		return (*a)->counts.live_bytes > (*b)->counts.live_bytes ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static int put_one(struct text *text)
{
	char name[128];

	text->row.process = &text->row.snapshot->processes[0];
	layout_begin_list(&text->layout, 0);
	layout_item(&text->layout, STYLE_HEADING, "%s",
		    process_name(text->row.process, name, sizeof(name)));
	text_quality(text);
	return put_process(text);
}

static int put_many(struct text *text)
{
	const struct snapshot *snapshot = text->row.snapshot;
	size_t count = snapshot->process_count, shown;
	CLEANUP_FREE const struct snapshot_process **order = NULL;
	size_t limit = text->options->rows ? text->options->rows : DEFAULT_PROCESSES;
	char line[96], bytes[UNITS_BUFFER];
	uint64_t rest_bytes = 0;
	int r;

	order = calloc(count, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = &snapshot->processes[i];
	qsort(order, count, sizeof(*order), by_live_bytes);
	layout_begin_list(&text->layout, 0);
	layout_item(&text->layout, STYLE_HEADING, "%zu processes", count);
	text_quality(text);
	shown = text_shown(count, limit);
	for (size_t i = 0; i < shown; i++) {
		text->row.process = order[i];
		put_rule(text);
		r = put_process(text);
		if (r < 0)
			return r;
	}
	for (size_t i = shown; i < count; i++)
		rest_bytes += order[i]->counts.live_bytes;
	if (shown == count)
		return 0;
	snprintf(line, sizeof(line), "… and %zu more processes, %s", count - shown,
		 units_format_bytes(bytes, sizeof(bytes), rest_bytes));
	layout_newline(&text->layout);
	layout_paragraph(&text->layout, STYLE_DIM, 0, line);
	return 0;
}

static int put_none(struct text *text)
{
	layout_begin_list(&text->layout, 0);
	text_quality(text);
	layout_newline(&text->layout);
	put_no_events(text);
	return 0;
}

int report_text(FILE *file, const struct snapshot *snapshot,
		const struct report_options *options)
{
	size_t width = options->width ? options->width : DEFAULT_WIDTH;
	struct holders holders = { 0 };
	struct text text = {
		.layout = {
			.output = { .file = file },
			.width = width < LAYOUT_MIN_WIDTH ? LAYOUT_MIN_WIDTH : width,
			.colour = options->colour,
		},
		.options = options,
		.row = { .snapshot = snapshot, .holders = &holders },
	};
	int r;

	if (options->sort && !column_find(&thread_table, options->sort) &&
	    !column_find(&site_table, options->sort))
		return -EINVAL;
	text_window(&text);
	if (snapshot->process_count == 0)
		r = put_none(&text);
	else
		r = snapshot->process_count == 1 ? put_one(&text) : put_many(&text);
	holders_free(&holders);
	return r < 0 ? r : output_finish(&text.layout.output);
}
