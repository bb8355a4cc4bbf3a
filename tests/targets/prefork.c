/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefork: a server whose parent makes blocks and then forks workers, as web servers do.
 *
 *   prefork WORKERS GENERATIONS DELAY_MS [--go]
 *
 * A worker waits DELAY_MS, frees some blocks of its parent's, serves its requests (each
 * keeps one block and makes and frees three), and ends when its place is to be taken by
 * one of the next generation; the last generation stays. Workers say what they did through
 * shared memory; nothing but the requests allocates.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "target.h"

#define MAX_WORKERS 256
#define BLOCKS 29 /* the parent's */
#define BLOCK_BYTES 1013
#define REQUESTS 17	/* of each worker */
#define KEPT_BYTES 2003 /* … and the worker's number */
#define BRIEF 3		/* made and freed by each request */
#define BRIEF_BYTES 307

struct worker {
	int pid;
	unsigned int done, ended;
	unsigned int inherited_freed;
};

static struct worker *workers;
static void *volatile blocks[BLOCKS];
static void *volatile kept[REQUESTS];

__attribute__((noinline)) static void serve(unsigned int request, unsigned int number)
{
	kept[request] = malloc(KEPT_BYTES + number);
	for (int i = 0; i < BRIEF; i++) {
		void *volatile brief = malloc(BRIEF_BYTES);

		free(brief);
	}
}

__attribute__((noreturn)) static void work(unsigned int number, bool stays, unsigned int delay_ms)
{
	struct worker *worker = &workers[number];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target_sleep_until(target_now_ns() + delay_ms * 1000000ull);
	for (unsigned int i = 0; i <= number % (BLOCKS - 1); i++) {
		free(blocks[i]);
		worker->inherited_freed++;
	}
	for (unsigned int i = 0; i < REQUESTS; i++)
		serve(i, number);
	__atomic_store_n(&worker->done, 1, __ATOMIC_RELEASE);
	while (stays)
		pause();
	worker->ended = 1;
	_exit(0);
}

static void start(unsigned int number, bool stays, unsigned int delay_ms)
{
	int pid = fork();

	if (pid == 0)
		work(number, stays, delay_ms);
	if (pid < 0)
		_exit(95);
	workers[number].pid = pid;
}

static void await_generation(unsigned int first, unsigned int count, bool stay)
{
	for (unsigned int i = first; i < first + count; i++) {
		while (!__atomic_load_n(&workers[i].done, __ATOMIC_ACQUIRE))
			target_sleep_until(target_now_ns() + 5000000);
		if (!stay && waitpid(workers[i].pid, NULL, 0) != workers[i].pid)
			_exit(94);
	}
}

static void tell(unsigned int count)
{
	target_print("{\"truth\":{\"blocks\":%d,\"block_bytes\":%d,\"workers\":[", BLOCKS,
		     BLOCK_BYTES);
	for (unsigned int i = 0; i < count; i++)
		target_print("%s{\"pid\":%d,\"ended\":%u,\"inherited_blocks\":%u,"
			     "\"live_blocks\":%d,\"live_bytes\":%d,\"allocated_blocks\":%d,"
			     "\"allocated_bytes\":%d,\"freed_blocks\":%d,\"freed_bytes\":%d}",
			     i ? "," : "", workers[i].pid, workers[i].ended,
			     BLOCKS - workers[i].inherited_freed, REQUESTS,
			     REQUESTS * (KEPT_BYTES + (int)i), REQUESTS * (1 + BRIEF),
			     REQUESTS * (KEPT_BYTES + (int)i + BRIEF * BRIEF_BYTES),
			     REQUESTS * BRIEF, REQUESTS * BRIEF * BRIEF_BYTES);
	target_print("]}}\n");
}

int main(int argc, char **argv)
{
	unsigned int count = (unsigned int)target_number(argc, argv, 1, 1, MAX_WORKERS);
	unsigned int generations = (unsigned int)target_number(argc, argv, 2, 1, MAX_WORKERS);
	unsigned int delay_ms = (unsigned int)target_number(argc, argv, 3, 0, 10000);

	workers = mmap(NULL, MAX_WORKERS * MAX_WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	target_ready(argc, argv);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(BLOCK_BYTES);
	for (unsigned int g = 0; g < generations; g++) {
		for (unsigned int i = 0; i < count; i++)
			start(g * count + i, g == generations - 1, delay_ms);
		await_generation(g * count, count, g == generations - 1);
	}
	tell(generations * count);
	target_finish();
}
