// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs' entry points. What they do is in the headers beside this file. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "calls.bpf.h"
#include "change.bpf.h"
#include "govern.bpf.h"
#include "kernel.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Since Linux 6.13 a uprobe program with a large stack frame gets a per-CPU
 * "private stack", although it can be preempted: another thread's program would
 * overwrite it. Programs that contain a tail call keep the ordinary stack, so
 * each has one that is never taken.
 */
static __always_inline void guard_stack(void *ctx)
{
	if (enabled == ~0u)
		bpf_tail_call(ctx, &nowhere, 0);
}

SEC("uprobe")
int outlive_enter(struct pt_regs *ctx)
{
	struct govern govern = { .count = NULL };

	guard_stack(ctx);
	if (!enabled)
		return 0;
	if (governed)
		govern_begin(&govern);
	call_enter(ctx, bpf_get_attach_cookie(ctx));
	if (governed)
		govern_end(&govern);
	return 0;
}

/* At return probes, and as an ordinary one where SHAPE_ALLOC_LEAVE calls end. */
SEC("uretprobe")
int outlive_return(struct pt_regs *ctx)
{
	struct govern govern = { .count = NULL };

	guard_stack(ctx);
	if (!enabled)
		return 0;
	if (governed)
		govern_begin(&govern);
	call_return(ctx);
	if (governed)
		govern_end(&govern);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(outlive_sys_enter, struct pt_regs *regs, long number)
{
	if (enabled) {
		range_enter(number);
		code_change(regs, number);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(outlive_sys_exit, struct pt_regs *regs, long result)
{
	if (enabled) {
		range_exit_timed(regs, result);
		code_change(regs, regs->orig_ax);
	}
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(outlive_fork, struct task_struct *parent, struct task_struct *child)
{
	if (enabled)
		process_fork(parent, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(outlive_exec, struct task_struct *task, int old_pid)
{
	if (enabled)
		process_exec(task, old_pid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(outlive_exit, struct task_struct *task)
{
	if (enabled)
		thread_exit(task);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(outlive_rename, struct task_struct *task, const char *comm)
{
	if (enabled)
		process_rename(task, comm);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(outlive_moved, struct cgroup *to, const char *path, struct task_struct *task)
{
	if (enabled)
		process_moved(task);
	return 0;
}
