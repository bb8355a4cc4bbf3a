/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tells: the address space of traced processes, and their life.
 *
 * The system-call tracepoints see every call of every process on the machine,
 * so the call's number is looked at first and the process second.
 */
#ifndef OUTLIVE_BPF_KERNEL_H
#define OUTLIVE_BPF_KERNEL_H

#include "calls.bpf.h"
#include "govern.bpf.h"
#include "thread.bpf.h"
#include "young.bpf.h"

/* System call numbers, x86-64: arch/x86/entry/syscalls/syscall_64.tbl. */
enum {
	NR_MMAP = 9,
	NR_MUNMAP = 11,
	NR_BRK = 12,
	NR_MREMAP = 25,
};

#define MAP_ANONYMOUS_FLAG 0x20	  /* include/uapi/asm-generic/mman-common.h */
#define MAP_STACK_FLAG 0x20000	  /* the same file */
#define PROT_EXEC_FLAG 4	  /* the same file */
#define TS_COMPAT 2		  /* arch/x86/include/asm/thread_info.h */
#define LAST_ERRNO (-4095l)	  /* include/linux/err.h: MAX_ERRNO */

static __always_inline bool is_range_call(long number)
{
	return number == NR_MMAP || number == NR_MUNMAP || number == NR_BRK || number == NR_MREMAP;
}

/* 32-bit programs are not traced, and their calls have other numbers. */
static __always_inline bool is_compat(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

static __always_inline void range_enter(long number)
{
	struct thread_state *thread;

	if (!is_range_call(number) || is_compat() ||
	    !process_current(bpf_get_current_pid_tgid() >> 32))
		return;
	thread = thread_current();
	if (thread)
		thread->syscall_ns = bpf_ktime_get_ns();
}

/* Fill what depends on the call. Arguments are still in the registers at the exit. */
static __always_inline void range_fill(struct wire_range *record, const struct pt_regs *regs,
				       long number, long result)
{
	record->fd = -1;
	if (number == NR_MMAP) {
		record->address = result;
		record->length = regs->si;
		record->prot = regs->dx;
		record->map_flags = regs->r10;
		if (!(regs->r10 & MAP_ANONYMOUS_FLAG))
			record->fd = regs->r8;
	} else if (number == NR_MUNMAP) {
		record->address = regs->di;
		record->length = regs->si;
	} else if (number == NR_MREMAP) {
		record->old_address = regs->di;
		record->old_length = regs->si;
		record->address = result;
		record->length = regs->dx;
		record->map_flags = regs->r10;
	} else {
		record->address = result;
	}
}

/* Memory that the program, or an allocator that is not traced, asked for: whence? The call
 * has returned, so the stack pointer lies on the word that it returns to in user space. */
static __always_inline __u64 range_stack(const struct pt_regs *regs, struct thread_state *thread)
{
	struct caller caller = { .pc = regs->ip, .sp = regs->sp, .fp = regs->bp };

	if (thread->traced != SCOPE_MAPPINGS || !(regs->r10 & MAP_ANONYMOUS_FLAG) ||
	    regs->r10 & MAP_STACK_FLAG || regs->dx == 0)
		return 0;
	return stack_take(&caller, thread);
}

static __always_inline void range_exit(const struct pt_regs *regs, long result)
{
	long number = regs->orig_ax;
	struct thread_state *thread;
	struct wire_range *record;
	__u64 stack = 0;

	if (!is_range_call(number) || is_compat() ||
	    !process_current(bpf_get_current_pid_tgid() >> 32))
		return;
	if (result < 0 && result >= LAST_ERRNO)
		return;
	thread = thread_current();
	if (!thread)
		return;
	if (mapping_stacks && number == NR_MMAP)
		stack = range_stack(regs, thread);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(WIRE_LOSS_RANGE_RING);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->stack = stack;
	header_fill(&record->header,
		    number == NR_MMAP	? WIRE_MAP
		    : number == NR_MUNMAP ? WIRE_UNMAP
		    : number == NR_MREMAP ? WIRE_REMAP
					  : WIRE_BRK,
		    sizeof(*record), bpf_get_current_pid_tgid(), 0,
		    bpf_ktime_get_ns());
	record->enter_ns = thread->syscall_ns;
	/* Below the outermost allocator call on the stack: made by it. */
	if (thread->call_sp && regs->sp < thread->call_sp)
		record->header.flags = WIRE_IN_ALLOCATOR;
	range_fill(record, regs, number, result);
	/* New code: user space must know its mapping before stacks through it can be walked. */
	bpf_ringbuf_submit(record, record->fd >= 0 && (record->prot & PROT_EXEC_FLAG) ?
				       BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void range_exit_timed(const struct pt_regs *regs, long result)
{
	__u64 start_ns;

	if (!is_range_call(regs->orig_ax))
		return;
	start_ns = governed ? bpf_ktime_get_ns() : 0;
	range_exit(regs, result);
	if (governed)
		govern_add(start_ns);
}

/*
 * A child process begins in its parent's slot: what is mapped is the same. This runs before
 * the child does, so nothing of it is missed but what needs probes of its own.
 */
static __always_inline bool child_follow(const struct scope_process *parent, __u32 pid)
{
	struct scope_process child = *parent;

	if (sampling)
		calls_begin(pid, BPF_ANY);
	if (bpf_map_update_elem(&processes, &pid, &child, BPF_ANY) == 0)
		return true;
	loss_count(WIRE_LOSS_PROCESS);
	return false;
}

static __always_inline void process_fork(struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = parent->tgid;
	struct scope_process *process;
	struct wire_fork *record;
	bool followed;

	if (child->tgid == parent->tgid)
		return;
	process = bpf_map_lookup_elem(&processes, &pid);
	if (!process)
		return;
	/* The child has them too, whatever becomes of them in the parent. */
	young_tell_all(parent->tgid);
	followed = follow && child_follow(process, child->tgid);
	if (process->state == SCOPE_OUTSIDE)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(WIRE_LOSS_RANGE_RING);
		return;
	}
	header_fill(&record->header, WIRE_FORK, sizeof(*record), bpf_get_current_pid_tgid(), 0,
		    bpf_ktime_get_ns());
	if (followed)
		record->header.flags = WIRE_FOLLOWED;
	if (child->mm == parent->mm)
		record->header.flags |= WIRE_SHARES_MEMORY;
	record->child_pid = child->tgid;
	record->zero = 0;
	record->child_start_ns = child->start_time;
	/* The sooner user space knows, the less of the child is missed. */
	bpf_ringbuf_submit(record, followed ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* A new program: nothing known of the thread is true any more. */
static __always_inline void process_exec(struct task_struct *task, int old_pid)
{
	__u8 flags = old_pid == task->pid ? 0 : WIRE_OTHER_THREAD;
	struct scope_process *process;
	struct thread_state *thread;
	__u32 pid = task->tgid;
	bool was_traced;

	/* Left out or not, another program is looked at anew. One that was traced and is not
	 * any more is told of its last exec. */
	was_traced = process_traced(pid) != NULL;
	if (scope != SCOPE_PIDS && !(was_traced && process_wanted(pid, user_current()))) {
		process_judge(pid, user_current());
		generation_next();
	}
	process = bpf_map_lookup_elem(&processes, &pid);
	if (!process || (process->state == SCOPE_OUTSIDE && !was_traced))
		return;
	process->slot = SCOPE_NO_SLOT;
	young_tell_all(task->tgid);
	thread = bpf_task_storage_get(&threads, task, 0, 0);
	if (thread) {
		thread->call_sp = 0;
		thread->announced = 0;
		thread->slot = SCOPE_NO_SLOT;
		thread->walk.good = 0;
		/* A thread that is not the leader becomes it, by number too. */
		thread->ids = bpf_get_current_pid_tgid();
		if (sampling)
			thread->sample.program = process_program(task, task->tgid);
	}
	if (process->state == SCOPE_OUTSIDE)
		flags |= WIRE_LEAVES;
	emit_thread(task, WIRE_EXEC, task->comm, flags, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void thread_exit(struct task_struct *task)
{
	/* The count falls before this tracepoint: kernel/exit.c, do_exit(). */
	bool last = task->signal->live.counter == 0;
	struct scope_process *process;
	struct wire_exit *record;
	__u32 pid = task->tgid;
	bool traced;

	process = bpf_map_lookup_elem(&processes, &pid);
	if (!process)
		return;
	traced = process->state != SCOPE_OUTSIDE;
	if (last)
		bpf_map_delete_elem(&processes, &pid);
	if (!traced)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(WIRE_LOSS_RANGE_RING);
		return;
	}
	header_fill(&record->header, WIRE_EXIT, sizeof(*record), bpf_get_current_pid_tgid(), 0,
		    bpf_ktime_get_ns());
	record->last_thread = last;
	record->zero = 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* A process left out for its cgroup may be in another one now. */
static __always_inline void process_moved(struct task_struct *task)
{
	__u32 pid = task->tgid;
	struct scope_process *process = bpf_map_lookup_elem(&processes, &pid);

	if (process && process->state == SCOPE_OUTSIDE)
		process_forget(pid);
}

/* A process left out for its name may have another one now. */
static __always_inline void process_rename(struct task_struct *task, const char *comm)
{
	__u32 pid = task->tgid;
	struct scope_process *process = bpf_map_lookup_elem(&processes, &pid);

	if (!process)
		return;
	if (process->state != SCOPE_OUTSIDE)
		emit_thread(task, WIRE_THREAD, comm, 0, BPF_RB_NO_WAKEUP);
	else if (names_matter && task->pid == task->tgid)
		process_forget(pid);
}

#endif
