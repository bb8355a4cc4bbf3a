/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/pairs.h"

#include <errno.h>

#include "ledger/heap.h"

static void count_in_window(struct window_made *made, const struct cell_pairs *pairs)
{
	made->allocated_bytes += pairs->bytes;
	made->allocated_blocks += pairs->blocks * WEIGHT_ONE;
	made->freed_bytes += pairs->bytes;
	made->freed_blocks += pairs->blocks * WEIGHT_ONE;
}

/* Can so many blocks be of that size class? A file may say anything. */
static bool possible(const struct event *event)
{
	uint64_t blocks = event->pairs.count, mean = blocks ? event->pairs.bytes / blocks : 0;

	return blocks ? mean <= BLOCKS_MAX_SIZE && size_log2(mean) == event->pairs.log2_size
		      : event->pairs.bytes == 0 && event->pairs.log2_size < 48;
}

int pairs_apply(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t end_ns = ledger_time(ledger, event->time_ns);
	struct cell_pairs pairs = {
		.bytes = event->pairs.bytes,
		.blocks = event->pairs.count,
		.replaced = event->pairs.replaced,
		.refilled = event->pairs.refilled,
		.lifetime_ns = event->pairs.lifetime_ns,
		.end_ns = end_ns,
		.cleared_birth_ns = ledger_time(ledger, event->pairs.cleared_birth_ns),
		.cleared_ns = ledger_time(ledger, event->pairs.cleared_ns),
		.first_ns = ledger_time(ledger, event->pairs.first_birth_ns),
		.last_ns = ledger_time(ledger, event->pairs.last_birth_ns),
	};
	bool in_window = window_counts(&ledger->window, pairs.first_ns);
	uint32_t thread, cell, site;

	if (!possible(event)) {
		ledger->quality.senseless++;
		return 0;
	}
	if (threads_find(&process->threads, event->tid, end_ns, &thread) < 0 ||
	    sites_find(&process->sites, event->pairs.stack, 1ull << event->pairs.log2_size, thread,
		       0, &cell, &site) < 0 ||
	    (in_window && sites_reserve_made(&process->sites, cell) < 0) ||
	    sites_count_calls(&process->sites, site, event->function, pairs.blocks) < 0)
		return -ENOMEM;
	heap_count_unknown_stack(process, site, event->pairs.stack, pairs.blocks);
	cell_add_pairs(&process->sites.cells[cell], &pairs);
	sites_class_pairs(&process->sites, process->sites.cells[cell].class_row, &process->clock,
			  pairs.blocks, pairs.first_ns);
	tally_pairs(&process->counts, pairs.bytes, pairs.blocks);
	tally_pairs(&process->threads.rows[thread].counts, pairs.bytes, pairs.blocks);
	thread_uses_heap(&process->threads.rows[thread], end_ns);
	if (in_window)
		count_in_window(&process->sites.made[cell], &pairs);
	ledger->quality.events += 2 * pairs.blocks;
	return 0;
}
