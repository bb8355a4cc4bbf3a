/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocator calls: what the enter and the return program do.
 *
 * The programs know shapes, not names: the cookie says which arguments are
 * size, count and pointer (outlive/wire.h). The outermost call owns the block;
 * calls made inside it are its own business.
 */
#ifndef OUTLIVE_BPF_CALLS_H
#define OUTLIVE_BPF_CALLS_H

#include "leave.bpf.h"
#include "python.bpf.h"
#include "sample.bpf.h"
#include "thread.bpf.h"
#include "walk.bpf.h"
#include "young.bpf.h"

struct call_args {
	__u64 first, second, third, fourth, fifth;
};

/* All arguments are loaded before one is chosen: the verifier refuses a load from
 * the context at an offset that was chosen at run time. */
static __always_inline void args_load(struct pt_regs *ctx, struct call_args *args)
{
	args->first = PT_REGS_PARM1(ctx);
	args->second = PT_REGS_PARM2(ctx);
	args->third = PT_REGS_PARM3(ctx);
	args->fourth = PT_REGS_PARM4(ctx);
	args->fifth = PT_REGS_RC(ctx);
	barrier_var(args->first);
	barrier_var(args->second);
	barrier_var(args->third);
	barrier_var(args->fourth);
	barrier_var(args->fifth);
}

static __always_inline __u64 args_select(const struct call_args *args, __u8 number)
{
	return number == 1 ? args->first
	     : number == 2 ? args->second
	     : number == 3 ? args->third
	     : number == 4 ? args->fourth
	     : number == 5 ? args->fifth
			   : 0;
}

/*
 * A C++ exception begins inside an allocator call that exceptions may leave: it found no
 * memory. The call is over, and what the exception takes for itself counts again.
 */
static __always_inline void call_throw(struct thread_state *thread, __u64 sp)
{
	if (!call_is_nested(thread, sp) || cookie_shape(thread->cookie) != SHAPE_ALLOC_LEAVE)
		return;
	thread->call_sp = 0;
	if (thread->size >= min_size)
		emit_alloc(thread, 0, 0);
}

static __always_inline bool shape_reallocates(__u8 shape)
{
	return shape == SHAPE_REALLOC || shape == SHAPE_REALLOC_OR_FREE || shape == SHAPE_RESIZE;
}

static __always_inline void free_enter(struct thread_state *thread, __u64 cookie, __u64 address)
{
	if (!address)
		return;
	if (sampling) {
		sample_count_free(thread);
		if (!sample_forget(thread, address))
			return;
	}
	tell_free(thread, cookie, address);
}

/* The old block's note is taken away here, for at the return its address may be another's. */
static __always_inline void realloc_enter(struct thread_state *thread)
{
	thread->enter_ns = bpf_ktime_get_ns();
	if (!sampling || !thread->pointer)
		return;
	sample_count_free(thread);
	/* To user space a block that was not sampled never was. */
	if (!sample_forget(thread, thread->pointer))
		thread->pointer = 0;
}

static __always_inline void call_enter(struct pt_regs *ctx, __u64 cookie)
{
	struct thread_state *thread = thread_current();
	__u64 sp = PT_REGS_SP(ctx) + cookie_sp_offset(cookie);
	__u8 shape = cookie_shape(cookie);
	struct call_args args;
	__u64 size, pointer;

	if (!thread || (governed && thread->traced != SCOPE_TRACED))
		return;
	if (shape == SHAPE_THROW) {
		call_throw(thread, sp);
		return;
	}
	if (call_is_nested(thread, sp))
		return;
	args_load(ctx, &args);
	pointer = args_select(&args, cookie_ptr_arg(cookie));
	if (shape == SHAPE_FREE || shape == SHAPE_FREE_CALL) {
		free_enter(thread, cookie, pointer);
		if (shape == SHAPE_FREE)
			return;
	}
	size = args_select(&args, cookie_size_arg(cookie));
	if (cookie_count_arg(cookie))
		size *= args_select(&args, cookie_count_arg(cookie));
	thread->cookie = cookie;
	thread->size = size;
	thread->pointer = thread->block = pointer;
	if (shape_reallocates(shape))
		realloc_enter(thread);
	thread->call_sp = sp;
	thread->call_word = 0;
	if (shape == SHAPE_ALLOC_LEAVE &&
	    bpf_probe_read_user(&thread->call_word, sizeof(thread->call_word), (void *)sp) < 0)
		thread->call_sp = 0;
}

/*
 * Take the Python part of a stack and make it part of the stack's id. Returns
 * whether there is any.
 */
static __always_inline bool python_take(struct python_walk *walk, __u32 slot, __u64 *id)
{
	const struct python_process *python = bpf_map_lookup_elem(&pythons, &slot);
	struct task_struct *task = bpf_get_current_task_btf();

	if (!python || !python->enabled)
		return false;
	python_run(walk, python, task->thread.fsbase);
	if (walk->record.count == 0 && walk->record.status == WIRE_PYTHON_COMPLETE)
		return false;
	*id = (*id ^ walk->hash) * 0x9e3779b97f4a7c15ull | 1;
	return true;
}

/* Returns whether it went out. */
static __always_inline bool emit_python(struct thread_state *thread, __u64 id)
{
	struct python_walk *walk = &thread->python;
	const struct python_process *python = bpf_map_lookup_elem(&pythons, &thread->slot);
	__u32 count = walk->record.count & 127, length;
	__u64 flags;

	if (python)
		python_finish(walk, python);
	length = sizeof(struct wire_python_stack) + count * sizeof(struct wire_python_frame);
	header_fill(&walk->record.header, WIRE_PYTHON_STACK, length, thread->ids, 0,
		    bpf_ktime_get_ns());
	walk->record.id = id;
	__builtin_memset(walk->record.zero, 0, sizeof(walk->record.zero));
	if (!ring_has_room(&flags)) {
		loss_count(WIRE_LOSS_STACK_RING);
		return false;
	}
	/* Code objects may be gone soon: user space is to read them now. */
	if (wake_wanted)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&ring, &walk->record, length, flags) == 0)
		return true;
	loss_count(WIRE_LOSS_STACK_RING);
	return false;
}

/* The caller of an allocator function, as it goes on. */
struct caller {
	__u64 pc, sp, fp;
	__u64 result; /* that it is given */
};

/* Take the stack and send it if it is new. Returns its id; 0 without stacks. */
static __always_inline __u64 stack_take(const struct caller *caller, struct thread_state *thread)
{
	struct walk *walk = &thread->walk;
	struct unwind_process *process;
	__u32 slot = thread->slot;
	__u64 id, flags, *place;
	__u32 key, length;
	bool python;

	if (stack_mode == STACK_NONE)
		return 0;
	process = bpf_map_lookup_elem(&process_tables, &slot);
	if (!process)
		return 0;
	walk_run(walk, process, slot, caller->pc, caller->sp, caller->fp);
	python = python_take(&thread->python, slot, &walk->record.id);
	id = walk->record.id;
	key = id >> (64 - SENT_BITS);
	place = bpf_map_lookup_elem(&sent, &key);
	if (!place || *place == id)
		return id;
	if (python && !emit_python(thread, id))
		return id;
	walk_frames(walk);
	length = sizeof(struct wire_stack) + (walk->record.count & 127) * 8;
	header_fill(&walk->record.header, WIRE_STACK, length, thread->ids, 0, bpf_ktime_get_ns());
	/* Only a stack that went out counts as sent, or its name would be lost for good. */
	if (!ring_has_room(&flags) || bpf_ringbuf_output(&ring, &walk->record, length, flags) < 0)
		loss_count(WIRE_LOSS_STACK_RING);
	else
		*place = id;
	return id;
}

/* The block that an ALLOC shape made; 0: the call failed. */
static __always_inline __u64 call_result(__u64 result, const struct thread_state *thread)
{
	__u64 address = 0;

	if (cookie_shape(thread->cookie) != SHAPE_ALLOC_OUT)
		return result;
	/* posix_memalign: the pointer is valid only when it returned 0. */
	if ((__u32)result != 0)
		return 0;
	if (bpf_probe_read_user(&address, sizeof(address), (void *)thread->pointer) < 0) {
		loss_count(WIRE_LOSS_OUT_POINTER);
		return 0;
	}
	return address;
}

/* The block there is after a call that changes one; 0: it failed, or with size 0 the
 * block is gone. */
static __always_inline __u64 realloc_result(__u64 result, struct thread_state *thread, __u8 shape)
{
	if (shape == SHAPE_RESIZE)
		return result >= thread->size ? thread->block : 0;
	if (shape == SHAPE_REALLOC_OR_FREE && !result)
		thread->size = 0;
	return result;
}

/* A realloc that failed kept its old block, and so does the sample; without room for its note
 * the block is given up as if it had been freed. */
static __always_inline void realloc_failed(struct thread_state *thread)
{
	if (thread->pointer && !sample_note(thread, thread->pointer))
		thread->size = 0;
}

/* Is the block that a realloc made, if it made one, to be recorded? */
static __always_inline bool realloc_wanted(struct thread_state *thread, __u64 address)
{
	if (thread->size < min_size)
		return false;
	if (sampling && address)
		sample_count_block(thread);
	return !sampling || (address && sample_take(thread, address));
}

static __always_inline void realloc_end(const struct caller *caller, struct thread_state *thread,
					__u8 shape)
{
	__u64 address = realloc_result(caller->result, thread, shape), stack;
	bool ended;

	if (!address && thread->size) {
		if (sampling)
			realloc_failed(thread);
	} else if (!realloc_wanted(thread, address)) {
		/* Then only the end of the old block is told: as of realloc(old, 0). */
		if (!thread->pointer)
			return;
		thread->size = 0;
		address = 0;
	}
	ended = realloc_ends(thread, address);
	stack = address ? stack_take(caller, thread) : 0;
	if (!tell_realloc(thread, address, stack, ended) && sampling && address)
		sample_forget(thread, address);
}

/* The outermost call ends. */
static __always_inline void call_end(const struct caller *caller, struct thread_state *thread)
{
	__u8 shape = cookie_shape(thread->cookie);
	__u64 address, stack;

	thread->call_sp = 0;
	if (shape == SHAPE_FREE_CALL)
		return;
	if (shape_reallocates(shape)) {
		realloc_end(caller, thread, shape);
		return;
	}
	if (thread->size < min_size)
		return;
	address = call_result(caller->result, thread);
	if (sampling && address) {
		sample_count_block(thread);
		if (!sample_take(thread, address))
			return;
	}
	stack = address ? stack_take(caller, thread) : 0;
	if (!tell_alloc(thread, address, stack) && sampling && address)
		sample_forget(thread, address);
}

/* At a return probe the caller goes on; at the end of a call without one it is about to. */
static __always_inline void call_return(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *thread = bpf_task_storage_get(&threads, task, 0, 0);
	struct caller caller = { .pc = PT_REGS_IP(ctx), .sp = PT_REGS_SP(ctx),
				 .fp = PT_REGS_FP(ctx), .result = PT_REGS_RC(ctx) };

	if (!thread || !thread->call_sp)
		return;
	if (thread->call_word) {
		if (caller.sp != thread->call_sp ||
		    !leave_ends(ctx, bpf_get_attach_cookie(ctx), &caller.result))
			return;
		caller.pc = thread->call_word;
		caller.sp += 8;
		thread->call_word = 0;
	} else if (caller.sp != thread->call_sp + 8) {
		/* After the return the stack pointer lies just above where the return address
		 * was: that tells the outermost call's return from those inside it. */
		return;
	}
	call_end(&caller, thread);
}

#endif
