/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that is unmapped.
 *
 * What comes to lie in its place may be walked at once, long before user space has looked at
 * the mappings again. The rows of what lay there before would lead such a walk astray: so
 * the mapping is taken out of the table in force here, and the walk finds none.
 */
#ifndef OUTLIVE_BPF_CHANGE_H
#define OUTLIVE_BPF_CHANGE_H

#include "kernel.bpf.h"

#define MAP_FIXED_FLAG 0x10 /* include/uapi/asm-generic/mman-common.h */
#define CODE_PIECES 8	    /* mappings of code that one call may unmap, one by one */

struct forget_context {
	__u32 first;
};

static long rule_forget(__u32 index, struct forget_context *context)
{
	__u32 key = context->first + index;
	__u64 *place = bpf_map_lookup_elem(&rule_cache, &key);

	if (place)
		*place = 0;
	return 0;
}

/* The first mapping of a table that does not lie below `start`. */
static __always_inline __u32 mapping_first(__u32 table, __u32 count, __u64 start)
{
	__u32 low = 0, high = count;

	for (int i = 0; i < UNWIND_MAPPING_STEPS && low < high; i++) {
		__u32 middle = (low + high) / 2, key = table + middle;
		struct unwind_mapping *mapping = bpf_map_lookup_elem(&mappings, &key);

		if (mapping && mapping->end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Empty the mappings that [start, end) touches. Returns whether there are any. */
static __always_inline bool mappings_empty(struct unwind_process *process, __u32 slot, __u64 start,
					   __u64 end)
{
	__u32 active = *(volatile __u32 *)&process->active & 1;
	__u32 table = (slot * 2 + active) * UNWIND_MAX_MAPPINGS, count = process->count[active];
	__u32 first = mapping_first(table, count, start), i = 0;

	for (; i < CODE_PIECES && first + i < count; i++) {
		__u32 key = table + first + i;
		struct unwind_mapping *mapping = bpf_map_lookup_elem(&mappings, &key);

		if (!mapping || mapping->start >= end)
			break;
		mapping->end = mapping->start;
	}
	if (i == CODE_PIECES)
		process->count[active] = 0;
	return i > 0;
}

/* [start, start + length) is about to be unmapped, or has been. */
static __noinline int code_unmapped(__u32 slot, __u64 start, __u64 length)
{
	struct unwind_process *process = bpf_map_lookup_elem(&process_tables, &slot);
	struct forget_context context = { .first = slot * UNWIND_CACHE_ROWS };

	if (!process)
		return 0;
	/* First of all: user space, which may just be putting another table in force, must see
	 * this, or the look at `active` must see that table. */
	__sync_fetch_and_add(&process->unmaps, 1);
	if (!mappings_empty(process, slot, start, start + length))
		return 0;
	__sync_fetch_and_add(&process->emptied, 1);
	process->stale = 1;
	__sync_fetch_and_add(&process->epoch, 1);
	bpf_loop(UNWIND_CACHE_ROWS, rule_forget, &context, 0);
	return 0;
}

/*
 * A system call of this thread begins or ends. At its beginning because another thread may map
 * something else there before its end is seen; at its end because until then user space
 * may have read mappings that were still there.
 */
static __always_inline void code_change(const struct pt_regs *regs, long number)
{
	struct thread_state *thread;

	if (number != NR_MUNMAP && (number != NR_MMAP || !(regs->r10 & MAP_FIXED_FLAG)))
		return;
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (thread)
		code_unmapped(thread->slot, regs->di, regs->si);
}

#endif
