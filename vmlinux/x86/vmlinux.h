/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few kernel types that bpf/ reads, and of each only the fields it reads.
 * Every access is relocated against the running kernel's BTF at load (CO-RE), so
 * neither order nor offsets here matter; names and types do. vmlinux/check-btf
 * holds them against a kernel's BTF.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/* What a uprobe program gets as context; its layout is ABI (arch/x86/include/asm/ptrace.h). */
struct pt_regs {
	unsigned long r15, r14, r13, r12;
	unsigned long bp, bx;
	unsigned long r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct return_instance {
	unsigned long stack; /* where the return address lies that was replaced */
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances; /* newest first */
};

struct xol_area {
	unsigned long vaddr; /* the [uprobes] page; its first bytes are the return trampoline */
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct uprobes_state uprobes_state;
};

struct thread_struct {
	unsigned long fsbase; /* the thread pointer */
};

struct thread_info {
	__u32 status; /* TS_COMPAT: in a system call of a 32-bit program */
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t euid;
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	__u64 start_time;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct uprobe_task *utask;
	const struct cred *cred;
	char comm[16];
	struct thread_struct thread;
};

#pragma clang attribute pop

#endif
