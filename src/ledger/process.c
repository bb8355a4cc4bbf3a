/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct process *process_new(uint32_t row, uint32_t pid, uint64_t seed, uint64_t now_ns)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->row = row;
	process->pid = pid;
	process->first_ns = now_ns;
	process->last_ns = now_ns;
	blocks_init(&process->blocks, seed);
	series_clock_start(&process->clock, now_ns);
	return process;
}

void process_free(struct process *process)
{
	if (!process)
		return;
	threads_free(&process->threads);
	stacks_free(&process->stacks);
	python_stacks_free(&process->python_stacks);
	sites_free(&process->sites);
	modules_clear(&process->modules);
	blocks_free(&process->blocks);
	seen_free(&process->seen);
	ranges_free(&process->ranges);
	home_free(&process->home);
	free(process->exe);
	free(process);
}

bool process_started_at(const struct process *process, uint64_t start_ns, bool exact)
{
	uint64_t apart;

	if (start_ns == 0 || process->start_ns == 0)
		return true;
	apart = start_ns > process->start_ns ? start_ns - process->start_ns
					     : process->start_ns - start_ns;
	return apart <= (exact && process->start_exact ? 0 : PROCESS_START_SLACK_NS);
}

void process_set_start(struct process *process, uint64_t start_ns, bool exact)
{
	if (start_ns == 0 || (process->start_exact && !exact))
		return;
	process->start_ns = start_ns;
	process->start_exact = exact;
}

void process_catch_up(const struct process *process, const struct series_clock *clock,
		      struct series *live_bytes, struct series *live_blocks,
		      struct series *resident)
{
	series_catch_up(live_bytes, clock, process->counts.live_bytes);
	series_catch_up(live_blocks, clock, weight_blocks(process->counts.live_blocks));
	series_catch_up(resident, clock, process->rss_bytes);
}

/* Whatever changes next is still as it was at the ticks that have passed. */
static void advance(struct process *process, uint64_t now_ns)
{
	if (now_ns < process->clock.next_ns)
		return;
	series_clock_advance(&process->clock, now_ns);
	process_catch_up(process, &process->clock, &process->live_bytes_series,
			 &process->live_blocks_series, &process->resident_series);
}

void process_touch(struct process *process, uint64_t now_ns)
{
	if (now_ns > process->last_ns)
		process->last_ns = now_ns;
	advance(process, now_ns);
}

void process_add_late(struct process *process, const struct weight *weight, uint64_t birth_ns)
{
	series_raise(&process->live_bytes_series, &process->clock, weight->bytes, birth_ns);
	series_raise(&process->live_blocks_series, &process->clock, weight_blocks(weight->blocks),
		     birth_ns);
}

void process_set_resident(struct process *process, uint64_t rss_bytes, uint64_t peak_bytes,
			  uint64_t now_ns)
{
	if (!process->exited)
		advance(process, now_ns);
	process->rss_bytes = rss_bytes;
	if (peak_bytes > process->peak_rss_bytes)
		process->peak_rss_bytes = peak_bytes;
}

void process_exec(struct process *process, uint32_t tid, uint64_t now_ns)
{
	process->dropped_blocks += weight_blocks(process->counts.live_blocks);
	process->dropped_bytes += process->counts.live_bytes;
	process->counts.live_blocks = 0;
	process->counts.live_bytes = 0;
	process->inherited_blocks = 0;
	process->inherited_bytes = 0;
	process->exec_ns = now_ns;
	process->brk_start = 0;
	process->brk_end = 0;
	memset(&process->python, 0, sizeof(process->python));
	sites_empty(&process->sites, &process->clock, now_ns);
	for (size_t i = 0; i < process->threads.count; i++) {
		process->threads.rows[i].counts.live_blocks = 0;
		process->threads.rows[i].counts.live_bytes = 0;
	}
	threads_exit_all(&process->threads, tid, now_ns);
	blocks_clear(&process->blocks);
	ranges_free(&process->ranges);
	modules_move_all(&process->modules, &process->stacks);
}

void process_exit(struct process *process, uint64_t now_ns)
{
	if (process->exited)
		return;
	process->exited = true;
	process->exit_ns = now_ns;
	threads_exit_all(&process->threads, 0, now_ns);
}

/* Unless the child told for itself already. */
static int inherit_program(struct process *child, const struct process *parent)
{
	int result = home_inherit(&child->home, &parent->home, parent->pid);

	if (!child->comm[0])
		memcpy(child->comm, parent->comm, sizeof(child->comm));
	if (result == 0 && !child->exe && parent->exe) {
		child->exe = strdup(parent->exe);
		result = child->exe ? 0 : -ENOMEM;
	}
	if (child->modules.count || result < 0)
		return result;
	child->python = parent->python;
	return modules_copy(&child->modules, &parent->modules);
}

/* What the parent mapped is from before the child's own time. */
static int inherit_ranges(struct process *child, const struct process *parent)
{
	struct range range;
	uint64_t from = 0;
	int result = 0;

	while (result == 0 && range_tree_first(&parent->ranges.tree, from, &range)) {
		from = range.end;
		result = ranges_map(&child->ranges, range.start, range.end - range.start,
				    child->first_ns, child->first_ns, RANGE_BEFORE, 0);
	}
	child->brk_start = parent->brk_start;
	child->brk_end = parent->brk_end;
	return result;
}

int process_inherit(struct process *child, struct process *parent, bool shares)
{
	int result = inherit_program(child, parent);

	child->forked = true;
	child->forked_from = parent->pid;
	if (result == 0)
		result = inherit_ranges(child, parent);
	/* A child that made blocks before it was forked: this is told much too late. */
	if (result < 0 || shares || child->blocks.count)
		return result;
	/* It begins with as little traced. */
	memcpy(child->tiers, parent->tiers, sizeof(child->tiers));
	child->tier_count = parent->tier_count;
	child->unwatched_ns = parent->unwatched_ns;
	/* Of sampled blocks only the parent's own frees are recorded. */
	if (parent->sampled)
		return 0;
	result = blocks_share(&child->blocks, &parent->blocks);
	if (result < 0)
		return result;
	child->inherited_blocks = child->forked_blocks = parent->blocks.count;
	child->inherited_bytes = child->forked_bytes =
		parent->counts.live_bytes + parent->inherited_bytes;
	return 0;
}
