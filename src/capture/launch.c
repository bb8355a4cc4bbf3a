/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define INT3 0xccul

static void reap(struct launch *launch, int status, const struct rusage *usage)
{
	launch->reaped = true;
	launch->held = false;
	launch->status = status;
	launch->peak_rss_bytes = (uint64_t)usage->ru_maxrss * 1024;
}

/* Wait for the next stop. Returns true with *ret_signal, false when it ended. */
static bool wait_stop(struct launch *launch, int *ret_signal)
{
	struct rusage usage;
	int status;

	while (wait4(launch->pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			return false;
	}
	if (!WIFSTOPPED(status)) {
		reap(launch, status, &usage);
		return false;
	}
	*ret_signal = WSTOPSIG(status);
	return true;
}

/* In the child: exec, and tell the parent through the pipe when that fails. */
static void become(char *const argv[], int failed)
{
	sigset_t none;
	int code;

	/* outlive handles these itself; the program starts as it would from a shell. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execvp(argv[0], argv);
	code = errno;
	if (write(failed, &code, sizeof(code)) != (ssize_t)sizeof(code))
		_exit(126);
	_exit(127);
}

int launch_start(struct launch *launch, char *const argv[], struct error *error)
{
	int pipe_ends[2], code = 0, stop;

	memset(launch, 0, sizeof(*launch));
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return error_set(error, -errno, "", "cannot make a pipe: %s", strerror(errno));
	launch->pid = fork();
	if (launch->pid == 0)
		become(argv, pipe_ends[1]);
	close(pipe_ends[1]);
	if (launch->pid < 0) {
		code = errno;
		close(pipe_ends[0]);
		return error_set(error, -code, "", "cannot start a process: %s", strerror(code));
	}
	/* The pipe closes by itself when exec succeeds. */
	if (read(pipe_ends[0], &code, sizeof(code)) != (ssize_t)sizeof(code))
		code = 0;
	close(pipe_ends[0]);
	if (!wait_stop(launch, &stop) || code) {
		code = code ? code : ECHILD;
		launch_abandon(launch);
		return error_set(error, -code, "check the command's name and path",
				 "cannot run '%s': %s", argv[0], strerror(code));
	}
	launch->held = true;
	ptrace(PTRACE_SETOPTIONS, launch->pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	return 0;
}

/* The program's entry point as the kernel tells it; 0 not known. */
static unsigned long entry_point(pid_t pid)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[64];
	Elf64_auxv_t row;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	file = fopen(path, "re");
	while (file && fread(&row, sizeof(row), 1, file) == 1) {
		if (row.a_type == AT_ENTRY)
			return row.a_un.a_val;
	}
	return 0;
}

/* Put a breakpoint at `address`. Returns whether it is there, and what it hides. */
static bool breakpoint_set(pid_t pid, unsigned long address, unsigned long *ret_word)
{
	errno = 0;
	*ret_word = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, (void *)address, NULL);
	if (!address || errno)
		return false;
	return ptrace(PTRACE_POKETEXT, pid, (void *)address, (void *)((*ret_word & ~0xfful) | INT3)) ==
	       0;
}

/* Stopped behind the breakpoint? Then take it out and go back to the instruction. */
static bool breakpoint_hit(pid_t pid, unsigned long address, unsigned long word)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0 || registers.rip != address + 1)
		return false;
	ptrace(PTRACE_POKETEXT, pid, (void *)address, (void *)word);
	registers.rip = address;
	ptrace(PTRACE_SETREGS, pid, NULL, &registers);
	return true;
}

/* At the exit of an mmap that made something executable? */
static bool mapped_code(pid_t pid)
{
	struct user_regs_struct registers;

	return ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 &&
	       registers.orig_rax == SYS_mmap && (registers.rdx & 4 /* PROT_EXEC */) &&
	       (long)registers.rax > 0;
}

int launch_run(struct launch *launch, launch_mapped_fn mapped, void *context)
{
	unsigned long entry = entry_point(launch->pid), word;
	bool armed = breakpoint_set(launch->pid, entry, &word);
	int result = mapped(context), signal_number = 0, stop;

	while (result == 0 && armed) {
		if (ptrace(PTRACE_SYSCALL, launch->pid, NULL, (void *)(long)signal_number) < 0 ||
		    !wait_stop(launch, &stop))
			return 0;
		signal_number = 0;
		if (stop == (SIGTRAP | 0x80)) {
			if (mapped_code(launch->pid))
				result = mapped(context);
		} else if (stop == SIGTRAP && breakpoint_hit(launch->pid, entry, word)) {
			armed = false;
		} else if (stop != SIGTRAP) {
			signal_number = stop;
		}
	}
	/* An error on the way leaves the breakpoint in: it must not be run into. */
	if (armed)
		ptrace(PTRACE_POKETEXT, launch->pid, (void *)entry, (void *)word);
	ptrace(PTRACE_DETACH, launch->pid, NULL, (void *)(long)signal_number);
	launch->held = false;
	return result;
}

bool launch_ended(struct launch *launch)
{
	struct rusage usage;
	int status;

	if (launch->pid <= 0 || launch->reaped)
		return launch->reaped;
	if (wait4(launch->pid, &status, WNOHANG, &usage) != launch->pid || WIFSTOPPED(status))
		return false;
	reap(launch, status, &usage);
	return true;
}

void launch_abandon(struct launch *launch)
{
	int stop;

	if (launch->pid <= 0 || launch->reaped)
		return;
	kill(launch->pid, SIGKILL);
	while (wait_stop(launch, &stop))
		;
	launch->pid = 0;
}
