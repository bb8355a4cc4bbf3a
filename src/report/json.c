/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for programs. Field names and meanings are promised under `schema`. */
#include <errno.h>
#include <stdlib.h>

#include "analysis/columns.h"
#include "analysis/overview.h"
#include "analysis/pattern.h"
#include "analysis/reconcile.h"
#include "analysis/stack.h"
#include "analysis/tiers.h"
#include "base/cleanup.h"
#include "report/formats.h"
#include "report/json.h"
#include "report/timeline.h"
#include "stream/stack_status.h"

struct writing {
	struct json json;
	const struct report_options *options;
	struct row row; /* the process at hand and a place to count in */
	struct stack stack;
};

static void write_columns(struct writing *w, const struct table *table, const struct row *row)
{
	for (size_t i = 0; i < table->column_count; i++) {
		uint64_t value = table->columns[i].get(row);

		if (value == COLUMN_NONE)
			json_null(&w->json, table->columns[i].name);
		else
			json_number(&w->json, table->columns[i].name, value);
	}
}

static int write_holders(struct writing *w, const struct snapshot_site *site)
{
	const struct snapshot_process *process = w->row.process;
	int r = holders_find(w->row.holders, site);

	if (r < 0)
		return r;
	json_array(&w->json, "threads");
	for (size_t i = 0; i < w->row.holders->count; i++) {
		const struct holder *holder = &w->row.holders->rows[i];

		json_object(&w->json, NULL);
		json_number(&w->json, "tid", process->threads[holder->thread].tid);
		json_string(&w->json, "comm", process->threads[holder->thread].comm);
		json_number(&w->json, "live_bytes", holder->live_bytes);
		json_number(&w->json, "live_blocks", holder->live_blocks);
		json_end_object(&w->json);
	}
	json_end_array(&w->json);
	return 0;
}

static int write_site(struct writing *w, const struct row *row)
{
	const struct snapshot_site *site = row->site;
	struct pattern pattern;
	int r;

	pattern_find(row->snapshot, row->process, site, &pattern);
	stack_resolve(w->options->frames, w->options->native, row->process, site, &w->stack);
	json_object(&w->json, NULL);
	json_number(&w->json, "id", site->id);
	write_columns(w, &site_table, row);
	json_interval(&w->json, &site->sampled, site->counts.live_bytes);
	json_calls(&w->json, site);
	r = write_holders(w, site);
	if (r < 0)
		return r;
	json_pattern(&w->json, &pattern);
	json_string(&w->json, "stack", site->stack_known ?
		    stack_status_find(site->stack_status)->name : NULL);
	json_frames(&w->json, &w->stack);
	json_end_object(&w->json);
	return 0;
}

static int write_thread(struct writing *w, const struct row *row)
{
	json_object(&w->json, NULL);
	json_string(&w->json, "comm", row->thread->comm);
	json_string(&w->json, "state", row->thread->exited ? "exited" : "running");
	write_columns(w, &thread_table, row);
	json_end_object(&w->json);
	return 0;
}

/* The rows of a table in order; those beyond options->rows are summed up as `rest`. */
static int write_table(struct writing *w, const struct table *table, const char *name,
		       const char *rest, int (*write_row)(struct writing *, const struct row *))
{
	const struct column *column = w->options->sort ? column_find(table, w->options->sort) : NULL;
	CLEANUP_FREE uint32_t *order = NULL;
	uint64_t rest_bytes = 0;
	struct row row = w->row;
	size_t count, shown;
	int r;

	r = table_sort(table, column, &row, &order, &count);
	if (r < 0)
		return r;
	shown = w->options->rows && w->options->rows < count ? w->options->rows : count;
	json_array(&w->json, name);
	for (size_t i = 0; i < count; i++) {
		table->select(&row, order[i]);
		if (i >= shown) {
			rest_bytes += row.site ? row.site->counts.live_bytes :
						 row.thread->counts.live_bytes;
			continue;
		}
		r = write_row(w, &row);
		if (r < 0)
			return r;
	}
	json_end_array(&w->json);
	json_object(&w->json, rest);
	json_number(&w->json, "count", count - shown);
	json_number(&w->json, "live_bytes", rest_bytes);
	json_end_object(&w->json);
	return 0;
}

static void write_mappings(struct json *json, const struct snapshot_mappings *mappings)
{
	json_object(json, "mappings");
	json_number(json, "live_bytes", mappings->live_bytes);
	json_number(json, "live_ranges", mappings->live_ranges);
	json_number(json, "allocator_backing_bytes", mappings->allocator_backing_bytes);
	json_number(json, "brk_bytes", mappings->brk_bytes);
	json_number(json, "reserved_bytes", mappings->reserved_bytes);
	json_number(json, "stack_bytes", mappings->stack_bytes);
	json_number(json, "file_bytes", mappings->file_bytes);
	json_end_object(json);
}

static void write_resident(struct json *json, const struct snapshot *snapshot,
			   const struct snapshot_process *process)
{
	struct reconcile reconcile;

	reconcile_find(snapshot, process, &reconcile);
	json_object(json, "resident");
	json_number(json, "peak_live_bytes", reconcile.peak_live_bytes);
	json_number(json, "gap_bytes", reconcile.gap_bytes);
	json_number(json, "kept_bytes", reconcile.kept_bytes);
	json_string(json, "text", reconcile.text);
	json_end_object(json);
}

/* What was made and freed, unless the window is one by age. */
static void write_made(struct json *json, const char *name, uint64_t value,
		       const struct snapshot *snapshot)
{
	if (snapshot->window.set && !snapshot->window.made_known)
		json_null(json, name);
	else
		json_number(json, name, value);
}

/* What was given up, and when; times are since the first event. */
static void write_tiers(struct json *json, const struct snapshot *snapshot,
			const struct snapshot_process *process)
{
	const struct snapshot_tier *last =
		process->tier_count ? &process->tiers[process->tier_count - 1] : NULL;

	json_string(json, "tier", last ? tier_name(last->tier)
				  : process->sampled.bytes ? "sample" : "exact");
	if (process->unwatched_ns)
		json_number(json, "unwatched_since_ns", process->unwatched_ns - snapshot->start_ns);
	else
		json_null(json, "unwatched_since_ns");
	json_array(json, "given_up");
	for (size_t i = 0; i < process->tier_count; i++) {
		const struct snapshot_tier *tier = &process->tiers[i];
		char text[TIER_TEXT];

		json_object(json, NULL);
		json_number(json, "time_ns", tier->time_ns - snapshot->start_ns);
		json_string(json, "tier", tier_name(tier->tier));
		json_number(json, "sample_bytes", tier->sample_bytes);
		json_double(json, "cost_percent", tier->cost / 10.0);
		json_double(json, "limit_percent", tier->limit / 10.0);
		json_string(json, "text", tier_text(tier, snapshot->start_ns, text));
		json_end_object(json);
	}
	json_end_array(json);
}

/* Counted call by call, whatever was sampled of them. */
static void write_called(struct json *json, const struct snapshot_process *process)
{
	if (!process->called_blocks && !process->called_frees) {
		json_null(json, "called");
		return;
	}
	json_object(json, "called");
	json_number(json, "allocated_blocks", process->called_blocks);
	json_number(json, "allocated_bytes", process->called_bytes);
	json_number(json, "frees", process->called_frees);
	json_end_object(json);
}

static int write_process(struct writing *w, const struct snapshot *snapshot,
			 const struct snapshot_process *process)
{
	const struct snapshot_counts *counts = &process->counts;
	struct process_verdict verdict;
	struct json *json = &w->json;
	int r;

	w->row.process = process;
	process_verdict_find(snapshot, process, &verdict);
	json_object(json, NULL);
	json_number(json, "pid", process->pid);
	json_string(json, "comm", process->comm ? process->comm : "");
	json_string(json, "exe", process->exe ? process->exe : "");
	json_string(json, "state", process->exited ? "exited" : "running");
	json_home(json, snapshot, process);
	json_process_verdict(json, &verdict);
	json_number(json, "live_bytes", counts->live_bytes);
	json_number(json, "live_blocks", counts->live_blocks);
	json_interval(json, &process->sampled, counts->live_bytes);
	write_made(json, "allocated_bytes", counts->allocated_bytes, snapshot);
	write_made(json, "allocated_blocks", counts->allocated_blocks, snapshot);
	write_made(json, "freed_bytes", counts->freed_bytes, snapshot);
	write_made(json, "freed_blocks", counts->freed_blocks, snapshot);
	write_called(json, process);
	write_tiers(json, snapshot, process);
	json_number(json, "inherited_bytes", process->inherited_bytes);
	json_number(json, "inherited_blocks", process->inherited_blocks);
	json_number(json, "inherited_at_fork_bytes", process->forked_bytes);
	json_number(json, "inherited_at_fork_blocks", process->forked_blocks);
	json_known(json, "forked_from", process->forked_from);
	json_number(json, "covered_after_ns", process->covered_after_ns);
	json_number(json, "failed_calls", process->failed_calls);
	json_known(json, "rss_bytes", process->rss_bytes);
	json_known(json, "peak_rss_bytes", process->peak_rss_bytes);
	write_mappings(json, &process->mappings);
	write_resident(json, snapshot, process);
	if (w->options->timeline)
		timeline_json(json, &w->row);
	r = write_table(w, &thread_table, "threads", "more_threads", write_thread);
	if (r == 0)
		r = write_table(w, &site_table, "sites", "more_sites", write_site);
	json_mapped(json, w->options, process, &w->stack);
	json_end_object(json);
	return r;
}

int report_json(FILE *file, const struct snapshot *snapshot,
		const struct report_options *options)
{
	struct holders holders = { 0 };
	struct writing w = {
		.json = { .output = { .file = file }, .inline_depth = 5 },
		.options = options,
		.row = { .snapshot = snapshot, .holders = &holders },
	};
	int r = 0;

	if (options->sort && !report_sorts_by(options->sort))
		return -EINVAL;
	json_object(&w.json, NULL);
	json_string(&w.json, "schema", "outlive/1");
	json_string(&w.json, "verb", report_verb_name(options->verb));
	json_capture(&w.json, snapshot, options);
	json_quality(&w.json, &snapshot->quality);
	json_array(&w.json, "processes");
	for (size_t i = 0; i < snapshot->process_count && r == 0; i++)
		r = write_process(&w, snapshot, &snapshot->processes[i]);
	json_end_array(&w.json);
	json_past(&w.json, &snapshot->past);
	if (r == 0)
		r = json_groups(&w.json, snapshot, options);
	json_end_object(&w.json);
	holders_free(&holders);
	return r < 0 ? r : output_finish(&w.json.output);
}
