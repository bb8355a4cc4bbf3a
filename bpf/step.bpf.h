/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of a walk, from a frame to its caller: by the row that is in force at its
 * pc, by frame pointer, out of a signal handler, through a return probe's trampoline.
 * The walk as a whole: walk.bpf.h.
 */
#ifndef OUTLIVE_BPF_STEP_H
#define OUTLIVE_BPF_STEP_H

#include "rows.bpf.h"

#define FP_REACH (1 << 20) /* a frame pointer further away than this is none */
#define USER_PAGE 4096
#define RETURN_INSTANCES 64 /* the kernel keeps no more of a thread: MAX_URETPROBE_DEPTH */

/* Registers of the interrupted frame in a ucontext at sp, x86-64:
 * uc_mcontext.gregs at 40, REG_RBP 10, REG_RSP 15, REG_RIP 16 (glibc sys/ucontext.h). */
#define UCONTEXT_RBP (40 + 10 * 8)
#define UCONTEXT_RSP (40 + 15 * 8)
#define UCONTEXT_RIP (40 + 16 * 8)

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

static __always_inline long walk_end(struct walk *walk, __u8 status)
{
	walk->record.status = status;
	return 1;
}

/* Go to the caller: its pc, and sp just above the return address. */
static __always_inline long walk_go(struct walk *walk, __u64 pc, __u64 sp)
{
	if (pc == 0) {
		walk->unusual = walk->record.count; /* it hangs on a word, not on the pc */
		return walk_end(walk, WIRE_STACK_COMPLETE);
	}
	if (sp <= walk->sp)
		return walk_end(walk, WIRE_STACK_NO_PROGRESS);
	walk->pc = pc;
	walk->sp = sp;
	walk->leaf = 0;
	return 0;
}

/*
 * A return address in no known file may be the trampoline of somebody's return probe
 * (ours are gone by now). The kernel keeps the true one, by where on the stack it lay.
 * Returns 0 when it is none, 1 when walk->pc is the true one now, -1 when that is lost.
 */
static __always_inline int trampoline_undo(struct walk *walk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	unsigned long trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
	struct return_instance *instance;

	if (!trampoline || walk->pc != trampoline)
		return 0;
	instance = (void *)BPF_CORE_READ(task, utask, return_instances);
	for (int i = 0; i < RETURN_INSTANCES && instance; i++) {
		if (BPF_CORE_READ(instance, stack) == walk->sp - 8) {
			walk->pc = BPF_CORE_READ(instance, orig_ret_vaddr);
			return walk->pc != trampoline ? 1 : -1;
		}
		instance = (void *)BPF_CORE_READ(instance, next);
	}
	return -1;
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
	walk->saved = -16;
	return walk_go(walk, pc, fp + 16);
}

/* No row tells the way: by frame pointer if that is allowed, else the walk ends. */
static __always_inline long step_without_row(struct walk *walk, __u8 status)
{
	return stack_mode == STACK_AUTO ? step_fp(walk, status) : walk_end(walk, status);
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
	walk->saved = rbp == UNWIND_RBP_AT_CFA ? (__s64)row->rbp * 8 : WALK_NOT_SAVED;
	return walk_go(walk, pc, cfa);
}

#endif
