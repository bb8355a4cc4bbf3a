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

#include "memo.bpf.h"

#define FAST_STEPS 8 /* frames walked in one go; more make the verifier slow */

struct walk_context {
	struct walk *walk;
};

enum fast_result {
	FAST_STOPPED, /* the frame at walk->pc takes more */
	FAST_ON,      /* FAST_STEPS frames done, and none was hard */
	FAST_JOINED,  /* this is where the last walk was at frame walk->join - 1 */
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
	__u64 pc = walk->pc, sp = walk->sp, fp = walk->fp, saved = walk->saved;
	__u64 start = walk->copy_start, length = walk->copy_length;
	__u32 count = walk->record.count, join = walk->join;

	for (int i = 0; i < FAST_STEPS; i++) {
		__u64 cfa, at_pc, at_fp, next_pc;
		__u32 at = FRAME_AT(WALK_FRAMES - 1 - count);
		__s64 next_saved;
		bool found = false;

		if (join)
			join = memo_seek(walk, join, pc, sp, fp, &found);
		result = FAST_JOINED;
		if (found)
			break;
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
			next_saved = rule & UNWIND_CACHE_RBP_SAVED ? (__s64)(__s8)rule * 8 :
								     WALK_NOT_SAVED;
		} else {
			/* Thread and program start with rbp 0 (x86-64 psABI 3.4.1). */
			if (fp == 0)
				result = FAST_END;
			else if (fp - sp > FP_REACH)
				break;
			cfa = fp + 16;
			next_saved = -16;
		}
		if (result != FAST_END) {
			at_pc = cfa - 8 - start;
			at_fp = next_saved == WALK_NOT_SAVED ? at_pc : cfa + next_saved - start;
			if (cfa <= sp || ((at_pc | at_fp) & 7) || at_pc > COPY_BYTES - 8 ||
			    at_fp > COPY_BYTES - 8 || at_pc + 8 > length || at_fp + 8 > length)
				break;
			next_pc = COPIED(walk, at_pc);
			if (next_pc == 0)
				break;
		}
		walk->pcs[at] = pc;
		walk->sps[at] = sp;
		walk->fps[at] = fp;
		walk->saves[at] = saved;
		count++;
		if (result == FAST_END)
			break;
		if (next_saved != WALK_NOT_SAVED)
			fp = COPIED(walk, at_fp);
		pc = next_pc;
		sp = cfa;
		saved = next_saved;
		result = FAST_ON;
	}
	walk->pc = pc;
	walk->sp = sp;
	walk->fp = fp;
	walk->saved = saved;
	walk->join = join;
	walk->record.count = count;
	return result;
}

/* Remember the rule found for `pc`, so that the next walk does not search. */
static __always_inline void rule_remember(struct walk *walk, __u64 pc, __u64 rule)
{
	__u32 key = walk->cache + (pc & (UNWIND_CACHE_ROWS - 1));
	__u64 *place = bpf_map_lookup_elem(&rule_cache, &key);

	if (place && rule && pc >> 47 == 0)
		*place = unwind_cache_tag(pc, walk->epoch) << UNWIND_CACHE_TAG_SHIFT | rule;
}

/*
 * The easy part of a step: by the memo, or fast. Returns whether it was; *ret_done is then
 * what the step returns. Else the frame at walk->pc takes more.
 */
static __always_inline bool walk_easy(struct walk *walk, bool rules, long *ret_done)
{
	enum fast_result fast;

	*ret_done = 0;
	if (walk->unchecked) {
		*ret_done = memo_compare(walk);
		return true;
	}
	fast = walk_fast(walk, rules);
	if (fast == FAST_END)
		*ret_done = walk_end(walk, WIRE_STACK_COMPLETE);
	return fast != FAST_STOPPED && (fast != FAST_JOINED || memo_join(walk));
}

static long walk_step_rows(__u32 index, struct walk_context *context)
{
	struct walk *walk = context->walk;
	struct unwind_mapping *mapping;
	struct unwind_row *row = NULL;
	__u64 pc, rule = 0;
	int undone;
	long done;

	if (!walk->leaf && walk_easy(walk, true, &done))
		return done;
	/* A return address may be the first byte behind its function: look up the call. */
	pc = walk->leaf ? walk->pc : walk->pc - 1;
	mapping = mapping_find(walk, pc);
	/* The trampolines' page may begin where a file's mapping ends. */
	undone = !mapping || walk->pc == mapping->end ? trampoline_undo(walk) : 0;
	if (undone)
		return undone > 0 ? 0 : walk_end(walk, WIRE_STACK_TRAMPOLINE);
	if (!memo_note(walk))
		return 1;
	if (mapping)
		row = row_find(mapping, pc - mapping->bias);
	if (row)
		rule = unwind_cache_rule(row);
	if (!rule || walk->leaf)
		walk->unusual = walk->record.count;
	if (!mapping) {
		walk->stale = 1;
		return step_without_row(walk, WIRE_STACK_NO_MODULE);
	}
	if (!row && mapping->index_base == UNWIND_AWAY)
		walk->missed = pc;
	if (!row || (row->kind & 15) == UNWIND_CFA_NONE)
		return step_without_row(walk, WIRE_STACK_NO_ROW);
	rule_remember(walk, pc, rule);
	if ((row->kind & 15) == UNWIND_CFA_END)
		return walk_end(walk, WIRE_STACK_COMPLETE);
	if ((row->kind & 15) == UNWIND_CFA_SIGNAL)
		return step_signal(walk);
	return step_row(walk, row);
}

static long walk_step_fp(__u32 index, struct walk_context *context)
{
	struct walk *walk = context->walk;
	long done;

	if (walk_easy(walk, false, &done))
		return done;
	if (!memo_note(walk))
		return 1;
	return step_fp(walk, WIRE_STACK_NO_ROW);
}

/* Rounds of the loop: a frame and a trampoline each, and the memo's: every join may fail. */
#define WALK_ROUNDS (6 * WIRE_MAX_FRAMES)

/*
 * Walk from the registers given: pc is a return address. Leaves count, status,
 * flags and id in walk->record; walk_frames() puts the frames behind it.
 */
static __always_inline void walk_run(struct walk *walk, struct unwind_process *process, __u32 slot,
				     __u64 pc, __u64 sp, __u64 fp)
{
	struct walk_context context = { .walk = walk };
	/* In this order: user space changes the table first. What an old table says must
	 * never pass for the new epoch's. */
	__u32 epoch = *(volatile __u32 *)&process->epoch;
	__u32 active = *(volatile __u32 *)&process->active & 1;

	memo_begin(walk, epoch);
	walk->pc = pc;
	walk->sp = sp;
	walk->fp = fp;
	walk->leaf = 0;
	walk->stale = 0;
	walk->missed = 0;
	walk->hint = 0;
	walk->cache = slot * UNWIND_CACHE_ROWS;
	walk->table = (slot * 2 + active) * UNWIND_MAX_MAPPINGS;
	walk->table_count = process->count[active];
	walk->record.count = 0;
	walk->record.flags = stack_mode == STACK_FP ? WIRE_STACK_USED_FP : 0;
	walk->record.zero = 0;
	walk->record.status = WIRE_STACK_TRUNCATED;
	if (copy_stack(walk, sp & ~7ull, walk->copy_want ? walk->copy_want : COPY_BYTES) < 0)
		walk->copy_start = ~0ull;
	if (stack_mode == STACK_FP)
		bpf_loop(WALK_ROUNDS, walk_step_fp, &context, 0);
	else
		bpf_loop(WALK_ROUNDS, walk_step_rows, &context, 0);
	if (walk->stale)
		process->stale = 1;
	if (walk->missed)
		process->missed = walk->missed;
	/* A thread's stacks are mostly alike: next time copy what this one took. */
	walk->copy_want = ((__u32)(walk->sp - sp) | 63) + 1;
	memo_end(walk);
	/* The same frames with another ending are another stack. */
	walk->record.id = (walk->hash ^ walk->record.status) * 0x9e3779b97f4a7c15ull | 1;
}

#endif
