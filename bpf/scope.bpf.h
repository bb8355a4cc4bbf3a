/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this process traced? */
#ifndef OUTLIVE_BPF_SCOPE_H
#define OUTLIVE_BPF_SCOPE_H

#include "maps.bpf.h"

/* What is known of it; NULL: it is not traced, or was not met yet. */
static __always_inline struct scope_process *process_traced(__u32 pid)
{
	struct scope_process *process = bpf_map_lookup_elem(&processes, &pid);

	return process && process->state != SCOPE_OUTSIDE ? process : NULL;
}

static __always_inline bool user_wanted(__u32 user)
{
	bool wanted = user_count == 0;

	for (__u32 i = 0; i < SCOPE_USERS_MOST && !wanted; i++)
		wanted = i < user_count && users[i] == user;
	return wanted;
}

static __always_inline __u32 user_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, cred, euid.val);
}

/* Count the calls of a process from zero; with BPF_NOEXIST unless they are counted already.
 * Without a place for them they are not. */
static __always_inline void calls_begin(__u32 pid, __u64 flags)
{
	struct sample_calls none = { .blocks = 0 };

	bpf_map_update_elem(&calls, &pid, &none, flags);
}

/* Is the current process wanted? What it is called is for user space to judge. */
static __noinline int process_wanted(__u32 pid, __u32 user)
{
	if (pid == own_pid || !user_wanted(user))
		return 0;
	return scope != SCOPE_CGROUP || bpf_current_task_under_cgroup(&cgroups, 0) == 1;
}

/* Look at the current process, of which nothing is known or that was left out. */
static __noinline int process_judge(__u32 pid, __u32 user)
{
	struct scope_process process = {
		.slot = SCOPE_NO_SLOT,
		.state = first_state,
		.flags = first_flags,
		.sample_bytes = first_sample_bytes,
		.sample_rate = first_sample_rate,
		.user = user,
	};
	bool wanted = process_wanted(pid, user);

	if (!wanted)
		process.state = SCOPE_OUTSIDE;
	if (bpf_map_update_elem(&processes, &pid, &process, BPF_ANY) < 0)
		loss_count(WIRE_LOSS_PROCESS);
	else if (wanted && sampling)
		calls_begin(pid, BPF_NOEXIST);
	return 0;
}

/* Threads are to look their process up again. */
static __always_inline void generation_next(void)
{
	__sync_fetch_and_add(&generation, 1);
}

/* It is to be looked at anew. */
static __always_inline void process_forget(__u32 pid)
{
	bpf_map_delete_elem(&processes, &pid);
	generation_next();
}

/* The current process, looked at if need be; NULL: it is not traced. */
static __always_inline struct scope_process *process_current(__u32 pid)
{
	struct scope_process *process = bpf_map_lookup_elem(&processes, &pid);
	__u32 user;

	if (process && process->state != SCOPE_OUTSIDE)
		return process;
	if (scope == SCOPE_PIDS)
		return NULL;
	if (process && (user_count == 0 || process->user == SCOPE_ANY_USER))
		return NULL;
	user = user_current();
	if (process && process->user == user)
		return NULL;
	process_judge(pid, user);
	return process_traced(pid);
}

#endif
