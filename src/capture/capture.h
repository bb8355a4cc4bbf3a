/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A live trace. Its life: capture_open (check, load, attach), capture_start
 * (from here on everything counts), capture_release (a launched program runs), poll the source, capture_stop (probes out),
 * poll until nothing more comes, capture_close.
 */
#ifndef OUTLIVE_CAPTURE_CAPTURE_H
#define OUTLIVE_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/launch.h"
#include "capture/unwinds.h"
#include "outlive/scope.h"
#include "outlive/unwind.h"
#include "stream/source.h"

#define CAPTURE_BUFFER_DEFAULT (32ull << 20)
#define CAPTURE_BUFFER_LEAST (64ull << 10)
#define CAPTURE_BUFFER_MOST (1ull << 30)
#define CAPTURE_MAX_PIDS 64

#define CAPTURE_MAX_WORDS 16

struct capture_options {
	enum scope_kind scope;
	const uint32_t *pids; /* SCOPE_PIDS: at least one, at most CAPTURE_MAX_PIDS */
	size_t pid_count;
	const char *cgroup; /* SCOPE_CGROUP: its directory */
	/* Of SCOPE_ALL and SCOPE_CGROUP those alone whose name matches one of `names`, a shell
	 * pattern each, and none of `not_names`, and that belong to one of `users`. An empty
	 * list lets all pass. At most CAPTURE_MAX_WORDS, SCOPE_USERS_MOST. */
	const char *const *names, *const *not_names;
	size_t name_count, not_name_count;
	const uint32_t *users;
	size_t user_count;
	struct launch *launch; /* pids[0] is this program, held; NULL when it runs already */
	enum stack_mode stacks;
	bool memo;	       /* compare with the thread's last stack before walking */
	bool pairs;	       /* blocks freed soon by their thread come as counts */
	uint64_t buffer_bytes; /* of the ring; rounded up to a power of two */
	uint64_t unwind_bytes; /* kernel memory for unwind rows, at most: unwinds.h */
	uint64_t min_size;     /* smaller allocations are not traced; 0 all are */
	bool follow;	       /* the children that traced processes fork */
	bool no_blocks;	       /* no probes at all: only address spaces and lives of processes */
	double max_overhead;   /* what tracing may take of a process' CPU time; 0 anything */
	uint64_t sample_bytes; /* blocks are sampled at this rate (outlive/sample.h); 0 all are */
	bool ranges;	       /* trace mmap, munmap, mremap, brk too */
};

struct capture;

/*
 * Check that the processes can be traced, load the programs, put every probe in
 * place. Nothing is recorded yet. Returns 0 and *ret_capture, or a -errno with
 * `error` filled and nothing left behind. `options` and what it points at must
 * outlive the capture.
 */
int capture_open(const struct capture_options *options, struct capture **ret_capture,
		 struct error *error);

/*
 * Begin: `deliver` is told of the processes, their mappings and modules, and
 * from the return of this function every event counts. Returns 0 or a -errno
 * with `error` filled.
 */
int capture_start(struct capture *capture, event_fn deliver, void *context, struct error *error);

/*
 * After capture_start: run the launched program to its entry point, probing what
 * it maps on the way, and let it go. Nothing without a launch. Returns 0 or a
 * -errno with `error` filled.
 */
int capture_release(struct capture *capture, struct error *error);

/*
 * The events. Beside the ring's, it delivers what /proc tells: modules, resident
 * memory, losses. poll() returns -EPIPE when every traced process has ended, or the
 * program that was started (whatever became of its children), and all has been delivered. Owned by the capture; do not close it apart.
 */
struct source *capture_source(struct capture *capture);

/* How many processes are traced now. */
size_t capture_processes(const struct capture *capture);

/*
 * A moment that windows may begin or end at. It lies some 50 us ahead of the call and has
 * passed when this returns, so that blocks freed soon, which come as counts, are counted on
 * the right side of it. Returns its time.
 */
uint64_t capture_mark(struct capture *capture);

/* The same of a moment that is known ahead; the last few set are kept. */
void capture_mark_at(struct capture *capture, uint64_t time_ns);

/*
 * Before a picture of the moment is taken: deliver the blocks that the kernel still keeps
 * because they are young. Returns 0, or what `deliver` returned.
 */
int capture_catch_up(struct capture *capture, event_fn deliver, void *context);

/* End: nothing new is recorded, all probes are out when this returns. What was
 * recorded can still be polled: until 0 comes back. */
void capture_stop(struct capture *capture);

/* Release everything. NULL is fine. */
void capture_close(struct capture *capture);

#endif
