/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which thread is this, is it traced, and is it inside an allocator call? */
#ifndef OUTLIVE_BPF_THREAD_H
#define OUTLIVE_BPF_THREAD_H

#include "emit.bpf.h"
#include "scope.bpf.h"

/* What stacks of a process have in their ids, so that each process' are sent. */
static __always_inline __u64 process_salt(struct task_struct *task, __u32 pid)
{
	return (BPF_CORE_READ(task, group_leader, start_time) ^ pid) * 0x9e3779b97f4a7c15ull;
}

/* Names a process from exec to exec. self_exec_id counts these (fs/exec.c). */
static __always_inline __u64 process_program(struct task_struct *task, __u32 pid)
{
	__u64 exec_id = BPF_CORE_READ(task, self_exec_id);

	return (process_salt(task, pid) ^ exec_id) * 0xff51afd7ed558ccdull;
}

/* The thread is new, or rows of `processes` changed since it looked. NULL: not traced. */
static __noinline struct thread_state *thread_update(struct thread_state *thread, __u32 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct scope_process *process = process_current(pid);

	if (!thread) {
		if (!process)
			return NULL;
		thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!thread) {
			loss_count(WIRE_LOSS_THREAD_STATE);
			return NULL;
		}
		thread->ids = bpf_get_current_pid_tgid();
		thread->walk.salt = process_salt(task, pid);
		if (sampling)
			thread->sample.program = process_program(task, pid);
	}
	thread->generation = now;
	thread->traced = process ? process->state : 0;
	if (!process) {
		thread->announced = 0;
		return NULL;
	}
	if (sampling) {
		thread->sample.every = process->sample_bytes;
		thread->sample.rate = process->sample_rate;
		thread->sample.flags = process->flags;
	}
	/* What is remembered of the last walk is true of the tables that it went by. */
	if (thread->slot != process->slot)
		thread->walk.good = 0;
	thread->slot = process->slot;
	return thread;
}

/* State of the current thread, announced to user space; NULL when it is not traced. */
static __always_inline struct thread_state *thread_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *thread = bpf_task_storage_get(&threads, task, 0, 0);
	__u32 now = *(volatile __u32 *)&generation;

	if (!thread || thread->generation != now)
		thread = thread_update(thread, now);
	if (!thread || !thread->traced)
		return NULL;
	/* User space waits for the first of a process that BPF met: its tables are to be made. */
	if (!thread->announced &&
	    emit_thread(task, WIRE_THREAD, task->comm, 0,
			scope != SCOPE_PIDS && thread->slot == SCOPE_NO_SLOT ?
				BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		thread->announced = 1;
	return thread;
}

/*
 * Is the outermost call still under way? Then the word where its return address lies is
 * the trampoline that a return probe put there, also when it jumped to the function at
 * hand instead of calling it (glibc's reallocarray ends in `jmp realloc`); or, without
 * a return probe, still the return address. If it was left by longjmp or an exception,
 * something else has been written over it since.
 */
static __always_inline bool call_is_under_way(const struct thread_state *thread)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
	__u64 word = 0;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)thread->call_sp) < 0 || !word)
		return false;
	return word == trampoline || word == thread->call_word;
}

/*
 * Is a function entered with its return address at `sp` called from within the
 * outermost allocator call? Stacks grow down, so everything it calls lies below
 * it. A call that was left without returning is forgotten here.
 */
static __always_inline bool call_is_nested(struct thread_state *thread, __u64 sp)
{
	if (!thread->call_sp)
		return false;
	/* Without a return probe one that jumps on looks like one that was left: then
	 * what it jumped to takes its place. */
	if ((thread->call_word ? sp < thread->call_sp : sp <= thread->call_sp) &&
	    call_is_under_way(thread))
		return true;
	thread->call_sp = 0;
	loss_count(WIRE_LOSS_STALE_CALL);
	return false;
}

#endif
