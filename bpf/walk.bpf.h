/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack walk.
 *
 * Distribution binaries keep no frame pointers, so the walk follows unwind rows
 * (outlive/unwind.h) that user space made of each module's .eh_frame. It runs
 * when the outermost allocator call has returned: pc, sp and rbp are then the
 * caller's, and no return address is hijacked by our own return probe.
 *
 * Each step: which mapping holds pc → which row → where the CFA is → return
 * address and rbp from the stack. The stack is read through a private copy, in
 * bulk, for a read costs about as much as ten steps of arithmetic, and the rule
 * of a pc met before comes from a cache, so that a stack of ordinary frames is
 * walked without a search. Where no row applies (JIT, assembler) the frame
 * pointer is tried.
 *
 * For the verifier: all state lives in thread storage and not in registers, and
 * searches index maps by key only. Values loaded from a map are unknown to it,
 * so it need not follow every path of the search (clang 14, Linux 6.1 to 6.18).
 */
#ifndef OUTLIVE_BPF_WALK_H
#define OUTLIVE_BPF_WALK_H

#include "step.bpf.h"

#define FAST_STEPS 8 /* frames walked in one go; more make the verifier slow */

struct walk_context {
	struct walk *walk;
};

/* The frame's part in the stack's id. Multiply and rotate: order matters, every bit counts. */
static __always_inline __u64 hash_frame(__u64 hash, __u64 pc)
{
	hash = (hash ^ pc) * 0x9e3779b97f4a7c15ull;
	return hash << 29 | hash >> 35;
}

/* An index masked where the verifier sees it: clang drops a mask that it can prove not
 * to be needed, from facts that the verifier has not kept. */
#define MASKED(index, mask)                                                                        \
	({                                                                                         \
		__u64 masked = (index);                                                            \
		barrier_var(masked);                                                               \
		masked & (mask);                                                                   \
	})

/* Note the frame at walk->pc. Returns whether there was room. */
static __always_inline bool walk_note(struct walk *walk)
{
	__u32 count = walk->record.count;

	if (count >= WIRE_MAX_FRAMES)
		return false;
	walk->frames[MASKED(count, 127)] = walk->pc;
	walk->record.count = count + 1;
	walk->hash = hash_frame(walk->hash, walk->pc);
	return true;
}

enum fast_result {
	FAST_STOPPED, /* the frame at walk->pc takes more */
	FAST_ON,      /* FAST_STEPS frames done, and none was hard */
	FAST_END,     /* the outermost frame is noted */
};

/*
 * Walk on while it is easy, with everything in registers: the words asked for lie in the
 * copy, the next frame lies above this one, there is room. `rules`: by cached rules;
 * else by frame pointers. Stops before the first frame that is not easy.
 */
static __always_inline enum fast_result walk_fast(struct walk *walk, bool rules)
{
	enum fast_result result = FAST_ON;
	__u64 pc = walk->pc, sp = walk->sp, fp = walk->fp, hash = walk->hash;
	__u64 start = walk->copy_start, length = walk->copy_length;
	__u32 count = walk->record.count;

	for (int i = 0; i < FAST_STEPS; i++) {
		__u64 cfa, saved, at_pc, at_fp, next_pc;

		result = FAST_STOPPED;
		if (count >= WIRE_MAX_FRAMES)
			break;
		if (rules) {
			__u32 key = walk->cache + ((pc - 1) & (UNWIND_CACHE_ROWS - 1));
			__u64 *place = bpf_map_lookup_elem(&rule_cache, &key);
			__u64 rule = place ? *place : 0;

			if (rule >> UNWIND_CACHE_TAG_SHIFT !=
			    unwind_cache_tag(pc - 1, walk->epoch))
				break;
			if ((rule & UNWIND_CACHE_RULE) == UNWIND_CACHE_END)
				result = FAST_END;
			cfa = (rule & UNWIND_CACHE_FROM_RBP ? fp : sp) +
			      (__s64)(__s16)(rule >> 8) * 8;
			saved = rule & UNWIND_CACHE_RBP_SAVED;
			at_fp = cfa + (__s64)(__s8)rule * 8;
		} else {
			/* Thread and program start with rbp 0 (x86-64 psABI 3.4.1). */
			if (fp == 0)
				result = FAST_END;
			else if (fp - sp > FP_REACH)
				break;
			cfa = fp + 16;
			saved = 1;
			at_fp = fp;
		}
		if (result == FAST_END) {
			walk->frames[MASKED(count, 127)] = pc;
			count++;
			hash = hash_frame(hash, pc);
			break;
		}
		at_pc = cfa - 8 - start;
		at_fp = saved ? at_fp - start : at_pc;
		if (cfa <= sp || ((at_pc | at_fp) & 7) ||
		    at_pc > COPY_BYTES - 8 || at_fp > COPY_BYTES - 8 || at_pc + 8 > length ||
		    at_fp + 8 > length)
			break;
		next_pc = *(__u64 *)((char *)walk->copy + MASKED(at_pc, COPY_BYTES - 8));
		if (next_pc == 0)
			break;
		if (saved)
			fp = *(__u64 *)((char *)walk->copy + MASKED(at_fp, COPY_BYTES - 8));
		walk->frames[MASKED(count, 127)] = pc;
		count++;
		hash = hash_frame(hash, pc);
		pc = next_pc;
		sp = cfa;
		result = FAST_ON;
	}
	walk->pc = pc;
	walk->sp = sp;
	walk->fp = fp;
	walk->hash = hash;
	walk->record.count = count;
	return result;
}

/* Remember the rule found for `pc`, so that the next walk does not search. */
static __always_inline void rule_remember(struct walk *walk, __u64 pc, const struct unwind_row *row)
{
	__u32 key = walk->cache + (pc & (UNWIND_CACHE_ROWS - 1));
	__u64 rule = unwind_cache_rule(row);
	__u64 *place = bpf_map_lookup_elem(&rule_cache, &key);

	if (place && rule && pc >> 47 == 0)
		*place = unwind_cache_tag(pc, walk->epoch) << UNWIND_CACHE_TAG_SHIFT | rule;
}

static long walk_step_rows(__u32 index, struct walk_context *context)
{
	struct walk *walk = context->walk;
	struct unwind_mapping *mapping;
	struct unwind_row *row;
	__u64 pc;
	int undone;

	if (!walk->leaf) {
		enum fast_result fast = walk_fast(walk, true);

		if (fast != FAST_STOPPED)
			return fast == FAST_END ? walk_end(walk, WIRE_STACK_COMPLETE) : 0;
	}
	/* A return address may be the first byte behind its function: look up the call. */
	pc = walk->leaf ? walk->pc : walk->pc - 1;
	mapping = mapping_find(walk, pc);
	/* The trampolines' page may begin where a file's mapping ends. */
	undone = !mapping || walk->pc == mapping->end ? trampoline_undo(walk) : 0;
	if (undone)
		return undone > 0 ? 0 : walk_end(walk, WIRE_STACK_TRAMPOLINE);
	if (!walk_note(walk))
		return 1;
	if (!mapping) {
		walk->stale = 1;
		return step_without_row(walk, WIRE_STACK_NO_MODULE);
	}
	row = row_find(mapping, pc - mapping->bias);
	if (!row || (row->kind & 15) == UNWIND_CFA_NONE)
		return step_without_row(walk, WIRE_STACK_NO_ROW);
	rule_remember(walk, pc, row);
	if ((row->kind & 15) == UNWIND_CFA_END)
		return walk_end(walk, WIRE_STACK_COMPLETE);
	if ((row->kind & 15) == UNWIND_CFA_SIGNAL)
		return step_signal(walk);
	return step_row(walk, row);
}

static long walk_step_fp(__u32 index, struct walk_context *context)
{
	struct walk *walk = context->walk;
	enum fast_result fast = walk_fast(walk, false);

	if (fast != FAST_STOPPED)
		return fast == FAST_END ? walk_end(walk, WIRE_STACK_COMPLETE) : 0;
	if (!walk_note(walk))
		return 1;
	return step_fp(walk, WIRE_STACK_NO_ROW);
}

/*
 * Walk from the registers given: pc is a return address. Leaves count, status,
 * flags and id in walk->record and the frames behind it.
 */
static __always_inline void walk_run(struct walk *walk, struct unwind_process *process, __u32 slot,
				     __u64 pc, __u64 sp, __u64 fp)
{
	struct walk_context context = { .walk = walk };
	__u32 active = process->active & 1;

	walk->pc = pc;
	walk->sp = sp;
	walk->fp = fp;
	walk->hash = slot;
	walk->leaf = 0;
	walk->stale = 0;
	walk->hint = 0;
	walk->cache = slot * UNWIND_CACHE_ROWS;
	walk->epoch = process->epoch;
	walk->table = (slot * 2 + active) * UNWIND_MAX_MAPPINGS;
	walk->table_count = process->count[active];
	walk->record.count = 0;
	walk->record.flags = stack_mode == STACK_FP ? WIRE_STACK_USED_FP : 0;
	walk->record.zero = 0;
	walk->record.status = WIRE_STACK_TRUNCATED;
	if (copy_stack(walk, sp, walk->copy_want ? walk->copy_want : COPY_BYTES) < 0)
		walk->copy_start = ~0ull;
	if (stack_mode == STACK_FP)
		bpf_loop(WIRE_MAX_FRAMES + 1, walk_step_fp, &context, 0);
	else
		bpf_loop(2 * WIRE_MAX_FRAMES + 1, walk_step_rows, &context, 0);
	if (walk->stale)
		process->stale = 1;
	/* A thread's stacks are mostly alike: next time copy what this one took. */
	walk->copy_want = ((__u32)(walk->sp - sp) | 63) + 1;
	/* The same frames with another ending are another stack. */
	walk->record.id = (walk->hash ^ walk->record.status) * 0x9e3779b97f4a7c15ull | 1;
}

#endif
