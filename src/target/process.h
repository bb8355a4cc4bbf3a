/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process as /proc tells it: can it be traced, since when does it run, what
 * is its name and its program, how much memory is resident, which threads has it.
 *
 * Names come from the target and are hostile: they are bounded and terminated
 * here, but not cleaned (base/text.h) and not for a terminal as they are.
 */
#ifndef OUTLIVE_TARGET_PROCESS_H
#define OUTLIVE_TARGET_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "outlive/wire.h"

struct process_info {
	uint32_t pid; /* thread group id */
	uint32_t ppid;
	char state;	      /* letter of /proc/PID/stat: 'R', 'S', 'Z' … */
	bool kernel_thread;   /* PF_KTHREAD: no address space of its own */
	bool exe_deleted;     /* the program's file was removed or replaced since exec */
	uint64_t start_ns;    /* see process_stat.start_ns */
	uint64_t brk_start;   /* where the heap of brk begins; 0: not known */
	uint64_t rss_bytes;   /* resident now; 0 for a zombie or kernel thread */
	uint64_t peak_rss_bytes;
	char comm[WIRE_COMM_BYTES];
	char exe[PATH_MAX];   /* as the target names it, without " (deleted)"; "" not readable */
};

/* What /proc/PID/stat (or /proc/PID/task/TID/stat) says. */
struct process_stat {
	uint32_t pid; /* the tid in a task's file */
	uint32_t ppid;
	char state;
	bool kernel_thread;
	char comm[WIRE_COMM_BYTES];
	/*
	 * Start on CLOCK_MONOTONIC, as task_struct.start_time. The kernel tells it
	 * in ticks (10 ms) of CLOCK_BOOTTIME, rounded down, so the true value lies
	 * in [start_ns, start_ns + PROCESS_START_PRECISION_NS]; if the machine was
	 * suspended after the start, start_ns is earlier by that suspended time.
	 */
	uint64_t start_ns;
	uint64_t brk_start; /* field 47 (start_brk); 0 without ptrace permission */
};

/* One USER_HZ tick (100 on every architecture we build for) and a reading of two clocks. */
#define PROCESS_START_PRECISION_NS 11000000ull

struct process_thread {
	uint32_t tid;
	uint64_t start_ns; /* as process_stat.start_ns */
	char comm[WIRE_COMM_BYTES];
};

#define PROCESS_MAX_THREADS 65536 /* more are not listed */

/*
 * Can outlive trace `pid`? Returns 0, or after one clear cause and remedy in
 * `error` (may be NULL):
 *   -ESRCH    no such process, it is a zombie, or its first thread is one
 *   -EINVAL   a thread of another process (the text names that process), or a kernel thread
 *   -ENOTSUP  not a 64-bit program of this machine
 *   -EACCES   its program is not ours to look at
 */
int process_check(uint32_t pid, struct error *error);

/*
 * Read everything about `pid` that can be read; what cannot stays zero or "".
 * Returns 0; -ESRCH when there is no such process; -EPROTO when its stat file
 * makes no sense.
 */
int process_read(uint32_t pid, struct process_info *ret_info);

/* What the stat file of `pid` says. Returns as process_read(). */
int process_read_stat(uint32_t pid, struct process_stat *ret_stat);

/* Resident and peak resident bytes (VmRSS and VmHWM of /proc/PID/status; 0 when the
 * process has no memory any more). Either pointer may be NULL. Returns 0 or -ESRCH. */
int process_resident(uint32_t pid, uint64_t *ret_rss, uint64_t *ret_peak);

/*
 * All threads of `pid`, ordered by tid, at most PROCESS_MAX_THREADS; threads that
 * end meanwhile are left out. The caller frees *ret_threads.
 * Returns 0, -ESRCH, or -ENOMEM.
 */
int process_threads(uint32_t pid, struct process_thread **ret_threads, size_t *ret_count);

/* Does any thread of it run (not gone, not a zombie), and is it still the process that
 * started at `start_ns` (0: any)? */
bool process_alive(uint32_t pid, uint64_t start_ns);

/*
 * Parse the text of a stat file, proc_pid_stat(5). The name in it may hold anything,
 * parentheses, blanks and newlines too. `boottime_lead_ns` is CLOCK_BOOTTIME -
 * CLOCK_MONOTONIC. Returns 0, or -EPROTO with *ret_stat untouched.
 */
int process_parse_stat(const char *text, uint64_t boottime_lead_ns, struct process_stat *ret_stat);

#endif
