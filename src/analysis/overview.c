/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/overview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/trend.h"

#define VERDICT_SITES 8	 /* looked at of a process: those that hold most */
#define RATE_POINTS 8	 /* of the series, at least, before there is a rate */
#define MATTERS 100	 /* a site that grows counts from a hundredth of the live bytes on */

/* --- one process ----------------------------------------------------------------- */

static const struct snapshot_process *whole_of(const struct snapshot_process *process)
{
	return process->whole ? process->whole : process;
}

/* How live bytes went in the last half of its life, a bump at the start does not count. */
static void find_rate(const struct snapshot_process *process, struct process_verdict *verdict)
{
	struct trend_series series = { .count = 0 };
	double interval = (double)process->series_interval_ns / 1e9, slope;
	size_t points = process->series_count < SNAPSHOT_SERIES_POINTS ? process->series_count
								       : SNAPSHOT_SERIES_POINTS;

	if (process->exited || points < RATE_POINTS)
		return;
	for (size_t i = 0; i < points; i++)
		trend_add(&series, (double)(i + 1) * interval, (double)process->live_bytes_series[i]);
	if (series.count < RATE_POINTS)
		return;
	slope = trend_slope(&series, series.time_s[series.count / 2]);
	verdict->rated = true;
	verdict->rate.growth = slope >= (double)INT64_MAX    ? INT64_MAX
			       : slope <= -(double)INT64_MAX ? -INT64_MAX
							     : (int64_t)slope;
}

/* The sites with most live bytes, largest first. Returns how many. */
static size_t largest_sites(const struct snapshot_process *process,
			    const struct snapshot_site *ret_sites[VERDICT_SITES])
{
	size_t count = 0, at;

	for (size_t i = 0; i < process->site_count; i++) {
		const struct snapshot_site *site = &process->sites[i];

		if (!site->counts.live_blocks)
			continue;
		for (at = count; at > 0; at--) {
			if (ret_sites[at - 1]->counts.live_bytes >= site->counts.live_bytes)
				break;
			if (at < VERDICT_SITES)
				ret_sites[at] = ret_sites[at - 1];
		}
		if (at < VERDICT_SITES)
			ret_sites[at] = site;
		count += count < VERDICT_SITES;
	}
	return count;
}

void process_verdict_find(const struct snapshot *snapshot, const struct snapshot_process *process,
			  struct process_verdict *ret_verdict)
{
	const struct snapshot_site *sites[VERDICT_SITES];
	struct pattern pattern;
	size_t count;

	process = whole_of(process);
	*ret_verdict = (struct process_verdict){ .name = PATTERN_UNKNOWN };
	find_rate(process, ret_verdict);
	count = largest_sites(process, sites);
	for (size_t i = 0; i < count; i++) {
		if (i && sites[i]->counts.live_bytes < process->counts.live_bytes / MATTERS)
			break;
		pattern_find(snapshot, process, sites[i], &pattern);
		if (i == 0 || pattern.name == PATTERN_GROWING)
			ret_verdict->name = pattern.name;
		if (pattern.name == PATTERN_GROWING)
			break;
	}
}

/* --- groups ------------------------------------------------------------------------- */

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Which program, called what, where. */
static int compare_kind(const struct snapshot_process *a, const struct snapshot_process *b)
{
	int order = compare_texts(a->exe, b->exe);

	if (order == 0)
		order = compare_texts(a->comm, b->comm);
	if (order == 0)
		order = compare_texts(a->home.container, b->home.container);
	return order ? order : compare_texts(a->home.cgroup, b->home.cgroup);
}

/* By kind, those that run first, then by what they hold. */
static int compare_members(const void *left, const void *right)
{
	const struct snapshot_process *a = ((const struct overview_member *)left)->process;
	const struct snapshot_process *b = ((const struct overview_member *)right)->process;
	int order = compare_kind(a, b);

	if (order)
		return order;
	if (a->exited != b->exited)
		return a->exited ? 1 : -1;
	if (a->counts.live_bytes != b->counts.live_bytes)
		return a->counts.live_bytes > b->counts.live_bytes ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void add_process(struct snapshot_process *sum, const struct snapshot_process *process)
{
	/* The one parent of all that inherited anything. */
	if (process->forked_blocks)
		sum->forked_from = !sum->forked_blocks ||
				   sum->forked_from == process->forked_from ?
					   process->forked_from : 0;
	sum->counts.live_bytes += process->counts.live_bytes;
	sum->counts.live_blocks += process->counts.live_blocks;
	sum->counts.allocated_bytes += process->counts.allocated_bytes;
	sum->counts.allocated_blocks += process->counts.allocated_blocks;
	sum->counts.freed_bytes += process->counts.freed_bytes;
	sum->counts.freed_blocks += process->counts.freed_blocks;
	snapshot_add_sampled(&sum->sampled, &process->sampled);
	sum->called_blocks += process->called_blocks;
	sum->called_bytes += process->called_bytes;
	sum->called_frees += process->called_frees;
	sum->inherited_bytes += process->inherited_bytes;
	sum->inherited_blocks += process->inherited_blocks;
	sum->forked_bytes += process->forked_bytes;
	sum->forked_blocks += process->forked_blocks;
	sum->failed_calls += process->failed_calls;
	sum->rss_bytes += process->rss_bytes;
	sum->peak_rss_bytes += process->peak_rss_bytes;
	sum->running_threads += process->running_threads;
	sum->mappings.live_bytes += process->mappings.live_bytes;
	sum->mappings.live_ranges += process->mappings.live_ranges;
	sum->mappings.allocator_backing_bytes += process->mappings.allocator_backing_bytes;
}

static void add_verdict(struct process_verdict *sum, const struct process_verdict *verdict)
{
	if (verdict->name == PATTERN_GROWING)
		sum->name = PATTERN_GROWING;
	if (verdict->rated) {
		sum->rated = true;
		__builtin_add_overflow(sum->rate.growth, verdict->rate.growth, &sum->rate.growth);
	}
}

static void sum_up(struct overview_group *group)
{
	const struct snapshot_process *first = group->members[0].process;
	size_t counted = group->running ? group->running : group->count;

	group->sum = (struct snapshot_process){
		.pid = first->pid,
		.comm = first->comm,
		.exe = first->exe,
		.home = first->home,
		.exited = group->running == 0,
		.whole = first->whole,
	};
	group->verdict.name = group->members[0].verdict.name;
	for (size_t i = 0; i < counted; i++) {
		add_process(&group->sum, group->members[i].process);
		add_verdict(&group->verdict, &group->members[i].verdict);
	}
	for (size_t i = group->running; i < group->count; i++) {
		group->ended_bytes += group->members[i].process->counts.live_bytes;
		group->ended_blocks += group->members[i].process->counts.live_blocks;
	}
}

/* --- their order ----------------------------------------------------------------------- */

struct order {
	const struct snapshot *snapshot;
	const struct column *column;
};

static uint64_t rank_of(const struct order *order, const struct overview_group *group)
{
	const struct row row = {
		.snapshot = order->snapshot,
		.process = &group->sum,
		.rate = group->verdict.rated ? &group->verdict.rate : NULL,
	};

	return order->column ? column_rank(order->column, order->column->get(&row), false) : 0;
}

static int compare_groups(const void *left, const void *right, void *context)
{
	const struct overview_group *a = left, *b = right;
	uint64_t rank_a = rank_of(context, a), rank_b = rank_of(context, b);

	if ((a->running == 0) != (b->running == 0))
		return a->running ? -1 : 1;
	if (rank_a != rank_b)
		return rank_a > rank_b ? -1 : 1;
	if (a->sum.counts.live_bytes != b->sum.counts.live_bytes)
		return a->sum.counts.live_bytes > b->sum.counts.live_bytes ? -1 : 1;
	return a->members < b->members ? -1 : a->members > b->members;
}

static size_t group_end(const struct overview *overview, size_t from, size_t count, bool apart)
{
	const struct snapshot_process *first = overview->members[from].process;
	size_t to = from + 1;

	while (!apart && to < count && compare_kind(first, overview->members[to].process) == 0)
		to++;
	return to;
}

int overview_find(const struct snapshot *snapshot, const struct column *column, bool apart,
		  struct overview *ret_overview)
{
	size_t count = snapshot->process_count, to;
	struct order order = { snapshot, column };
	struct overview overview = {
		.members = calloc(count + 1, sizeof(*overview.members)),
		.groups = calloc(count + 1, sizeof(*overview.groups)),
	};

	if (!overview.members || !overview.groups) {
		overview_free(&overview);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		overview.members[i].process = &snapshot->processes[i];
		process_verdict_find(snapshot, &snapshot->processes[i], &overview.members[i].verdict);
	}
	qsort(overview.members, count, sizeof(*overview.members), compare_members);
	for (size_t from = 0; from < count; from = to) {
		struct overview_group *group = &overview.groups[overview.count++];

		to = group_end(&overview, from, count, apart);
		group->members = &overview.members[from];
		group->count = to - from;
		while (group->running < group->count &&
		       !group->members[group->running].process->exited)
			group->running++;
		sum_up(group);
	}
	qsort_r(overview.groups, overview.count, sizeof(*overview.groups), compare_groups, &order);
	*ret_overview = overview;
	return 0;
}

void overview_free(struct overview *overview)
{
	free(overview->members);
	free(overview->groups);
	memset(overview, 0, sizeof(*overview));
}
