/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that JSON documents of several kinds, or parts of one, have in common. */
#include "analysis/estimate.h"
#include "report/json.h"
#include "stream/loss.h"
#include "stream/stack_status.h"
#include "target/allocators.h"
#include "target/home.h"

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

void json_calls(struct json *json, const struct snapshot_site *site)
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

void json_interval(struct json *json, const struct snapshot_sampled *sampled, uint64_t live_bytes)
{
	struct estimate estimate = estimate_live(sampled, live_bytes);

	json_number(json, "live_bytes_low", estimate.low);
	json_number(json, "live_bytes_high", estimate.high);
	json_number(json, "recorded_live_blocks", sampled->live_blocks);
}

void json_known(struct json *json, const char *name, uint64_t value)
{
	if (value)
		json_number(json, name, value);
	else
		json_null(json, name);
}

void json_text(struct json *json, const char *name, const char *text)
{
	json_string(json, name, text && text[0] ? text : NULL);
}

void json_home(struct json *json, const struct snapshot *snapshot,
	       const struct snapshot_process *process)
{
	const struct snapshot_home *home = &process->home;

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
	json_text(json, "user", home->user);
	json_text(json, "cgroup", home->cgroup);
	json_text(json, "container", home->container);
	json_array(json, "namespaces");
	for (unsigned int i = 0; i < HOME_NAMESPACES; i++) {
		if (home->namespaces & 1u << i)
			json_string(json, NULL, home_namespaces[i]);
	}
	json_end_array(json);
}

void json_process_verdict(struct json *json, const struct process_verdict *verdict)
{
	json_string(json, "verdict", pattern_name(verdict->name));
	if (verdict->rated)
		json_double(json, "growth_bytes_per_s", (double)verdict->rate.growth);
	else
		json_null(json, "growth_bytes_per_s");
}
