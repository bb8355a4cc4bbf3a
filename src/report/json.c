/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for programs. Field names and meanings are promised under `schema`. */
#include <errno.h>
#include <stdlib.h>

#include "analysis/columns.h"
#include "analysis/estimate.h"
#include "analysis/overview.h"
#include "analysis/pattern.h"
#include "analysis/reconcile.h"
#include "analysis/stack.h"
#include "analysis/tiers.h"
#include "base/cleanup.h"
#include "report/formats.h"
#include "report/json.h"
#include "report/timeline.h"
#include "stream/loss.h"
#include "stream/stack_status.h"
#include "target/allocators.h"
#include "target/home.h"

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

static void write_moment(struct json *json, const char *time, const char *name, uint64_t time_ns,
			 const struct snapshot *snapshot, const char *mark)
{
	if (time_ns == UINT64_MAX)
		json_null(json, time);
	else
		json_number(json, time,
			    time_ns > snapshot->start_ns ? time_ns - snapshot->start_ns : 0);
	json_string(json, name, mark[0] ? mark : NULL);
}

/* Times are since the first event. */
static void write_window(struct json *json, const struct snapshot *snapshot)
{
	const struct snapshot_window *window = &snapshot->window;

	if (!window->set && !window->at_set) {
		json_null(json, "window");
		return;
	}
	json_object(json, "window");
	write_moment(json, "from_ns", "from", window->from_ns, snapshot, window->from);
	write_moment(json, "to_ns", "to", window->to_ns, snapshot, window->to);
	write_moment(json, "at_ns", "at", snapshot->now_ns, snapshot, window->at);
	json_end_object(json);
}

static void write_marks(struct json *json, const struct snapshot *snapshot)
{
	json_array(json, "marks");
	for (size_t i = 0; i < snapshot->mark_count; i++) {
		json_object(json, NULL);
		json_string(json, "name", snapshot->marks[i].name);
		json_number(json, "time_ns", snapshot->marks[i].time_ns - snapshot->start_ns);
		json_end_object(json);
	}
	json_end_array(json);
	json_number(json, "more_marks", snapshot->marks_left_out);
}

void json_capture(struct json *json, const struct snapshot *snapshot,
		  const struct report_options *options)
{
	json_object(json, "capture");
	json_string(json, "kind", options->kind);
	json_string(json, "kernel", options->kernel);
	json_number(json, "duration_ns", options->duration_ns);
	json_number(json, "sample_bytes", options->sample_bytes);
	json_string(json, "stacks", options->stacks);
	write_window(json, snapshot);
	write_marks(json, snapshot);
	json_end_object(json);
}

void json_quality(struct json *json, const struct snapshot_quality *quality)
{
	uint64_t errors = 0;

	for (unsigned int i = 0; i < WIRE_STACK_STATUS_COUNT; i++) {
		if (i != WIRE_STACK_COMPLETE && i != WIRE_STACK_TRUNCATED)
			errors += quality->stacks_by_status[i];
	}
	json_object(json, "quality");
	json_number(json, "events", quality->events);
	for (unsigned int i = 0; i < WIRE_LOSS_COUNT; i++)
		json_number(json, loss_causes[i].name, quality->lost[i]);
	json_number(json, "unapplied_events", quality->ledger_full);
	json_number(json, "unknown_frees", quality->unknown_frees);
	json_number(json, "cache_frees", quality->cache_frees);
	json_number(json, "alloc_over_live", quality->alloc_over_live);
	json_number(json, "unknown_stack_events", quality->unknown_stack_events);
	json_number(json, "stacks", quality->stacks);
	json_number(json, "complete_stacks", quality->stacks_by_status[WIRE_STACK_COMPLETE]);
	json_number(json, "truncated_stacks", quality->stacks_by_status[WIRE_STACK_TRUNCATED]);
	json_number(json, "unwind_errors", errors);
	json_object(json, "stack_endings");
	for (unsigned int i = 0; i < WIRE_STACK_STATUS_COUNT; i++)
		json_number(json, stack_statuses[i].name, quality->stacks_by_status[i]);
	json_end_object(json);
	json_number(json, "python_stacks", quality->python_stacks);
	json_number(json, "python_unread", quality->python_unread);
	json_number(json, "python_truncated", quality->python_truncated);
	json_end_object(json);
}

void json_frames(struct json *json, const struct stack *stack)
{
	json_array(json, "frames");
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		json_object(json, NULL);
		json_address(json, "address", frame->address);
		json_string(json, "symbol", frame->symbol);
		json_number(json, "offset", frame->offset);
		json_string(json, "module", frame->module);
		json_string(json, "file", frame->file);
		if (frame->line)
			json_number(json, "line", frame->line);
		else
			json_null(json, "line");
		json_string(json, "language", frame->language);
		json_bool(json, "inlined", frame->inlined);
		json_end_object(json);
	}
	json_end_array(json);
}

void json_pattern(struct json *json, const struct pattern *pattern)
{
	json_object(json, "pattern");
	json_string(json, "name", pattern_name(pattern->name));
	json_number(json, "threads", pattern->threads);
	json_number(json, "blocks_per_thread", pattern->blocks_per_thread);
	json_number(json, "replacements", pattern->replacements);
	if (pattern->name == PATTERN_GROWING)
		json_double(json, "growth_bytes_per_s", pattern->growth_bytes_per_s);
	else
		json_null(json, "growth_bytes_per_s");
	if (pattern->growth_range_known) {
		json_double(json, "growth_low_bytes_per_s", pattern->growth_low);
		json_double(json, "growth_high_bytes_per_s", pattern->growth_high);
	} else {
		json_null(json, "growth_low_bytes_per_s");
		json_null(json, "growth_high_bytes_per_s");
	}
	if (pattern->size_class >= 0)
		json_number(json, "size_class", (uint64_t)pattern->size_class);
	else
		json_null(json, "size_class");
	json_string(json, "text", pattern->text);
	json_end_object(json);
}

static void write_calls(struct json *json, const struct snapshot_site *site)
{
	uint64_t unknown = site->calls[0];

	json_object(json, "functions");
	for (unsigned int i = 1; i < SNAPSHOT_FUNCTIONS; i++) {
		if (i > alloc_function_count)
			unknown += site->calls[i]; /* of a newer version's recording */
		else if (site->calls[i])
			json_number(json, alloc_function_name((uint8_t)i), site->calls[i]);
	}
	if (unknown)
		json_number(json, "unknown", unknown);
	json_end_object(json);
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

/* Equal to live_bytes where every block was recorded. */
static void write_interval(struct json *json, const struct snapshot_sampled *sampled,
			   uint64_t live_bytes)
{
	struct estimate estimate = estimate_live(sampled, live_bytes);

	json_number(json, "live_bytes_low", estimate.low);
	json_number(json, "live_bytes_high", estimate.high);
	json_number(json, "recorded_live_blocks", sampled->live_blocks);
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
	write_interval(&w->json, &site->sampled, site->counts.live_bytes);
	write_calls(&w->json, site);
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

void json_known(struct json *json, const char *name, uint64_t value)
{
	if (value)
		json_number(json, name, value);
	else
		json_null(json, name);
}

/* A text of which "" means that it is not known, or that there is none. */
static void write_text(struct json *json, const char *name, const char *text)
{
	json_string(json, name, text && text[0] ? text : NULL);
}

/* Where it lives and whose it is. Its start is on the kernel's monotonic clock, its end
 * since the first event. */
static void write_home(struct writing *w, const struct snapshot *snapshot,
		       const struct snapshot_process *process)
{
	const struct snapshot_home *home = &process->home;
	struct json *json = &w->json;

	json_known(json, "start_ns", process->start_ns);
	if (process->exit_ns)
		json_number(json, "exit_ns", process->exit_ns - snapshot->start_ns);
	else
		json_null(json, "exit_ns");
	json_known(json, "parent_pid", home->parent_pid);
	json_known(json, "inner_pid", home->inner_pid);
	if (home->known && home->uid != SNAPSHOT_NO_UID)
		json_number(json, "uid", home->uid);
	else
		json_null(json, "uid");
	write_text(json, "user", home->user);
	write_text(json, "cgroup", home->cgroup);
	write_text(json, "container", home->container);
	json_array(json, "namespaces");
	for (unsigned int i = 0; i < HOME_NAMESPACES; i++) {
		if (home->namespaces & 1u << i)
			json_string(json, NULL, home_namespaces[i]);
	}
	json_end_array(json);
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

static void write_process_verdict(struct json *json, const struct process_verdict *verdict)
{
	json_string(json, "verdict", pattern_name(verdict->name));
	if (verdict->rated)
		json_double(json, "growth_bytes_per_s", (double)verdict->rate.growth);
	else
		json_null(json, "growth_bytes_per_s");
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
	write_home(w, snapshot, process);
	write_process_verdict(json, &verdict);
	json_number(json, "live_bytes", counts->live_bytes);
	json_number(json, "live_blocks", counts->live_blocks);
	write_interval(json, &process->sampled, counts->live_bytes);
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
	json_end_object(json);
	return r;
}

/* Processes of one program in one place, such as a server's workers. */
static void write_group(struct json *json, const struct overview_group *group)
{
	static const struct snapshot_sampled nothing;
	const struct snapshot_process *sum = &group->sum;

	json_object(json, NULL);
	json_string(json, "comm", sum->comm ? sum->comm : "");
	json_string(json, "exe", sum->exe ? sum->exe : "");
	write_text(json, "cgroup", sum->home.cgroup);
	write_text(json, "container", sum->home.container);
	json_number(json, "running", group->running);
	json_number(json, "exited", group->count - group->running);
	json_number(json, "live_bytes", group->running ? sum->counts.live_bytes : 0);
	json_number(json, "live_blocks", group->running ? sum->counts.live_blocks : 0);
	write_interval(json, group->running ? &sum->sampled : &nothing,
		       group->running ? sum->counts.live_bytes : 0);
	json_number(json, "exited_live_bytes", group->ended_bytes);
	json_number(json, "exited_live_blocks", group->ended_blocks);
	json_known(json, "rss_bytes", group->running ? sum->rss_bytes : 0);
	write_process_verdict(json, &group->verdict);
	json_array(json, "pids");
	for (size_t i = 0; i < group->count; i++)
		json_number(json, NULL, group->members[i].process->pid);
	json_end_array(json);
	json_end_object(json);
}

/* Of these only the sum was kept. */
static void write_past(struct json *json, const struct snapshot_past *past)
{
	json_object(json, "more_exited");
	json_number(json, "count", past->processes);
	json_number(json, "live_bytes", past->counts.live_bytes);
	json_number(json, "live_blocks", past->counts.live_blocks);
	json_number(json, "allocated_bytes", past->counts.allocated_bytes);
	json_number(json, "allocated_blocks", past->counts.allocated_blocks);
	json_number(json, "freed_bytes", past->counts.freed_bytes);
	json_number(json, "freed_blocks", past->counts.freed_blocks);
	json_number(json, "failed_calls", past->failed_calls);
	json_end_object(json);
}

static int write_groups(struct json *json, const struct snapshot *snapshot)
{
	struct overview overview;
	int r = overview_find(snapshot, NULL, false, &overview);

	if (r < 0)
		return r;
	json_array(json, "groups");
	for (size_t i = 0; i < overview.count; i++)
		write_group(json, &overview.groups[i]);
	json_end_array(json);
	overview_free(&overview);
	return 0;
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
	write_past(&w.json, &snapshot->past);
	if (r == 0)
		r = write_groups(&w.json, snapshot);
	json_end_object(&w.json);
	holders_free(&holders);
	return r < 0 ? r : output_finish(&w.json.output);
}
