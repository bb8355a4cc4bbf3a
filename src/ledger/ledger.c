/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each event to the rules that it falls under: of the heap, of mappings, of processes … */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "ledger/code.h"
#include "ledger/heap.h"
#include "ledger/life.h"
#include "ledger/mappings.h"
#include "ledger/pairs.h"
#include "ledger/pids.h"
#include "ledger/tables.h"

struct ledger *ledger_new(void)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	/* Only a defence against chosen addresses: without it results are the same. */
	if (getrandom(&ledger->seed, sizeof(ledger->seed), GRND_NONBLOCK) < 0)
		ledger->seed = hash_mix((uintptr_t)ledger);
	ledger->last_ns = UINT64_MAX;
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (size_t i = 0; i < ledger->process_count; i++)
		process_free(ledger->processes[i]);
	free(ledger->processes);
	free(ledger->free_rows);
	map_free(&ledger->by_pid);
	marks_free(&ledger->marks);
	free(ledger);
}

void ledger_set_window(struct ledger *ledger, const struct window_wish *wish)
{
	for (size_t i = 0; i < ledger->process_count; i++) {
		if (ledger->processes[i])
			sites_forget_made(&ledger->processes[i]->sites);
	}
	window_start(&ledger->window, wish);
}

uint64_t ledger_start_ns(const struct ledger *ledger)
{
	return ledger->start_ns;
}

size_t ledger_marks(const struct ledger *ledger, const struct snapshot_mark **ret_marks)
{
	*ret_marks = ledger->marks.rows;
	return ledger->marks.count;
}

void ledger_footprint(const struct ledger *ledger, uint64_t *ret_bytes, uint64_t *ret_blocks)
{
	*ret_bytes = 0;
	*ret_blocks = 0;
	for (size_t i = 0; i < ledger->process_count; i++) {
		if (!ledger->processes[i])
			continue;
		*ret_bytes += ledger->processes[i]->blocks.bytes;
		*ret_blocks += ledger->processes[i]->blocks.count;
	}
}

/* The moment that all is to be shown as of is known, or never will be. */
static void find_last(struct ledger *ledger)
{
	uint64_t at_ns = ledger->window.at_ns;

	if (ledger->window.wish.at.kind && at_ns != WINDOW_NEVER &&
	    ledger->start_ns + at_ns > at_ns)
		ledger->last_ns = ledger->start_ns + at_ns - 1;
}

static int apply_mark(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	size_t row;
	int added = marks_add(&ledger->marks, event->mark.name, now_ns, &row);

	if (added <= 0)
		return added;
	window_mark(&ledger->window, ledger->marks.rows[row].name, now_ns);
	find_last(ledger);
	return 0;
}

/* Events of the traced process' own doing. */
static int apply_own(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process = pids_get(ledger, event->pid, now_ns);

	if (!process) /* late, and its books are closed; or without memory */
		return past_has(&ledger->past, event->pid, now_ns) ? 0 : -ENOMEM;
	process_touch(process, now_ns);
	switch (event->kind) {
	case EVENT_ALLOC:
		return heap_alloc(ledger, process, event);
	case EVENT_FREE:
		return heap_free(ledger, process, event);
	case EVENT_REALLOC:
		return heap_realloc(ledger, process, event);
	case EVENT_PAIRS:
		return pairs_apply(ledger, process, event);
	case EVENT_STACK:
		return code_stack(ledger, process, event);
	case EVENT_PYTHON_FRAMES:
		return code_python_frames(ledger, process, event);
	case EVENT_PYTHON:
		code_python(process, event);
		return 0;
	case EVENT_FORK:
		return life_fork(ledger, process, event);
	default:
		return mappings_apply(ledger, process, event);
	}
}

static int apply(struct ledger *ledger, const struct event *event)
{
	switch (event->kind) {
	case EVENT_ALLOC:
	case EVENT_FREE:
	case EVENT_REALLOC:
	case EVENT_PAIRS:
	case EVENT_STACK:
	case EVENT_PYTHON_FRAMES:
	case EVENT_PYTHON:
	case EVENT_MAP:
	case EVENT_UNMAP:
	case EVENT_REMAP:
	case EVENT_BRK:
	case EVENT_FORK:
		return apply_own(ledger, event);
	case EVENT_THREAD:
	case EVENT_EXEC:
		return life_thread(ledger, event);
	case EVENT_EXIT:
		life_exit(ledger, event);
		return 0;
	case EVENT_PROCESS:
		return life_process(ledger, event);
	case EVENT_MODULE:
		return code_module(ledger, event);
	case EVENT_RESIDENT:
		life_resident(ledger, event);
		return 0;
	case EVENT_COVERED:
		life_covered(ledger, event);
		return 0;
	case EVENT_CALLS:
		life_calls(ledger, event);
		return 0;
	case EVENT_TIER:
		life_tier(ledger, event);
		return 0;
	case EVENT_MARK:
		return apply_mark(ledger, event);
	case EVENT_LOSS:
		memcpy(ledger->quality.lost, event->loss.totals, sizeof(ledger->quality.lost));
		return 0;
	default:
		return 0;
	}
}

/*
 * An event from after the moment that all is to be shown as of. What there was then may
 * be named only now: a library's file, a stack's Python frames, the next mark.
 */
static int apply_later(struct ledger *ledger, const struct event *event)
{
	struct event then = *event;

	switch (event->kind) {
	case EVENT_STACK:
	case EVENT_PYTHON_FRAMES:
	case EVENT_PYTHON:
	case EVENT_MODULE:
		then.time_ns = ledger->last_ns;
		return apply(ledger, &then);
	case EVENT_MARK:
		return apply(ledger, event);
	default:
		return 0;
	}
}

int ledger_apply(struct ledger *ledger, const struct event *event)
{
	int result;

	if (!ledger->started && event->time_ns) {
		ledger->started = true;
		ledger->start_ns = event->time_ns;
		find_last(ledger);
	}
	if (event->time_ns > ledger->last_ns)
		return apply_later(ledger, event);
	result = apply(ledger, event);
	if (result < 0)
		ledger->quality.ledger_full++;
	else if (event->kind == EVENT_ALLOC || event->kind == EVENT_FREE ||
		 event->kind == EVENT_REALLOC)
		ledger->quality.events++;
	return result;
}

/* How many events ahead to fetch the entry of a block, and then its cell. Each
 * is about what the processor does in the time of one miss. */
#define AHEAD_ENTRY 12
#define AHEAD_CELL 6

/* The process of an event, when it is the one that everything happens in. */
static const struct process *likely_process(const struct ledger *ledger, const struct event *event)
{
	return ledger->cached && ledger->cached->pid == event->pid ? ledger->cached : NULL;
}

static void fetch_entry(const struct ledger *ledger, const struct event *event)
{
	const struct process *process = likely_process(ledger, event);

	if (!process)
		return;
	if (event->kind == EVENT_ALLOC)
		blocks_prefetch(&process->blocks, event->alloc.address);
	else if (event->kind == EVENT_FREE)
		blocks_prefetch(&process->blocks, event->free.address);
	if (event->kind != EVENT_REALLOC)
		return;
	blocks_prefetch(&process->blocks, event->realloc.old_address);
	blocks_prefetch(&process->blocks, event->realloc.address);
}

static void fetch_cell(const struct ledger *ledger, const struct event *event)
{
	const struct process *process = likely_process(ledger, event);
	uint64_t address = event->kind == EVENT_FREE	? event->free.address
			   : event->kind == EVENT_REALLOC ? event->realloc.old_address
							  : 0;
	const char *cell;
	struct block block;

	if (!process || !address || !blocks_get(&process->blocks, address, &block) ||
	    block.inherited)
		return;
	cell = (const char *)&process->sites.cells[block.cell];
	for (size_t i = 0; i < sizeof(struct cell); i += 64)
		__builtin_prefetch(cell + i, 1);
}

int ledger_apply_batch(struct ledger *ledger, const struct event *events, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		if (i + AHEAD_ENTRY < count)
			fetch_entry(ledger, &events[i + AHEAD_ENTRY]);
		if (i + AHEAD_CELL < count)
			fetch_cell(ledger, &events[i + AHEAD_CELL]);
		if (ledger_apply(ledger, &events[i]) < 0)
			result = -ENOMEM;
	}
	return result;
}
