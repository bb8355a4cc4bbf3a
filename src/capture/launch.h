/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a program so that nothing of it escapes the trace.
 *
 * The child is held by ptrace from its exec on. It runs system call by system
 * call until its own first instruction (the ELF entry point) is reached, and
 * whenever a file has been mapped executable the caller may look for
 * allocators and attach: so the probes are there before the dynamic linker
 * runs the first constructor. From the entry point on it runs free, untraced
 * by ptrace.
 */
#ifndef OUTLIVE_CAPTURE_LAUNCH_H
#define OUTLIVE_CAPTURE_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct launch {
	pid_t pid; /* 0: none */
	bool held; /* by ptrace */
	bool reaped;
	int status; /* as wait(2) tells, once reaped */
	uint64_t peak_rss_bytes; /* of its whole life, once reaped */
};

/*
 * Start `argv` (NULL-terminated, looked up in PATH) and hold it at its first
 * instruction, in the dynamic linker. Returns 0, or -ENOENT / -EACCES / … of
 * exec with `error` filled; then there is no child left.
 */
int launch_start(struct launch *launch, char *const argv[], struct error *error);

/* Called whenever the held program has mapped a file executable. Returns 0 or a
 * -errno that ends launch_run. */
typedef int (*launch_mapped_fn)(void *context);

/*
 * Let the program run to its entry point, calling `mapped` on the way, then let
 * it go. Returns 0 (also when it ended before), or the callback's error; the
 * program is let go in any case.
 */
int launch_run(struct launch *launch, launch_mapped_fn mapped, void *context);

/* Has it ended? Reaps it without waiting. */
bool launch_ended(struct launch *launch);

/* Kill the program if it is still held, and reap it: for when attaching failed. */
void launch_abandon(struct launch *launch);

#endif
