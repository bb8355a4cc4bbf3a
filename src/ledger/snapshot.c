/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking the picture. The tables are made for applying events: cells of all
 * classes lie in one array in order of first use. A report wants the tree
 * process > site > class > cell, so the rows are laid out in that order here,
 * and one walk over the live blocks adds what only they know: the oldest, the
 * newest, the largest.
 */
#include "ledger/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/snapshot_layout.h"
#include "ledger/tables.h"
#include "outlive/sample.h"

static void add_counts(struct snapshot_counts *sum, const struct snapshot_counts *more)
{
	sum->live_bytes += more->live_bytes;
	sum->live_blocks += more->live_blocks;
	sum->allocated_bytes += more->allocated_bytes;
	sum->allocated_blocks += more->allocated_blocks;
	sum->freed_bytes += more->freed_bytes;
	sum->freed_blocks += more->freed_blocks;
}

static int copy_threads(struct snapshot_owner *owner, const struct process *process,
			struct snapshot_process *out)
{
	struct snapshot_thread *rows = owner_keep(owner, process->threads.count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < process->threads.count; i++) {
		const struct thread *thread = &process->threads.rows[i];

		rows[i].tid = thread->tid;
		rows[i].start_ns = thread->start_ns;
		memcpy(rows[i].comm, thread->comm, sizeof(rows[i].comm));
		rows[i].exited = thread->exited;
		out->running_threads += !thread->exited;
		rows[i].counts = tally_counts(&thread->counts);
		rows[i].freed_by_others_blocks = weight_blocks(thread->freed_by_others_blocks);
	}
	out->threads = rows;
	out->thread_count = process->threads.count;
	return 0;
}

static int copy_modules(struct snapshot_owner *owner, const struct process *process,
			struct snapshot_process *out)
{
	struct snapshot_module *rows = owner_keep(owner, process->modules.count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < process->modules.count; i++) {
		const struct module *module = &process->modules.rows[i];

		rows[i].start = module->start;
		rows[i].end = module->end;
		rows[i].bias = module->bias;
		rows[i].path = owner_text(owner, module->path);
		rows[i].open_path = owner_text(owner, module->open_path);
		rows[i].build_id = owner_text(owner, module->build_id);
		if (!rows[i].path || !rows[i].open_path || !rows[i].build_id)
			return -ENOMEM;
	}
	out->modules = rows;
	out->module_count = process->modules.count;
	return 0;
}

static void copy_mappings(const struct process *process, struct snapshot_mappings *out)
{
	const struct ranges *ranges = &process->ranges;

	out->live_bytes = ranges->bytes[RANGE_ANONYMOUS];
	out->live_ranges = ranges->counts[RANGE_ANONYMOUS];
	out->allocator_backing_bytes = ranges->bytes[RANGE_BACKING];
	out->reserved_bytes = ranges->bytes[RANGE_RESERVED];
	out->stack_bytes = ranges->bytes[RANGE_STACK];
	out->file_bytes = ranges->bytes[RANGE_FILE];
	if (process->brk_end > process->brk_start)
		out->brk_bytes = process->brk_end - process->brk_start;
}

/* The classes of one site, smallest first, from place `next` on. */
static size_t place_classes(struct layout *layout, uint32_t site, size_t next)
{
	const struct sites *sites = &layout->process->sites;
	struct snapshot_site *out = &layout->sites[site];
	uint64_t present = 0;
	uint32_t rows[64];

	for (uint32_t at = sites->rows[site].first_class; at; at = sites->classes[at - 1].next) {
		present |= 1ull << sites->classes[at - 1].log2_size;
		rows[sites->classes[at - 1].log2_size] = at - 1;
	}
	out->classes = &layout->classes[next];
	for (unsigned int log2_size = 0; log2_size < 64; log2_size++) {
		if (!(present >> log2_size & 1))
			continue;
		layout->class_at[rows[log2_size]] = (uint32_t)next;
		layout->class_site[next] = site;
		layout->classes[next].log2_size = (uint8_t)log2_size;
		out->class_count++;
		next++;
	}
	return next;
}

/* Sort the cells by the place of their class: count, then deal out. */
static void place_cells(struct layout *layout)
{
	const struct sites *sites = &layout->process->sites;
	size_t next = 0;

	for (size_t i = 0; i < sites->cell_count; i++)
		layout->classes[layout->class_at[sites->cells[i].class_row]].cell_count++;
	for (size_t i = 0; i < sites->class_count; i++) {
		layout->classes[i].cells = &layout->cells[next];
		next += layout->classes[i].cell_count;
		layout->classes[i].cell_count = 0;
	}
	for (size_t i = 0; i < sites->cell_count; i++) {
		uint32_t class_at = layout->class_at[sites->cells[i].class_row];
		struct snapshot_class *class = &layout->classes[class_at];
		size_t at = (size_t)(class->cells - layout->cells) + class->cell_count++;

		layout->cell_at[i] = (uint32_t)at;
		layout->cell_class[at] = class_at;
	}
}

static void fill_cells(struct layout *layout)
{
	const struct sites *sites = &layout->process->sites;

	for (size_t i = 0; i < sites->cell_count; i++) {
		const struct cell *cell = &sites->cells[i];
		struct snapshot_cell *out = &layout->cells[layout->cell_at[i]];

		out->thread = cell->thread;
		out->counts = tally_counts(&cell->counts);
		out->replaced_blocks = weight_blocks(cell->replaced_blocks);
		out->refilled_blocks = weight_blocks(cell->refilled_blocks);
		out->sampled.bytes = sample_bytes(cell->rate);
		out->sampled.made_blocks = cell->made;
		out->lifetime_ns = cell->lifetime_ns;
		out->first_ns = layout->origin_ns + cell->first_ns;
		out->last_ns = layout->origin_ns + cell->last_ns;
	}
}

static void see_cells(struct layout *layout, const struct blocks_of_cell *rows, bool count)
{
	for (size_t i = 0; i < layout->process->sites.cell_count; i++) {
		uint32_t at = layout->cell_at[i];
		struct snapshot_class *class = &layout->classes[layout->cell_class[at]];
		struct snapshot_cell *cell = &layout->cells[at];

		if (rows[i].count == 0)
			continue;
		cell->oldest_live_ns = layout->origin_ns + ~rows[i].not_oldest;
		cell->newest_live_ns = layout->origin_ns + rows[i].newest;
		if (rows[i].largest > class->largest_live_bytes)
			class->largest_live_bytes = rows[i].largest;
		if (count) {
			cell->counts.live_bytes = rows[i].bytes;
			cell->counts.live_blocks = rows[i].count;
		}
		cell->sampled.live_blocks = rows[i].count;
		cell->sampled.live_bytes = (double)rows[i].bytes;
		if (!cell->sampled.bytes)
			cell->sampled.certain_bytes = (double)rows[i].bytes;
	}
}

int layout_see_blocks(struct layout *layout)
{
	struct process *process = layout->process;
	const struct blocks_of_cell *rows =
		seen_look(&process->seen, &process->blocks, process->sites.cell_count);

	if (!rows)
		return -ENOMEM;
	see_cells(layout, rows, false);
	layout_see_sampled(layout, 0, UINT64_MAX, false);
	return 0;
}

int layout_see_window(struct layout *layout, uint64_t from, uint64_t to)
{
	size_t cell_count = layout->process->sites.cell_count;
	CLEANUP_FREE struct blocks_of_cell *rows = calloc(cell_count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	blocks_by_cell(&layout->process->blocks, from, to, rows, (uint32_t)cell_count);
	see_cells(layout, rows, true);
	layout_see_sampled(layout, from, to, true);
	return 0;
}

void layout_sum_up(struct layout *layout)
{
	const struct sites *sites = &layout->process->sites;

	for (size_t i = 0; i < sites->cell_count; i++) {
		const struct snapshot_cell *cell = &layout->cells[i];
		uint32_t class_at = layout->cell_class[i];
		struct snapshot_class *class = &layout->classes[class_at];
		struct snapshot_site *site = &layout->sites[layout->class_site[class_at]];

		add_counts(&class->counts, &cell->counts);
		add_counts(&site->counts, &cell->counts);
		snapshot_add_sampled(&class->sampled, &cell->sampled);
		snapshot_add_sampled(&site->sampled, &cell->sampled);
		if (!site->first_ns || cell->first_ns < site->first_ns)
			site->first_ns = cell->first_ns;
		if (cell->last_ns > site->last_ns)
			site->last_ns = cell->last_ns;
		if (cell->oldest_live_ns &&
		    (!site->oldest_live_ns || cell->oldest_live_ns < site->oldest_live_ns))
			site->oldest_live_ns = cell->oldest_live_ns;
		if (cell->newest_live_ns > site->newest_live_ns)
			site->newest_live_ns = cell->newest_live_ns;
		if (class->largest_live_bytes > site->largest_live_bytes)
			site->largest_live_bytes = class->largest_live_bytes;
	}
}

void layout_set_stack(const struct layout *layout, uint64_t id, struct snapshot_site *out)
{
	const struct stack *stack = id ? stacks_find(&layout->process->stacks, id) : NULL;
	const struct python_stack *python =
		stack ? python_stacks_find(&layout->process->python_stacks, id) : NULL;

	out->stack = id;
	if (stack) {
		out->stack_known = true;
		out->stack_status = stack->status;
		out->stack_flags = stack->flags;
		out->frame_count = stack->count;
		out->frames = &layout->frames[stack->first];
	}
	if (python) {
		out->python_count = python->count;
		out->python = &layout->python[python->first];
	}
}

static void fill_site(struct layout *layout, size_t row)
{
	const struct sites *sites = &layout->process->sites;
	const struct site *site = &sites->rows[row];
	struct snapshot_site *out = &layout->sites[row];

	out->id = (uint32_t)row + 1;
	layout_set_stack(layout, site->stack, out);
	out->calls[site->function < SNAPSHOT_FUNCTIONS ? site->function : 0] += site->calls;
	for (uint32_t at = site->first_calls; at; at = sites->more_calls[at - 1].next) {
		uint8_t function = sites->more_calls[at - 1].function;

		out->calls[function < SNAPSHOT_FUNCTIONS ? function : 0] +=
			sites->more_calls[at - 1].calls;
	}
}

/* The Python frames of all stacks, in the order of the table. */
static int copy_python(struct layout *layout)
{
	const struct python_stacks *stacks = &layout->process->python_stacks;
	char *text = owner_keep(layout->owner, stacks->text_bytes, 1);

	layout->python = owner_keep(layout->owner, stacks->frame_count, sizeof(*layout->python));
	if (!text || !layout->python)
		return -ENOMEM;
	if (stacks->text_bytes)
		memcpy(text, stacks->text, stacks->text_bytes);
	for (size_t i = 0; i < stacks->frame_count; i++) {
		const struct python_frame *frame = &stacks->frames[i];
		struct snapshot_python_frame *out = &layout->python[i];

		out->function = frame->function == PYTHON_NO_TEXT ? NULL : text + frame->function;
		out->file = frame->file == PYTHON_NO_TEXT ? NULL : text + frame->file;
		out->line = frame->line;
		out->internal = frame->internal;
		out->entry = frame->flags & WIRE_PYTHON_ENTRY;
	}
	return 0;
}

/* Everything below the process: sites, classes, cells. */
static int copy_sites(struct layout *layout, struct snapshot_process *out)
{
	const struct process *process = layout->process;
	const struct sites *sites = &process->sites;
	CLEANUP_FREE uint32_t *class_at = calloc(sites->class_count + 1, sizeof(uint32_t));
	CLEANUP_FREE uint32_t *cell_at = calloc(sites->cell_count + 1, sizeof(uint32_t));
	CLEANUP_FREE uint32_t *class_site = calloc(sites->class_count + 1, sizeof(uint32_t));
	CLEANUP_FREE uint32_t *cell_class = calloc(sites->cell_count + 1, sizeof(uint32_t));
	size_t next = 0;

	layout->sites = owner_keep(layout->owner, sites->count, sizeof(*layout->sites));
	layout->classes = owner_keep(layout->owner, sites->class_count, sizeof(*layout->classes));
	layout->cells = owner_keep(layout->owner, sites->cell_count, sizeof(*layout->cells));
	layout->frames = owner_keep(layout->owner, process->stacks.frame_count, sizeof(uint64_t));
	if (!class_at || !cell_at || !class_site || !cell_class || !layout->sites ||
	    !layout->classes || !layout->cells || !layout->frames || copy_python(layout) < 0)
		return -ENOMEM;
	layout->class_at = class_at;
	layout->cell_at = cell_at;
	layout->class_site = class_site;
	layout->cell_class = cell_class;
	if (process->stacks.frame_count)
		memcpy(layout->frames, process->stacks.frames,
		       process->stacks.frame_count * sizeof(uint64_t));
	for (uint32_t i = 0; i < sites->count; i++) {
		next = place_classes(layout, i, next);
		fill_site(layout, i);
	}
	place_cells(layout);
	fill_cells(layout);
	if (layout_see_blocks(layout) < 0)
		return -ENOMEM;
	layout_sum_up(layout);
	for (size_t i = 0; i < sites->count; i++)
		snapshot_add_sampled(&out->sampled, &layout->sites[i].sampled);
	out->sites = layout->sites;
	out->site_count = sites->count;
	if (layout_copy_mapped(layout, out) < 0)
		return -ENOMEM;
	if (layout_copy_series(layout) < 0)
		return -ENOMEM;
	return layout->owner->snapshot.window.set ? layout_narrow(layout, out) : 0;
}

static int copy_tiers(struct snapshot_owner *owner, const struct ledger *ledger,
		      const struct process *process, struct snapshot_process *out)
{
	struct snapshot_tier *rows = owner_keep(owner, process->tier_count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < process->tier_count; i++) {
		rows[i] = process->tiers[i];
		rows[i].time_ns += ledger->start_ns;
	}
	out->tiers = rows;
	out->tier_count = process->tier_count;
	out->unwatched_ns = process->unwatched_ns ? ledger->start_ns + process->unwatched_ns : 0;
	return 0;
}

static int copy_process(struct snapshot_owner *owner, const struct ledger *ledger,
			struct process *process, struct snapshot_process *out)
{
	uint64_t now_ns = ledger_time(ledger, owner->snapshot.now_ns);
	struct layout layout = {
		.owner = owner,
		.process = process,
		.origin_ns = ledger->start_ns,
		.clock = process->clock,
	};

	if (!process->exited)
		series_clock_advance(&layout.clock, now_ns);
	out->pid = process->pid;
	out->start_ns = process->start_ns;
	out->comm = owner_text(owner, process->comm);
	out->exe = owner_text(owner, process->exe);
	if (!out->comm || !out->exe || home_copy(&process->home, owner, &out->home) < 0)
		return -ENOMEM;
	out->exited = process->exited;
	out->forked = process->forked;
	out->first_ns = ledger->start_ns + process->first_ns;
	out->last_ns = ledger->start_ns + process->last_ns;
	out->exit_ns = process->exited ? ledger->start_ns + process->exit_ns : 0;
	out->counts = tally_counts(&process->counts);
	out->called_blocks = process->called_blocks;
	out->called_bytes = process->called_bytes;
	out->called_frees = process->called_frees;
	out->inherited_blocks = process->inherited_blocks;
	out->inherited_bytes = process->inherited_bytes;
	out->forked_blocks = process->forked_blocks;
	out->forked_bytes = process->forked_bytes;
	out->forked_from = process->forked_from;
	out->covered_after_ns = process->covered_after_ns;
	out->dropped_blocks = process->dropped_blocks;
	out->dropped_bytes = process->dropped_bytes;
	out->children = process->children;
	out->failed_calls = process->failed_calls;
	out->rss_bytes = process->rss_bytes;
	out->peak_rss_bytes = process->peak_rss_bytes;
	out->python = process->python;
	copy_mappings(process, &out->mappings);
	if (layout_copy_process_series(&layout, out) < 0 || copy_threads(owner, process, out) < 0 ||
	    copy_modules(owner, process, out) < 0 || copy_tiers(owner, ledger, process, out) < 0)
		return -ENOMEM;
	return copy_sites(&layout, out);
}

static uint64_t unknown_stack_events(const struct ledger *ledger)
{
	uint64_t events = ledger->past.unknown_events;

	for (size_t i = 0; i < ledger->process_count; i++) {
		const struct process *process = ledger->processes[i];

		for (size_t j = 0; process && j < process->sites.count; j++)
			events += process->sites.rows[j].unknown_events;
	}
	return events;
}

/* Returns 0 or -ENOMEM. */
static int copy_processes(struct snapshot_owner *owner, const struct ledger *ledger)
{
	size_t most = ledger->process_count - ledger->free_count, count = 0;
	struct snapshot_process *rows = owner_keep(owner, most, sizeof(*rows));
	int result = rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < ledger->process_count && result == 0; i++) {
		if (ledger->processes[i])
			result = copy_process(owner, ledger, ledger->processes[i], &rows[count++]);
	}
	owner->snapshot.processes = rows;
	owner->snapshot.process_count = count;
	owner->snapshot.past = ledger->past.closed;
	return result;
}

static int copy_marks(struct snapshot_owner *owner, const struct ledger *ledger)
{
	const struct marks *marks = &ledger->marks;
	struct snapshot_mark *rows = owner_keep(owner, marks->count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < marks->count; i++) {
		rows[i] = marks->rows[i];
		rows[i].time_ns += ledger->start_ns;
	}
	owner->snapshot.marks = rows;
	owner->snapshot.mark_count = marks->count;
	owner->snapshot.marks_left_out = marks->left_out;
	return 0;
}

int ledger_snapshot(const struct ledger *ledger, uint64_t now_ns, struct snapshot **ret_snapshot)
{
	struct snapshot_owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return -ENOMEM;
	if (now_ns > ledger->last_ns)
		now_ns = ledger->last_ns + 1;
	owner->snapshot.now_ns = now_ns;
	owner->snapshot.start_ns = ledger->start_ns;
	window_resolve(&ledger->window, ledger->start_ns, now_ns, &owner->snapshot.window);
	owner->snapshot.quality = ledger->quality;
	owner->snapshot.quality.unknown_stack_events = unknown_stack_events(ledger);
	if (copy_marks(owner, ledger) < 0 || copy_processes(owner, ledger) < 0) {
		snapshot_free(&owner->snapshot);
		return -ENOMEM;
	}
	*ret_snapshot = &owner->snapshot;
	return 0;
}
