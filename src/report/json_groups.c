/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that are alike, in JSON: what they are together, and what was not kept apart. */
#include <errno.h>
#include <stdlib.h>

#include "analysis/merge.h"
#include "base/cleanup.h"
#include "report/json.h"

static void write_parts(struct json *json, const struct merged_site *merged)
{
	json_array(json, "processes");
	for (size_t i = 0; i < merged->part_count; i++) {
		const struct merged_part *part = &merged->parts[i];

		json_object(json, NULL);
		json_number(json, "pid", part->process->pid);
		json_number(json, "site", part->site->id);
		json_number(json, "live_bytes", part->site->counts.live_bytes);
		json_number(json, "live_blocks", part->site->counts.live_blocks);
		json_end_object(json);
	}
	json_end_array(json);
}

/* The pattern is that of the part that holds most. */
static void write_site(struct json *json, const struct snapshot *snapshot,
		       const struct report_options *options, const struct merged_site *merged)
{
	const struct snapshot_counts *counts = &merged->site.counts;
	const struct merged_part *most = &merged->parts[0];
	struct pattern pattern;
	struct stack stack;

	pattern_find(snapshot, most->process, most->site, &pattern);
	stack_resolve(options->frames, options->native, most->process, most->site, &stack);
	json_object(json, NULL);
	json_number(json, "live_bytes", counts->live_bytes);
	json_number(json, "live_blocks", counts->live_blocks);
	json_interval(json, &merged->site.sampled, counts->live_bytes);
	json_number(json, "allocated_bytes", counts->allocated_bytes);
	json_number(json, "allocated_blocks", counts->allocated_blocks);
	json_number(json, "freed_blocks", counts->freed_blocks);
	json_number(json, "largest_block_bytes", merged->site.largest_live_bytes);
	json_number(json, "holding_processes", merged->holding_processes);
	json_calls(json, &merged->site);
	write_parts(json, merged);
	json_pattern(json, &pattern);
	json_frames(json, &stack);
	json_end_object(json);
}

/* One process has its sites in "processes". */
static int write_sites(struct json *json, const struct snapshot *snapshot,
		       const struct report_options *options, const struct overview_group *group)
{
	size_t count = group->running ? group->running : group->count, shown;
	CLEANUP_FREE const struct snapshot_process **processes = calloc(count, sizeof(*processes));
	struct merge merge = { .site_count = 0 };
	int r = processes ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && r == 0; i++)
		processes[i] = group->members[i].process;
	if (r == 0 && count > 1)
		r = merge_sites(processes, count, &merge);
	if (r < 0)
		return r;
	shown = options->rows && options->rows < merge.site_count ? options->rows : merge.site_count;
	json_array(json, "sites");
	for (size_t i = 0; i < shown; i++)
		write_site(json, snapshot, options, &merge.sites[i]);
	json_end_array(json);
	merge_free(&merge);
	return 0;
}

static int write_group(struct json *json, const struct snapshot *snapshot,
		       const struct report_options *options, const struct overview_group *group)
{
	static const struct snapshot_sampled nothing;
	const struct snapshot_process *sum = &group->sum;
	int r;

	json_object(json, NULL);
	json_string(json, "comm", sum->comm ? sum->comm : "");
	json_string(json, "exe", sum->exe ? sum->exe : "");
	json_text(json, "cgroup", sum->home.cgroup);
	json_text(json, "container", sum->home.container);
	json_number(json, "running", group->running);
	json_number(json, "exited", group->count - group->running);
	json_number(json, "live_bytes", group->running ? sum->counts.live_bytes : 0);
	json_number(json, "live_blocks", group->running ? sum->counts.live_blocks : 0);
	json_interval(json, group->running ? &sum->sampled : &nothing,
		       group->running ? sum->counts.live_bytes : 0);
	json_number(json, "exited_live_bytes", group->ended_bytes);
	json_number(json, "exited_live_blocks", group->ended_blocks);
	json_known(json, "rss_bytes", group->running ? sum->rss_bytes : 0);
	json_process_verdict(json, &group->verdict);
	json_array(json, "pids");
	for (size_t i = 0; i < group->count; i++)
		json_number(json, NULL, group->members[i].process->pid);
	json_end_array(json);
	r = write_sites(json, snapshot, options, group);
	json_end_object(json);
	return r;
}

void json_past(struct json *json, const struct snapshot_past *past)
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

int json_groups(struct json *json, const struct snapshot *snapshot,
		const struct report_options *options)
{
	struct overview overview;
	int r = overview_find(snapshot, NULL, false, &overview);

	if (r < 0)
		return r;
	json_array(json, "groups");
	for (size_t i = 0; i < overview.count && r == 0; i++)
		r = write_group(json, snapshot, options, &overview.groups[i]);
	json_end_array(json);
	overview_free(&overview);
	return r;
}
