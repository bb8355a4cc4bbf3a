/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events arrive nearly, but not quite, in the order things happened. What can
 * be relied on: an allocation is reported before any other news of its block,
 * although that may be some time after its birth (outlive/young.h), and of two
 * blocks at one address all news of the first comes before the second's. Only
 * two kinds of event can name a block that is no longer the one there:
 *
 *   a realloc, which reports at its return what it freed earlier. Its block was
 *   born before the call's entry; whatever at that address is younger belongs
 *   to somebody else.
 *
 *   a free that found the ring full and comes late, by the overflow map. Its
 *   block was born before the free's own time.
 *
 * Both carry that latest birth, and both look first in the table and then
 * among the blocks that were replaced there (ledger/replaced.h).
 *
 * A block that appears where one lives means that a free was not seen (or not
 * yet): the old one is booked as freed, by nobody.
 */
#include "ledger/heap.h"

#include <errno.h>

#define NOBODY UINT32_MAX

/* Who acts, and when. */
struct act {
	uint32_t thread; /* row */
	uint64_t now_ns; /* since the ledger's start */
};

static int begin(struct ledger *ledger, struct process *process, const struct event *event,
		 struct act *ret_act)
{
	ret_act->now_ns = ledger_time(ledger, event->time_ns);
	return threads_find(&process->threads, event->tid, ret_act->now_ns, &ret_act->thread);
}

/* A thread freed a block of `owner`. */
static void credit_free(struct process *process, uint32_t freer, uint32_t owner,
			const struct weight *weight)
{
	tally_freed(&process->threads.rows[freer].counts, weight);
	if (freer != owner)
		process->threads.rows[owner].freed_by_others_blocks += weight->blocks;
}

/* A block that was in the table is no more. `freer`: row of the thread, or NOBODY. */
static void book_end(const struct ledger *ledger, struct process *process,
		     const struct block *block, uint32_t freer, uint64_t now_ns)
{
	enum cell_end how = CELL_FREE_MISSED;
	struct weight weight;
	struct cell *cell;

	if (block->inherited) {
		process->inherited_blocks--;
		process->inherited_bytes -= block->size;
		return;
	}
	cell = &process->sites.cells[block->cell];
	weight = weight_of(block->size, cell->rate);
	if (freer != NOBODY)
		how = freer == cell->thread ? CELL_FREED_BY_OWNER : CELL_FREED_BY_OTHER;
	cell_remove(cell, &weight, block->birth, now_ns, how);
	sites_class_remove(&process->sites, cell->class_row, &process->clock, &weight, now_ns);
	tally_freed(&process->counts, &weight);
	tally_dead(&process->counts, &weight);
	tally_dead(&process->threads.rows[cell->thread].counts, &weight);
	if (freer != NOBODY)
		credit_free(process, freer, cell->thread, &weight);
	if (window_counts(&ledger->window, block->birth) && block->cell < process->sites.made_count) {
		process->sites.made[block->cell].freed_bytes += weight.bytes;
		process->sites.made[block->cell].freed_blocks += weight.blocks;
	}
}

/* A missed free was not missed after all: it is this thread's. */
static void book_late_free(struct ledger *ledger, struct process *process,
			   const struct replaced_block *late, const struct act *act)
{
	struct weight weight;
	struct cell *cell;

	ledger->quality.alloc_over_live--;
	cell = &process->sites.cells[late->block.cell];
	weight = weight_of(late->block.size, cell->rate);
	cell_add_lifetime(cell, &weight, act->now_ns - late->replaced_ns);
	credit_free(process, act->thread, cell->thread, &weight);
}

/* Free what lived at `address` and was born by `latest_birth`; `sampled`: there may be
 * nothing known there. */
static void end_block(struct ledger *ledger, struct process *process, uint64_t address,
		      uint64_t latest_birth, bool sampled, const struct act *act)
{
	struct replaced_block late;
	struct block block;
	struct thread *thread = &process->threads.rows[act->thread];

	if (blocks_take(&process->blocks, address, latest_birth, &block)) {
		book_end(ledger, process, &block, act->thread, act->now_ns);
	} else if (replaced_take(&ledger->replaced, process->row, address, latest_birth, &late)) {
		book_late_free(ledger, process, &late, act);
	} else {
		/* Of a process that is sampled it may well be of a block that was not. */
		if (sampled)
			return;
		ledger->quality.unknown_frees++;
		thread->closing_frees++;
		thread->closing_ns = act->now_ns;
		return;
	}
	thread_uses_heap(thread, act->now_ns);
}

/* An allocation about to be booked: everything that can fail has been done. */
struct birth {
	struct block block;
	uint32_t site;
};

void heap_count_unknown_stack(struct process *process, uint32_t row, uint64_t stack,
			      uint64_t blocks)
{
	struct site *site = &process->sites.rows[row];

	if (stack == 0 || site->stack_known)
		return;
	site->stack_known = !site->overflow && stacks_find(&process->stacks, stack);
	if (!site->stack_known)
		site->unknown_events += blocks;
}

static int prepare_block(struct ledger *ledger, struct process *process, const struct act *act,
			 uint64_t address, uint64_t size, uint64_t stack,
			 const struct event *event, struct birth *ret_birth)
{
	struct birth birth = { .block = { .address = address, .birth = act->now_ns } };

	if (size > BLOCKS_MAX_SIZE) {
		size = BLOCKS_MAX_SIZE;
		ledger->quality.senseless++;
	}
	birth.block.size = size;
	if (sites_find(&process->sites, stack, size, act->thread, event->rate,
		       &birth.block.cell, &birth.site) < 0 ||
	    blocks_make_room(&process->blocks, address) < 0 ||
	    (window_counts(&ledger->window, act->now_ns) &&
	     sites_reserve_made(&process->sites, birth.block.cell) < 0) ||
	    sites_count_calls(&process->sites, birth.site, event->function, 1) < 0)
		return -ENOMEM;
	heap_count_unknown_stack(process, birth.site, stack, 1);
	*ret_birth = birth;
	return 0;
}

/* A block appeared where `old` lived: its free was not seen. */
static void end_replaced(struct ledger *ledger, struct process *process, const struct block *old,
			 uint64_t now_ns)
{
	book_end(ledger, process, old, NOBODY, now_ns);
	/* One of the parent's: freed by the child before its probes stood. Nothing of the
	 * trace is missing. */
	if (old->inherited)
		return;
	ledger->quality.alloc_over_live++;
	replaced_put(&ledger->replaced, process->row, old, now_ns);
}

static void book_block(struct ledger *ledger, struct process *process, const struct act *act,
		       const struct birth *birth)
{
	const struct block *block = &birth->block;
	struct cell *cell = &process->sites.cells[block->cell];
	struct weight weight = weight_of(block->size, cell->rate);
	struct block old, younger;
	bool late = false;

	if (blocks_put(&process->blocks, block, &old)) {
		/* Told after the one that took its place: that one stays there. */
		late = old.birth > block->birth && !old.inherited;
		if (late)
			blocks_put(&process->blocks, &old, &younger);
		else
			end_replaced(ledger, process, &old, act->now_ns);
	}
	cell_add(cell, &weight, act->now_ns);
	process->sampled |= cell->rate != 0;
	sites_class_add(&process->sites, cell->class_row, &process->clock, &weight, act->now_ns);
	process_add_late(process, &weight, act->now_ns);
	tally_made(&process->counts, &weight);
	tally_made(&process->threads.rows[act->thread].counts, &weight);
	thread_uses_heap(&process->threads.rows[act->thread], act->now_ns);
	if (window_counts(&ledger->window, block->birth)) {
		process->sites.made[block->cell].allocated_bytes += weight.bytes;
		process->sites.made[block->cell].allocated_blocks += weight.blocks;
	}
	if (late)
		end_replaced(ledger, process, block, old.birth);
}

/* Can a program have a block there? If not it is counted, and ignored. */
static bool possible(struct ledger *ledger, uint64_t address)
{
	if (address <= BLOCKS_MAX_ADDRESS)
		return true;
	ledger->quality.senseless++;
	return false;
}

int heap_alloc(struct ledger *ledger, struct process *process, const struct event *event)
{
	struct birth birth;
	struct act act;

	if (event->alloc.address == 0) {
		process->failed_calls++;
		return 0;
	}
	if (!possible(ledger, event->alloc.address))
		return 0;
	if (begin(ledger, process, event, &act) < 0 ||
	    prepare_block(ledger, process, &act, event->alloc.address, event->alloc.size,
			  event->alloc.stack, event, &birth) < 0)
		return -ENOMEM;
	book_block(ledger, process, &act, &birth);
	return 0;
}

int heap_free(struct ledger *ledger, struct process *process, const struct event *event)
{
	struct act act;

	if (event->free.address == 0 || !possible(ledger, event->free.address))
		return 0;
	if (begin(ledger, process, event, &act) < 0)
		return -ENOMEM;
	if (act.now_ns < process->exec_ns)
		return 0; /* late, and its heap is gone */
	end_block(ledger, process, event->free.address, act.now_ns, event->rate != 0, &act);
	return 0;
}

int heap_realloc(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t old = event->realloc.old_address;
	uint64_t address = event->realloc.address;
	struct birth birth;
	struct act act;

	if (address == 0 && event->realloc.size > 0) {
		process->failed_calls++;
		return 0;
	}
	if (!possible(ledger, old) || !possible(ledger, address))
		return 0;
	if (begin(ledger, process, event, &act) < 0 ||
	    (address && prepare_block(ledger, process, &act, address, event->realloc.size,
				      event->realloc.stack, event, &birth) < 0))
		return -ENOMEM;
	if (old)
		end_block(ledger, process, old, ledger_time(ledger, event->realloc.enter_ns),
			  event->rate != 0, &act);
	if (address)
		book_block(ledger, process, &act, &birth);
	return 0;
}
