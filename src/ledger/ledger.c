/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events to their tables: which process an event belongs to, and what it changes there. */
#include "ledger/ledger.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/vec.h"
#include "ledger/heap.h"
#include "ledger/pairs.h"
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

static struct process *find_process(const struct ledger *ledger, uint32_t pid)
{
	struct process *process;
	uint32_t row;

	if (!map_get(&ledger->by_pid, pid, &row))
		return NULL;
	process = ledger->processes[row];
	return process && process->pid == pid ? process : NULL;
}

/* A row that is free, or one more. Returns 0 or -ENOMEM. */
static int free_row(struct ledger *ledger, uint32_t *ret_row)
{
	if (ledger->free_count) {
		*ret_row = ledger->free_rows[--ledger->free_count];
		return 0;
	}
	if (ledger->process_count >= LEDGER_MAX_PROCESSES ||
	    VEC_PUSH_ROOM(ledger->processes, ledger->process_count, ledger->process_capacity) < 0 ||
	    vec_reserve((void **)&ledger->free_rows, &ledger->free_capacity,
			ledger->process_count + 1, sizeof(*ledger->free_rows)) < 0)
		return -ENOMEM;
	*ret_row = (uint32_t)ledger->process_count;
	ledger->processes[ledger->process_count++] = NULL;
	return 0;
}

static struct process *add_process(struct ledger *ledger, uint32_t pid, uint64_t now_ns)
{
	struct process *process;
	uint32_t row;

	if (free_row(ledger, &row) < 0)
		return NULL;
	process = process_new(row, pid, hash_mix(ledger->seed + row), now_ns);
	if (!process || map_set(&ledger->by_pid, pid, row) < 0) {
		process_free(process);
		ledger->free_rows[ledger->free_count++] = row;
		return NULL;
	}
	ledger->processes[row] = process;
	ledger->cached = process;
	return process;
}

/* Release the books of a process of the past; its sum stays. */
static void close_books(struct ledger *ledger, uint32_t row)
{
	struct process *process = ledger->processes[row];

	past_close(&ledger->past, process);
	replaced_forget(&ledger->replaced, row);
	if (ledger->cached == process)
		ledger->cached = NULL;
	ledger->processes[row] = NULL;
	ledger->free_rows[ledger->free_count++] = row;
	process_free(process);
}

static void end_process(struct ledger *ledger, struct process *process, uint64_t now_ns)
{
	uint32_t row;

	if (process->exited)
		return;
	process_exit(process, now_ns);
	past_add(&ledger->past, process);
	while (past_take(&ledger->past, &row))
		close_books(ledger, row);
}

/*
 * The process that did something at `now_ns`: a new one when the pid was not
 * seen before, or when its last bearer had ended by then. NULL when the books of
 * that one are closed, or without memory.
 */
static struct process *get_process(struct ledger *ledger, uint32_t pid, uint64_t now_ns)
{
	struct process *process = ledger->cached;

	if (!process || process->pid != pid)
		process = find_process(ledger, pid);
	if (!process && past_has(&ledger->past, pid, now_ns))
		return NULL;
	if (!process || (process->exited && now_ns > process->exit_ns))
		return add_process(ledger, pid, now_ns);
	ledger->cached = process;
	return process;
}

/* The same for an event that tells the start time: another one is another process. */
static struct process *get_process_started(struct ledger *ledger, uint32_t pid, uint64_t start_ns,
					   bool exact, uint64_t now_ns)
{
	struct process *process = find_process(ledger, pid);

	if (process && start_ns && process->start_ns) {
		if (!process_started_at(process, start_ns, exact)) {
			end_process(ledger, process, now_ns);
			process = NULL;
		}
	} else if (process && process->exited && now_ns > process->exit_ns) {
		process = NULL;
	}
	if (!process)
		process = add_process(ledger, pid, now_ns);
	if (process)
		process_set_start(process, start_ns, exact);
	return process;
}

static int apply_stack(struct ledger *ledger, struct process *process, const struct event *event)
{
	int added = stacks_add(&process->stacks, event->stack.id, event->stack.frames,
			       event->stack.count, event->stack.status, event->stack.flags);

	if (added <= 0)
		return added;
	sites_stack_known(&process->sites, event->stack.id);
	ledger->quality.stacks++;
	if (event->stack.status < WIRE_STACK_STATUS_COUNT)
		ledger->quality.stacks_by_status[event->stack.status]++;
	return 0;
}

static int apply_python_frames(struct ledger *ledger, struct process *process,
			       const struct event *event)
{
	int added = python_stacks_add(&process->python_stacks, event);
	bool unread = event->python_frames.status == WIRE_PYTHON_READ_FAULT;

	if (added <= 0)
		return added;
	for (uint32_t i = 0; i < event->python_frames.count; i++)
		unread |= !event->python_frames.frames[i].function;
	ledger->quality.python_stacks++;
	ledger->quality.python_unread += unread;
	ledger->quality.python_truncated += event->python_frames.status == WIRE_PYTHON_TRUNCATED;
	return 0;
}

static void apply_python(struct process *process, const struct event *event)
{
	_Static_assert(EVENT_PYTHON_RANGES == SNAPSHOT_PYTHON_RANGES, "copied one by one");
	process->python.version = event->python.version;
	for (size_t i = 0; i < SNAPSHOT_PYTHON_RANGES; i++) {
		process->python.eval[i].start = event->python.eval[i].start;
		process->python.eval[i].end = event->python.eval[i].end;
		process->python.own[i].start = event->python.own[i].start;
		process->python.own[i].end = event->python.own[i].end;
	}
}

static void apply_brk(struct process *process, const struct event *event)
{
	if (!process->brk_start)
		process->brk_start = event->range.old_address ? event->range.old_address
							      : event->range.address;
	process->brk_end = event->range.address;
}

/* Who mapped it, where that is told and of interest; 0: nobody. */
static uint32_t owner_of(struct process *process, const struct event *event, enum range_kind kind,
			 uint64_t now_ns)
{
	uint32_t thread;

	if (!event->range.stack || kind != RANGE_ANONYMOUS ||
	    threads_find(&process->threads, event->tid, now_ns, &thread) < 0)
		return 0;
	return ranges_owner(&process->ranges, event->range.stack, thread, event->range.length,
			    now_ns);
}

static int apply_range(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	uint64_t enter_ns = ledger_time(ledger, event->range.enter_ns);
	enum range_kind kind;
	int result = 0;

	switch (event->kind) {
	case EVENT_MAP:
		kind = range_kind_of(event->range.prot, event->range.map_flags, event->range.fd,
				     event->flags);
		result = ranges_map(&process->ranges, event->range.address, event->range.length,
				    enter_ns, now_ns, kind,
				    owner_of(process, event, kind, now_ns));
		break;
	case EVENT_UNMAP:
		modules_unmap(&process->modules, &process->stacks, event->range.address,
			      event->range.address + event->range.length, event->time_ns);
		result = ranges_unmap(&process->ranges, event->range.address, event->range.length,
				      enter_ns);
		break;
	case EVENT_REMAP:
		result = ranges_remap(&process->ranges, event->range.old_address,
				      event->range.old_length, event->range.address,
				      event->range.length, enter_ns, now_ns,
				      event->range.map_flags & MREMAP_DONTUNMAP);
		break;
	default:
		apply_brk(process, event);
		break;
	}
	if (result == -EINVAL || result == -ENOSPC) {
		ledger->quality.senseless++;
		result = 0;
	}
	return result;
}

static int apply_thread(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process = get_process_started(
		ledger, event->pid, event->thread.process_start_ns, true, now_ns);

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

static int apply_fork(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *child;

	process->children++;
	/* A child that is not traced itself can never report its frees. */
	if (!(event->flags & WIRE_FOLLOWED) || event->fork.child_pid == event->pid)
		return 0;
	child = get_process_started(ledger, event->fork.child_pid, event->fork.child_start_ns, true,
				    now_ns);
	if (!child)
		return -ENOMEM;
	if (child->forked)
		return 0;
	return process_inherit(child, process, event->flags & WIRE_SHARES_MEMORY);
}

static void apply_exit(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process = find_process(ledger, event->pid);
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
		end_process(ledger, process, now_ns);
}

static int apply_process(struct ledger *ledger, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	struct process *process = get_process_started(ledger, event->pid, event->process.start_ns,
						      false, now_ns);
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

static int apply_module(struct ledger *ledger, const struct event *event)
{
	struct process *process = find_process(ledger, event->pid);
	int result;

	if (!process && past_has(&ledger->past, event->pid, 0))
		return 0; /* of one whose books are closed */
	if (!process)
		process = add_process(ledger, event->pid, ledger_time(ledger, event->time_ns));
	if (!process)
		return -ENOMEM;
	result = modules_add(&process->modules, &process->stacks, event->module.start,
			     event->module.end, event->module.bias, event->time_ns,
			     event->module.path, event->module.open_path, event->module.build_id);
	if (result == -EINVAL || result == -ENOSPC) {
		ledger->quality.senseless++;
		result = 0;
	}
	return result;
}

static void apply_resident(struct ledger *ledger, const struct event *event)
{
	struct process *process = find_process(ledger, event->pid);

	if (process)
		process_set_resident(process, event->resident.rss_bytes,
				     event->resident.peak_rss_bytes,
				     ledger_time(ledger, event->time_ns));
}

static void apply_calls(struct ledger *ledger, const struct event *event)
{
	struct process *process = find_process(ledger, event->pid);

	if (!process)
		return;
	process->called_blocks = event->calls.blocks;
	process->called_bytes = event->calls.bytes;
	process->called_frees = event->calls.frees;
}

static void apply_tier(struct ledger *ledger, const struct event *event)
{
	struct process *process = find_process(ledger, event->pid);
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

/* The moment that all is to be shown as of is known, or never will be. */
static void find_last(struct ledger *ledger)
{
	uint64_t at_ns = ledger->window.at_ns;

	if (ledger->window.wish.at.kind && at_ns != WINDOW_NEVER &&
	    ledger->start_ns + at_ns > at_ns)
		ledger->last_ns = ledger->start_ns + at_ns - 1;
}

static void apply_covered(struct ledger *ledger, const struct event *event)
{
	struct process *process = find_process(ledger, event->pid);

	if (process && event->covered.after_ns > process->covered_after_ns)
		process->covered_after_ns = event->covered.after_ns;
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
	struct process *process = get_process(ledger, event->pid, now_ns);

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
		return apply_stack(ledger, process, event);
	case EVENT_PYTHON_FRAMES:
		return apply_python_frames(ledger, process, event);
	case EVENT_PYTHON:
		apply_python(process, event);
		return 0;
	case EVENT_FORK:
		return apply_fork(ledger, process, event);
	default:
		return apply_range(ledger, process, event);
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
		return apply_thread(ledger, event);
	case EVENT_EXIT:
		apply_exit(ledger, event);
		return 0;
	case EVENT_PROCESS:
		return apply_process(ledger, event);
	case EVENT_MODULE:
		return apply_module(ledger, event);
	case EVENT_RESIDENT:
		apply_resident(ledger, event);
		return 0;
	case EVENT_COVERED:
		apply_covered(ledger, event);
		return 0;
	case EVENT_CALLS:
		apply_calls(ledger, event);
		return 0;
	case EVENT_TIER:
		apply_tier(ledger, event);
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
