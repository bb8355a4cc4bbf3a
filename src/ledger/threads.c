/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void threads_free(struct threads *threads)
{
	free(threads->rows);
	map_free(&threads->by_tid);
	memset(threads, 0, sizeof(*threads));
}

static int add_others(struct threads *threads, uint32_t *ret_row)
{
	if (!threads->others) {
		struct thread *thread = &threads->rows[threads->count];

		memcpy(thread->comm, "(others)", sizeof("(others)"));
		threads->others = (uint32_t)++threads->count;
	}
	*ret_row = threads->others - 1;
	return 0;
}

static int add(struct threads *threads, uint32_t tid, uint32_t *ret_row)
{
	uint32_t row = (uint32_t)threads->count;

	if (VEC_PUSH_ROOM(threads->rows, threads->count, threads->capacity) < 0)
		return -ENOMEM;
	if (threads->count >= THREADS_MAX)
		return add_others(threads, ret_row);
	if (map_set(&threads->by_tid, tid, row) < 0)
		return -ENOMEM;
	threads->rows[row].tid = tid;
	threads->count++;
	threads->cached = false;
	*ret_row = row;
	return 0;
}

int threads_find(struct threads *threads, uint32_t tid, uint64_t now_ns, uint32_t *ret_row)
{
	uint32_t row;

	if (threads->cached && threads->cached_tid == tid) {
		*ret_row = threads->cached_row;
		return 0;
	}
	if (!map_get(&threads->by_tid, tid, &row) ||
	    (threads->rows[row].exited && now_ns > threads->rows[row].exit_ns)) {
		int result = add(threads, tid, &row);

		if (result < 0)
			return result;
	}
	threads->cached = !threads->rows[row].exited;
	threads->cached_tid = tid;
	threads->cached_row = row;
	*ret_row = row;
	return 0;
}

int threads_introduce(struct threads *threads, uint32_t tid, uint64_t start_ns, const char *comm,
		      uint64_t now_ns)
{
	struct thread *thread;
	uint32_t row;
	bool known = map_get(&threads->by_tid, tid, &row);

	if (known) {
		thread = &threads->rows[row];
		if (start_ns && thread->start_ns)
			known = start_ns == thread->start_ns;
		else
			known = !thread->exited || now_ns <= thread->exit_ns;
		if (!known && !thread->exited)
			threads_exit(threads, tid, now_ns);
	}
	if (!known) {
		int result = add(threads, tid, &row);

		if (result < 0)
			return result;
	}
	if (row + 1 == threads->others)
		return 0;
	thread = &threads->rows[row];
	if (start_ns)
		thread->start_ns = start_ns;
	memcpy(thread->comm, comm, sizeof(thread->comm));
	thread->comm[sizeof(thread->comm) - 1] = '\0';
	return 0;
}

static void mark_exited(struct threads *threads, struct thread *thread, uint64_t now_ns)
{
	if (!thread->exited) {
		thread->exited = true;
		thread->exit_ns = now_ns;
	}
	threads->cached = false;
}

struct thread *threads_exit(struct threads *threads, uint32_t tid, uint64_t now_ns)
{
	uint32_t row;

	if (!map_get(&threads->by_tid, tid, &row))
		return NULL;
	mark_exited(threads, &threads->rows[row], now_ns);
	return &threads->rows[row];
}

void threads_exit_all(struct threads *threads, uint32_t except, uint64_t now_ns)
{
	for (size_t i = 0; i < threads->count; i++)
		if (except == 0 || threads->rows[i].tid != except)
			mark_exited(threads, &threads->rows[i], now_ns);
}
