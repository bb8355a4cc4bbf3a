/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/past.h"

#define BLOCK_BYTES 40 /* see blocks.h */
#define MAP_BYTES 24   /* of an entry of a struct map, two thirds full */
#define MODULE_BYTES 256 /* with its three texts */

uint64_t process_weight(const struct process *process)
{
	const struct sites *sites = &process->sites;

	return sizeof(*process) + process->blocks.count * BLOCK_BYTES +
	       sites->count * (sizeof(*sites->rows) + MAP_BYTES) +
	       sites->class_count * sizeof(*sites->classes) +
	       sites->cell_count * (sizeof(*sites->cells) + MAP_BYTES) +
	       sites->series_count * sizeof(*sites->series) +
	       process->stacks.count * (sizeof(*process->stacks.rows) + MAP_BYTES) +
	       process->stacks.frame_count * sizeof(*process->stacks.frames) +
	       process->python_stacks.frame_count * sizeof(*process->python_stacks.frames) +
	       process->python_stacks.text_bytes +
	       process->threads.count * (sizeof(*process->threads.rows) + MAP_BYTES) +
	       process->modules.count * MODULE_BYTES;
}

void past_add(struct past *past, const struct process *process)
{
	const struct past_process row = {
		.row = process->row,
		.live_bytes = process->counts.live_bytes,
		.weight = process_weight(process),
		.exit_ns = process->exit_ns,
	};

	past->rows[past->count++] = row;
	past->weight += row.weight;
}

static bool less(const struct past_process *a, const struct past_process *b)
{
	return a->live_bytes != b->live_bytes ? a->live_bytes < b->live_bytes
					      : a->exit_ns < b->exit_ns;
}

bool past_take(struct past *past, uint32_t *ret_row)
{
	size_t least = 0;

	if (past->count <= 1 || (past->count <= PAST_MAX && past->weight <= PAST_MAX_BYTES))
		return false;
	for (size_t i = 1; i < past->count; i++) {
		if (less(&past->rows[i], &past->rows[least]))
			least = i;
	}
	*ret_row = past->rows[least].row;
	past->weight -= past->rows[least].weight;
	/* In order, so that of equal ones the first stays the first. */
	past->count--;
	for (size_t i = least; i < past->count; i++)
		past->rows[i] = past->rows[i + 1];
	return true;
}

void past_close(struct past *past, const struct process *process)
{
	const struct snapshot_counts counts = tally_counts(&process->counts);
	struct snapshot_past *closed = &past->closed;
	size_t slot = process->pid % PAST_RECENT;

	closed->processes++;
	closed->counts.live_bytes += counts.live_bytes;
	closed->counts.live_blocks += counts.live_blocks;
	closed->counts.allocated_bytes += counts.allocated_bytes;
	closed->counts.allocated_blocks += counts.allocated_blocks;
	closed->counts.freed_bytes += counts.freed_bytes;
	closed->counts.freed_blocks += counts.freed_blocks;
	closed->failed_calls += process->failed_calls;
	for (size_t i = 0; i < process->sites.count; i++)
		past->unknown_events += process->sites.rows[i].unknown_events;
	past->recent[slot].pid = process->pid;
	past->recent[slot].exit_ns = process->exit_ns;
}

bool past_has(const struct past *past, uint32_t pid, uint64_t now_ns)
{
	size_t slot = pid % PAST_RECENT;

	return pid && past->recent[slot].pid == pid && now_ns <= past->recent[slot].exit_ns;
}
