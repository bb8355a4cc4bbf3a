/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of one process, dead ones included: thread = (tid, start time). */
#ifndef OUTLIVE_LEDGER_THREADS_H
#define OUTLIVE_LEDGER_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "ledger/weight.h"

/* Threads told apart; all further ones share the row of tid 0. */
#define THREADS_MAX 65536

struct thread {
	uint32_t tid;
	uint64_t start_ns; /* 0: not known yet */
	char comm[WIRE_COMM_BYTES];
	bool exited;
	uint64_t exit_ns; /* since the ledger's start */
	struct tally counts; /* as in struct snapshot_thread */
	uint64_t freed_by_others_blocks; /* in 1/WEIGHT_ONE */
	uint64_t closing_frees; /* unknown frees since it last made or freed a known block */
	uint64_t closing_ns;	/* the last of them */
};

/* The thread made or freed a known block at `now_ns`, perhaps told late. */
static inline void thread_uses_heap(struct thread *thread, uint64_t now_ns)
{
	if (now_ns >= thread->closing_ns)
		thread->closing_frees = 0;
}

/* All zeroes is an empty table. */
struct threads {
	struct thread *rows;
	size_t count, capacity;
	struct map by_tid; /* the newest row of a tid */
	uint32_t cached_tid, cached_row; /* the last one found; valid when cached */
	bool cached;
	uint32_t others; /* row + 1 of those beyond THREADS_MAX */
};

void threads_free(struct threads *threads);

/*
 * The row of the thread that did something at `now_ns` (since the ledger's
 * start), made when it was not seen before or when the one known by that tid
 * had ended by then. Returns 0 or -ENOMEM.
 */
int threads_find(struct threads *threads, uint32_t tid, uint64_t now_ns, uint32_t *ret_row);

/*
 * A thread introduces itself, or has a new name. Another start time (0: not
 * known) than the row has is another thread. Returns 0 or -ENOMEM.
 */
int threads_introduce(struct threads *threads, uint32_t tid, uint64_t start_ns, const char *comm,
		      uint64_t now_ns);

/* The thread ended. Its blocks stay. Returns its row, until the next call of this folder;
 * NULL for an unknown one. */
struct thread *threads_exit(struct threads *threads, uint32_t tid, uint64_t now_ns);

/* All ended except `tid` (0: all): exit of the process, or exec. */
void threads_exit_all(struct threads *threads, uint32_t except, uint64_t now_ns);

#endif
