/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/life.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/pids.h"

int life_thread(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process =
		pids_get_started(ledger, event->pid, event->thread.process_start_ns, true, now_ns);

	if (!process)
		return -ENOMEM;
	process_touch(process, now_ns);
	if (event->kind == EVENT_EXEC) {
		process_exec(process, event->tid, now_ns);
		replaced_forget(&ledger->replaced, process->row);
	}
	if (event->tid == event->pid || !process->comm[0])
		memcpy(process->comm, event->thread.comm, sizeof(process->comm));
	return threads_introduce(&process->threads, event->tid, event->thread.thread_start_ns,
				 event->thread.comm, now_ns);
}

int life_fork(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *child;

	process->children++;
	/* A child that is not traced itself can never report its frees. */
	if (!(event->flags & WIRE_FOLLOWED) || event->fork.child_pid == event->pid)
		return 0;
	child = pids_get_started(ledger, event->fork.child_pid, event->fork.child_start_ns, true,
				 now_ns);
	if (!child)
		return -ENOMEM;
	if (child->forked)
		return 0;
	return process_inherit(child, process, event->flags & WIRE_SHARES_MEMORY);
}

void life_exit(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process = pids_find(ledger, event->pid);
	struct thread *thread;

	if (!process || process->exited)
		return;
	process_touch(process, now_ns);
	thread = threads_exit(&process->threads, event->tid, now_ns);
	if (thread && thread->start_ns > ledger->start_ns) {
		ledger->quality.unknown_frees -= thread->closing_frees;
		ledger->quality.cache_frees += thread->closing_frees;
		thread->closing_frees = 0;
	}
	if (event->exit.last_thread)
		pids_end(ledger, process, now_ns);
}

int life_process(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process =
		pids_get_started(ledger, event->pid, event->process.start_ns, false, now_ns);
	const char *exe = event->process.exe;

	if (!process)
		return -ENOMEM;
	process_touch(process, now_ns);
	if (exe && exe[0]) {
		char *copy = strndup(exe, PATH_MAX);

		if (!copy)
			return -ENOMEM;
		free(process->exe);
		process->exe = copy;
	}
	if (event->process.home && home_set(&process->home, event->process.home) < 0)
		return -ENOMEM;
	if (event->process.comm && event->process.comm[0]) {
		memset(process->comm, 0, sizeof(process->comm));
		memcpy(process->comm, event->process.comm,
		       strnlen(event->process.comm, sizeof(process->comm) - 1));
	}
	if (event->process.brk_end >= event->process.brk_start && event->process.brk_start) {
		process->brk_start = event->process.brk_start;
		process->brk_end = event->process.brk_end;
	}
	return 0;
}

void life_resident(struct ledger *ledger, const struct event *event)
{
	struct process *process = pids_find(ledger, event->pid);

	if (process)
		process_set_resident(process, event->resident.rss_bytes,
				     event->resident.peak_rss_bytes,
				     ledger_time(ledger, event->time_ns));
}

void life_calls(struct ledger *ledger, const struct event *event)
{
	struct process *process = pids_find(ledger, event->pid);

	if (!process)
		return;
	process->called_blocks = event->calls.blocks;
	process->called_bytes = event->calls.bytes;
	process->called_frees = event->calls.frees;
}

void life_tier(struct ledger *ledger, const struct event *event)
{
	struct process *process = pids_find(ledger, event->pid);
	uint64_t now_ns = ledger_time(ledger, event->time_ns);

	if (!process || event->tier.tier >= EVENT_TIER_COUNT)
		return;
	if (event->tier.tier >= EVENT_TIER_MMAP && !process->unwatched_ns)
		process->unwatched_ns = now_ns ? now_ns : 1;
	/* Of many the last is kept. */
	if (process->tier_count == SNAPSHOT_TIER_CHANGES)
		process->tier_count--;
	process->tiers[process->tier_count++] = (struct snapshot_tier){
		.time_ns = now_ns,
		.tier = event->tier.tier,
		.probes_stay = event->tier.probes_stay,
		.sample_bytes = event->tier.sample_bytes,
		.cost = event->tier.cost,
		.limit = event->tier.limit,
	};
}

void life_covered(struct ledger *ledger, const struct event *event)
{
	struct process *process = pids_find(ledger, event->pid);

	if (process && event->covered.after_ns > process->covered_after_ns)
		process->covered_after_ns = event->covered.after_ns;
}
