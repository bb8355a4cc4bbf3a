/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which thread is this, is it traced, and is it inside an allocator call? */
#ifndef OUTLIVE_BPF_THREAD_H
#define OUTLIVE_BPF_THREAD_H

#include "emit.bpf.h"

static __always_inline bool process_traced(__u32 pid)
{
	return bpf_map_lookup_elem(&processes, &pid) != NULL;
}

/* State of the current thread, announced to user space; NULL when it is not traced. */
static __always_inline struct thread_state *thread_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *thread = bpf_task_storage_get(&threads, task, 0, 0);

	if (!thread) {
		__u32 pid = bpf_get_current_pid_tgid() >> 32;
		__u32 *slot = bpf_map_lookup_elem(&processes, &pid);

		if (!slot)
			return NULL;
		thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!thread) {
			loss_count(WIRE_LOSS_THREAD_STATE);
			return NULL;
		}
		thread->slot = *slot;
		thread->ids = bpf_get_current_pid_tgid();
	}
	if (!thread->announced && emit_thread(task, WIRE_THREAD, task->comm))
		thread->announced = 1;
	return thread;
}

/*
 * At the entry of a function whose return address lies where the outermost
 * call's does: did that call jump here instead of returning (glibc's
 * reallocarray ends in `jmp realloc`)? Then the word there is the trampoline
 * that our return probe put there; if instead the outer call was left by
 * longjmp, this call has just written a true return address over it.
 */
static __always_inline bool is_tail_call(__u64 sp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
	__u64 word = 0;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)sp) < 0)
		return false;
	return trampoline && word == trampoline;
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
	if (sp < thread->call_sp || (sp == thread->call_sp && is_tail_call(sp)))
		return true;
	thread->call_sp = 0;
	loss_count(WIRE_LOSS_STALE_CALL);
	return false;
}

#endif
