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

#include "maps.bpf.h"

#define FP_REACH (1 << 20) /* a frame pointer further away than this is none */
#define USER_PAGE 4096
#define FAST_STEPS 8 /* frames walked in one go; more make the verifier slow */

/* Registers of the interrupted frame in a ucontext at sp, x86-64:
 * uc_mcontext.gregs at 40, REG_RBP 10, REG_RSP 15, REG_RIP 16 (glibc sys/ucontext.h). */
#define UCONTEXT_RBP (40 + 10 * 8)
#define UCONTEXT_RSP (40 + 15 * 8)
#define UCONTEXT_RIP (40 + 16 * 8)

struct walk_context {
	struct walk *walk;
};

/* Copy up to `length` bytes of the stack from `address` on. What lies beyond its last
 * page may not be mapped, so a copy that fails is tried once more up to the page's end. */
static __noinline int copy_stack(struct walk *walk, __u64 address, __u32 length)
{
	if (!walk)
		return -1;
	walk->copy_start = address;
	walk->copy_length = 0;
	if (length > COPY_BYTES)
		length = COPY_BYTES;
	if (bpf_probe_read_user(walk->copy, length, (void *)address) < 0) {
		__u32 left = USER_PAGE - (address & (USER_PAGE - 1));

		if (length > left)
			length = left;
		if (bpf_probe_read_user(walk->copy, length, (void *)address) < 0)
			return -1;
	}
	walk->copy_length = length;
	return 0;
}

/* The stack word at `address`. Returns 0, or -1 when it cannot be read. */
static __always_inline int stack_word(struct walk *walk, __u64 address, __u64 *ret_word)
{
	__u64 offset = address - walk->copy_start;

	if (address & 7)
		return -1;
	if (offset > COPY_BYTES - 8 || offset + 8 > walk->copy_length) {
		if (copy_stack(walk, address, COPY_BYTES) < 0)
			return -1;
		offset = 0;
	}
	*ret_word = *(__u64 *)((char *)walk->copy + (offset & (COPY_BYTES - 8)));
	return 0;
}

/* The mapping that holds `pc`; NULL when no known one does. */
static __always_inline struct unwind_mapping *mapping_find(struct walk *walk, __u64 pc)
{
	struct unwind_mapping *mapping;
	__u32 low = 0, high = walk->table_count;
	__u32 key = walk->table + walk->hint;

	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (mapping && walk->hint < high && pc >= mapping->start && pc < mapping->end)
		return mapping;
	for (int i = 0; i < UNWIND_MAPPING_STEPS && low < high; i++) {
		__u32 middle = (low + high) / 2;

		key = walk->table + middle;
		mapping = bpf_map_lookup_elem(&mappings, &key);
		if (!mapping)
			return NULL;
		if (pc < mapping->start) {
			high = middle;
		} else if (pc >= mapping->end) {
			low = middle + 1;
		} else {
			walk->hint = middle;
			return mapping;
		}
	}
	return NULL;
}

/* The row in force at `vaddr` of a module: the last one that does not lie beyond it. */
static __always_inline struct unwind_row *row_find(const struct unwind_mapping *mapping,
						   __u64 vaddr)
{
	__u64 bucket = vaddr >> UNWIND_BUCKET_SHIFT;
	struct unwind_row *row;
	__u32 low, high, key;
	__u64 *range;

	if (bucket >= mapping->index_count)
		return NULL;
	key = mapping->index_base + (__u32)bucket;
	range = bpf_map_lookup_elem(&buckets, &key);
	if (!range)
		return NULL;
	/* Invariant: row[low] <= vaddr < row[high]. */
	low = (__u32)*range;
	high = *range >> 32;
	for (int i = 0; i < UNWIND_SEARCH_STEPS && low + 1 < high; i++) {
		key = low + (high - low) / 2;
		row = bpf_map_lookup_elem(&rows, &key);
		if (!row)
			return NULL;
		if (row->vaddr <= (__u32)vaddr)
			low = key;
		else
			high = key;
	}
	key = low;
	row = bpf_map_lookup_elem(&rows, &key);
	if (!row || row->vaddr > (__u32)vaddr)
		return NULL;
	return row;
}

static __always_inline long walk_end(struct walk *walk, __u8 status)
{
	walk->record.status = status;
	return 1;
}

/* Go to the caller: its pc, and sp just above the return address. */
static __always_inline long walk_go(struct walk *walk, __u64 pc, __u64 sp)
{
	if (pc == 0)
		return walk_end(walk, WIRE_STACK_COMPLETE);
	if (sp <= walk->sp)
		return walk_end(walk, WIRE_STACK_NO_PROGRESS);
	walk->pc = pc;
	walk->sp = sp;
	walk->leaf = 0;
	return 0;
}

/* One step by frame pointer: {caller's rbp, return address} lie at rbp. */
static __always_inline long step_fp(struct walk *walk, __u8 status)
{
	__u64 fp = walk->fp, caller_fp, pc;

	if (fp < walk->sp || fp - walk->sp > FP_REACH || (fp & 7))
		return walk_end(walk, status);
	if (stack_word(walk, fp, &caller_fp) < 0 || stack_word(walk, fp + 8, &pc) < 0)
		return walk_end(walk, WIRE_STACK_READ_FAULT);
	walk->record.flags |= WIRE_STACK_USED_FP;
	walk->fp = caller_fp;
	return walk_go(walk, pc, fp + 16);
}

/* Out of a signal handler: the interrupted registers lie in the ucontext at sp. */
static __always_inline long step_signal(struct walk *walk)
{
	__u64 fp, sp, pc;

	if (stack_word(walk, walk->sp + UCONTEXT_RBP, &fp) < 0 ||
	    stack_word(walk, walk->sp + UCONTEXT_RSP, &sp) < 0 ||
	    stack_word(walk, walk->sp + UCONTEXT_RIP, &pc) < 0)
		return walk_end(walk, WIRE_STACK_READ_FAULT);
	/* An alternate signal stack may lie above the interrupted one. */
	walk->fp = fp;
	walk->pc = pc;
	walk->sp = sp;
	walk->leaf = 1;
	return pc ? 0 : walk_end(walk, WIRE_STACK_COMPLETE);
}

/* Where the CFA is by `row`. Returns 0 when it cannot be told. */
static __always_inline __u64 row_cfa(struct walk *walk, const struct unwind_row *row)
{
	__u64 base = 0;

	switch (row->kind & 15) {
	case UNWIND_CFA_RSP:
		return walk->sp + (__s64)row->cfa * 8;
	case UNWIND_CFA_RBP:
		return walk->fp + (__s64)row->cfa * 8;
	case UNWIND_CFA_PLT:
		return walk->sp + 8 + ((__s64)(walk->pc & 15) >= row->cfa ? 8 : 0);
	case UNWIND_CFA_DEREF_RSP:
		if (stack_word(walk, walk->sp + (__s64)(row->cfa >> 6) * 8, &base) < 0)
			return 0;
		return base + (row->cfa & 63) * 8;
	case UNWIND_CFA_DEREF_RBP:
		if (stack_word(walk, walk->fp + (__s64)(row->cfa >> 6) * 8, &base) < 0)
			return 0;
		return base + (row->cfa & 63) * 8;
	}
	return 0;
}

static __always_inline long step_row(struct walk *walk, const struct unwind_row *row)
{
	__u64 cfa = row_cfa(walk, row), fp = walk->fp, pc;
	__u8 rbp = row->kind >> 4;

	if (cfa <= walk->sp)
		return walk_end(walk, cfa ? WIRE_STACK_NO_PROGRESS : WIRE_STACK_READ_FAULT);
	if (rbp == UNWIND_RBP_AT_CFA || rbp == UNWIND_RBP_AT_RBP) {
		__u64 base = rbp == UNWIND_RBP_AT_CFA ? cfa : walk->fp;

		if (stack_word(walk, base + (__s64)row->rbp * 8, &fp) < 0)
			return walk_end(walk, WIRE_STACK_READ_FAULT);
	} else if (rbp == UNWIND_RBP_UNKNOWN) {
		fp = 0;
	}
	if (stack_word(walk, cfa - 8, &pc) < 0)
		return walk_end(walk, WIRE_STACK_READ_FAULT);
	walk->fp = fp;
	return walk_go(walk, pc, cfa);
}

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

	if (!walk->leaf) {
		enum fast_result fast = walk_fast(walk, true);

		if (fast != FAST_STOPPED)
			return fast == FAST_END ? walk_end(walk, WIRE_STACK_COMPLETE) : 0;
	}
	if (!walk_note(walk))
		return 1;
	/* A return address may be the first byte behind its function: look up the call. */
	pc = walk->leaf ? walk->pc : walk->pc - 1;
	mapping = mapping_find(walk, pc);
	if (!mapping) {
		walk->stale = 1;
		return step_fp(walk, WIRE_STACK_NO_MODULE);
	}
	row = row_find(mapping, pc - mapping->bias);
	if (!row || (row->kind & 15) == UNWIND_CFA_NONE)
		return step_fp(walk, WIRE_STACK_NO_ROW);
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
		bpf_loop(WIRE_MAX_FRAMES + 1, walk_step_rows, &context, 0);
	if (walk->stale)
		process->stale = 1;
	/* A thread's stacks are mostly alike: next time copy what this one took. */
	walk->copy_want = ((__u32)(walk->sp - sp) | 63) + 1;
	/* The same frames with another ending are another stack. */
	walk->record.id = (walk->hash ^ walk->record.status) * 0x9e3779b97f4a7c15ull | 1;
}

#endif
