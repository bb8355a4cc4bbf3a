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

#include "analysis/estimate.h"
#include "analysis/reconcile.h"
#include "analysis/tiers.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "report/formats.h"
#include "report/timeline.h"

#define DEFAULT_WIDTH 80
#define INDENT 4

char *text_process_name(const struct snapshot_process *process, char *buffer, size_t size)
{
	char comm[64];

	text_clean(comm, sizeof(comm), process->comm ? process->comm : "", sizeof(comm));
	snprintf(buffer, size, "%s (%u)%s", comm[0] ? comm : "?", process->pid,
		 process->exited ? ", exited" : "");
	return buffer;
}

/* What a fork gave it is nobody's doing here, and in none of the other numbers. */
static void put_inherited(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	char a[UNITS_BUFFER], b[UNITS_BUFFER], c[UNITS_BUFFER], parent[32] = "their parents";
	struct layout *layout = &text->layout;

	if (!process->forked_blocks)
		return;
	if (process->forked_from)
		snprintf(parent, sizeof(parent), "%u", process->forked_from);
	layout_begin_list(layout, 0);
	layout_item(layout, STYLE_PLAIN, "inherited from %s at the fork: %s in %s block%s", parent,
		    units_format_bytes(a, sizeof(a), process->forked_bytes),
		    units_format_count(b, sizeof(b), process->forked_blocks),
		    process->forked_blocks == 1 ? "" : "s");
	layout_item(layout, STYLE_PLAIN, "%s of them freed since",
		    units_format_count(c, sizeof(c),
				       process->forked_blocks - process->inherited_blocks));
	layout_end_list(layout);
}

/* "live 212 MB in 1 204 blocks", or "live ≈ 212 MB ± 7.1 MB in ≈ 1 204 blocks". */
static void put_live(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	const struct snapshot_counts *counts = &process->counts;
	struct estimate estimate = estimate_live(&process->sampled, counts->live_bytes);
	const char *about = process->sampled.bytes ? "≈ " : "";
	char bytes[UNITS_BUFFER], blocks[UNITS_BUFFER], range[ESTIMATE_TEXT];

	estimate_text(&estimate, counts->live_bytes, range);
	layout_item(&text->layout, STYLE_HEADING, "live %s%s%s%s in %s%s block%s", about,
		    units_format_bytes(bytes, sizeof(bytes), counts->live_bytes),
		    range[0] ? " " : "", range, about,
		    units_format_count(blocks, sizeof(blocks), counts->live_blocks),
		    counts->live_blocks == 1 ? "" : "s");
}

/* What was given up to keep to --max-overhead. */
static void put_given_up(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	char line[TIER_TEXT + 32], said[TIER_TEXT];

	for (size_t i = 0; i < process->tier_count; i++) {
		tier_text(&process->tiers[i], text->row.snapshot->start_ns, said);
		snprintf(line, sizeof(line), "less is traced: %s.", said);
		layout_put(&text->layout, STYLE_NOTICE, "!");
		layout_paragraph(&text->layout, STYLE_NOTICE, 2, line);
	}
}

/* "counted: 4 310 221 blocks (12.3 GB) asked for, 4 309 118 frees" */
static void put_called(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	char blocks[UNITS_BUFFER], bytes[UNITS_BUFFER], frees[UNITS_BUFFER];

	if (process->called_blocks || process->called_frees)
		layout_item(&text->layout, STYLE_PLAIN, "counted %s allocations of %s, %s frees",
			    units_format_count(blocks, sizeof(blocks), process->called_blocks),
			    units_format_bytes(bytes, sizeof(bytes), process->called_bytes),
			    units_format_count(frees, sizeof(frees), process->called_frees));
}

/* "live 212 MB in 1 204 blocks · resident 3.34 GB (peak 3.34 GB) · …" */
void text_totals(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	const struct snapshot_mappings *mappings = &process->mappings;
	char a[UNITS_BUFFER], b[UNITS_BUFFER];
	struct layout *layout = &text->layout;

	layout_begin_list(layout, 0);
	put_live(text);
	put_called(text);
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
	put_inherited(text);
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
		else if (!text->row.process->unwatched_ns)
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

int text_process(struct text *text)
{
	struct reconcile reconcile;
	int r;

	text_home(text);
	text_totals(text);
	put_given_up(text);
	reconcile_find(text->row.snapshot, text->row.process, &reconcile);
	if (!text->row.process->whole && reconcile.name != RECONCILE_UNKNOWN)
		layout_paragraph(&text->layout, reconcile.name == RECONCILE_KEPT ? STYLE_NOTICE :
				 STYLE_PLAIN, INDENT, reconcile.text);
	if (text->options->timeline)
		timeline_text(text);
	r = put_tables(text);
	return r < 0 ? r : text_mapped_table(text);
}

static int put_one(struct text *text)
{
	char name[128];

	text->row.process = &text->row.snapshot->processes[0];
	layout_begin_list(&text->layout, 0);
	layout_item(&text->layout, STYLE_HEADING, "%s",
		    text_process_name(text->row.process, name, sizeof(name)));
	text_quality(text);
	return text_process(text);
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

	if (options->sort && !report_sorts_by(options->sort))
		return -EINVAL;
	text_window(&text);
	if (snapshot->process_count == 0)
		r = put_none(&text);
	else
		r = snapshot->process_count == 1 && !snapshot->past.processes ? put_one(&text) :
										text_processes(&text);
	holders_free(&holders);
	return r < 0 ? r : output_finish(&text.layout.output);
}
