/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The diff for programs: every call path, changed or not. Names and meanings are promised
 * under `schema`. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "report/diff.h"
#include "report/json.h"

struct writing {
	struct json json;
	const struct diff_report *report;
	struct stack stack;
};

static const char *const side_names[DIFF_SIDES] = { "before", "after" };

static void write_side(struct writing *w, unsigned int side)
{
	const struct snapshot *snapshot = w->report->diff->sides[side].snapshot;

	json_object(&w->json, side_names[side]);
	json_string(&w->json, "file", w->report->files[side]);
	json_capture(&w->json, snapshot, &w->report->sides[side]);
	json_quality(&w->json, &snapshot->quality);
	json_end_object(&w->json);
}

static void write_counts(struct writing *w, const struct snapshot_counts *counts, unsigned int side)
{
	double seconds = (double)w->report->diff->sides[side].duration_ns / 1e9;
	struct json *json = &w->json;

	json_number(json, "live_bytes", counts->live_bytes);
	json_number(json, "live_blocks", counts->live_blocks);
	json_number(json, "allocated_bytes", counts->allocated_bytes);
	json_number(json, "allocated_blocks", counts->allocated_blocks);
	json_number(json, "freed_bytes", counts->freed_bytes);
	json_number(json, "freed_blocks", counts->freed_blocks);
	if (seconds > 0)
		json_double(json, "allocated_bytes_per_s", (double)counts->allocated_bytes / seconds);
	else
		json_null(json, "allocated_bytes_per_s");
}

static void write_part(struct writing *w, const struct diff_row *row, unsigned int side)
{
	const struct diff_part *part = &row->parts[side];
	struct pattern pattern;

	if (!part->site_count) {
		json_null(&w->json, side_names[side]);
		return;
	}
	pattern_find(w->report->diff->sides[side].snapshot, part->process, part->site, &pattern);
	json_object(&w->json, side_names[side]);
	json_number(&w->json, "sites", part->site_count);
	json_number(&w->json, "id", part->site->id);
	write_counts(w, &part->counts, side);
	json_pattern(&w->json, &pattern);
	json_end_object(&w->json);
}

static void write_stack(struct writing *w, const struct diff_row *row)
{
	unsigned int side = diff_row_side(row);
	const struct report_options *options = &w->report->sides[side];

	stack_resolve(options->frames, options->native, row->parts[side].process,
		      row->parts[side].site, &w->stack);
	json_frames(&w->json, &w->stack);
}

static void write_interval(struct json *json, struct estimate_change interval)
{
	json_signed(json, "live_bytes_change_low", interval.low);
	json_signed(json, "live_bytes_change_high", interval.high);
}

static void write_row(struct writing *w, const struct diff_row *row)
{
	struct json *json = &w->json;

	json_object(json, NULL);
	json_string(json, "change", diff_change_name(row->change));
	json_signed(json, "live_bytes_change", diff_row_bytes(row));
	write_interval(json, diff_row_interval(row));
	json_signed(json, "live_blocks_change",
		    diff_of(row->parts[DIFF_BEFORE].counts.live_blocks,
			    row->parts[DIFF_AFTER].counts.live_blocks));
	json_bool(json, "verdict_changed", row->verdict_changed);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		write_part(w, row, side);
	write_stack(w, row);
	json_end_object(json);
}

static void write_rows(struct writing *w, const struct diff_process *process)
{
	size_t limit = w->report->sides[DIFF_AFTER].rows, shown = process->row_count;
	uint64_t rest[DIFF_SIDES] = { 0 };

	if (limit && limit < shown)
		shown = limit;
	json_array(&w->json, "sites");
	for (size_t i = 0; i < process->row_count; i++) {
		const struct diff_row *row = &process->rows[i];

		if (i < shown) {
			write_row(w, row);
			continue;
		}
		rest[DIFF_BEFORE] += row->parts[DIFF_BEFORE].counts.live_bytes;
		rest[DIFF_AFTER] += row->parts[DIFF_AFTER].counts.live_bytes;
	}
	json_end_array(&w->json);
	json_object(&w->json, "more_sites");
	json_number(&w->json, "count", process->row_count - shown);
	json_signed(&w->json, "live_bytes_change", diff_of(rest[DIFF_BEFORE], rest[DIFF_AFTER]));
	json_end_object(&w->json);
}

static void write_program(struct writing *w, const struct diff_process *process, unsigned int side)
{
	const struct snapshot *snapshot = w->report->diff->sides[side].snapshot;
	const struct diff_program *program = &process->sides[side];

	if (!program->process_count) {
		json_null(&w->json, side_names[side]);
		return;
	}
	json_object(&w->json, side_names[side]);
	json_number(&w->json, "processes", program->process_count);
	json_number(&w->json, "pid", program->process->pid);
	json_string(&w->json, "comm", program->process->comm ? program->process->comm : "");
	json_string(&w->json, "exe", program->process->exe ? program->process->exe : "");
	write_counts(w, &program->counts, side);
	json_known(&w->json, "rss_bytes", program->rss_bytes);
	json_known(&w->json, "peak_rss_bytes", program->peak_rss_bytes);
	json_number(&w->json, "time_ns",
		    snapshot->now_ns > snapshot->start_ns ? snapshot->now_ns - snapshot->start_ns : 0);
	json_end_object(&w->json);
}

static void write_process(struct writing *w, const struct diff_process *process)
{
	const struct diff_program *before = &process->sides[DIFF_BEFORE];
	const struct diff_program *after = &process->sides[DIFF_AFTER];
	struct json *json = &w->json;

	json_object(json, NULL);
	json_string(json, "name", process->name);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		write_program(w, process, side);
	json_signed(json, "live_bytes_change",
		    diff_of(before->counts.live_bytes, after->counts.live_bytes));
	write_interval(json, diff_process_interval(process));
	json_signed(json, "live_blocks_change",
		    diff_of(before->counts.live_blocks, after->counts.live_blocks));
	if (before->rss_bytes && after->rss_bytes)
		json_signed(json, "rss_bytes_change", diff_of(before->rss_bytes, after->rss_bytes));
	else
		json_null(json, "rss_bytes_change");
	json_object(json, "changes");
	for (unsigned int change = 0; change < DIFF_CHANGES; change++)
		json_number(json, diff_change_name(change), process->changes[change]);
	json_end_object(json);
	write_rows(w, process);
	json_end_object(json);
}

int diff_json(FILE *file, const struct diff_report *report)
{
	CLEANUP_FREE struct writing *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->json = (struct json){ .output = { .file = file }, .inline_depth = 5 };
	w->report = report;
	json_object(&w->json, NULL);
	json_string(&w->json, "schema", "outlive/1");
	json_string(&w->json, "verb", "diff");
	json_string(&w->json, "matched_by", report->diff->one_trace ? "stack" : "name");
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		write_side(w, side);
	json_array(&w->json, "processes");
	for (size_t i = 0; i < report->diff->process_count; i++)
		write_process(w, &report->diff->processes[i]);
	json_end_array(&w->json);
	json_end_object(&w->json);
	return output_finish(&w->json.output);
}
