/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several threads that do nothing but allocate and free, in mixes that are good and bad
 * for pairing young blocks in the kernel:
 *
 *   pairs   a block is freed at once by its thread: all of them are pairs
 *   nested  eight blocks of eight sizes are made and freed in turn, as of a request
 *   mixed   as nested, but one in ten blocks lives on for a few thousand more
 *   kept    each block lives until a hundred thousand others were made: none is a pair
 *   passed  each block is freed by whichever thread comes next
 *
 *   mixes MIX THREADS   prints "ready"; then for each line "SECONDS" on standard input
 *                       runs that long and prints ns of processor time per block
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_THREADS 64
#define BATCH 1024 /* blocks between two looks at the clock */
#define KEPT 100000
#define SOME_KEPT 4096
#define NESTED 8
#define PASSED 64

struct worker {
	void (*batch)(struct worker *worker);
	double seconds; /* how long to run */
	double used;	/* of this thread's processor time */
	unsigned long blocks;
	unsigned int random;
	void *kept[KEPT];
	size_t next;
};

static void *passed[PASSED];

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

__attribute__((noinline)) static void *make(size_t size)
{
	void *block = malloc(size);

	if (!block)
		abort();
	__asm__ volatile("" : "+r"(block) : : "memory");
	return block;
}

static unsigned int below(struct worker *worker, unsigned int limit)
{
	worker->random = worker->random * 1664525 + 1013904223;
	return (worker->random >> 8) % limit;
}

static void batch_pairs(struct worker *worker)
{
	(void)worker;
	for (int i = 0; i < BATCH; i++)
		free(make(64));
}

static void keep(struct worker *worker, void *block, size_t most)
{
	free(worker->kept[worker->next]);
	worker->kept[worker->next] = block;
	worker->next = (worker->next + 1) % most;
}

static void nested(struct worker *worker, unsigned int lives_on)
{
	void *blocks[NESTED];

	for (int i = 0; i < BATCH; i += NESTED) {
		for (int j = 0; j < NESTED; j++)
			blocks[j] = make(16u << j);
		for (int j = NESTED - 1; j >= 0; j--) {
			if (lives_on && below(worker, lives_on) == 0)
				keep(worker, blocks[j], SOME_KEPT);
			else
				free(blocks[j]);
		}
	}
}

static void batch_nested(struct worker *worker)
{
	nested(worker, 0);
}

static void batch_mixed(struct worker *worker)
{
	nested(worker, 10);
}

static void batch_kept(struct worker *worker)
{
	for (int i = 0; i < BATCH; i++)
		keep(worker, make(64), KEPT);
}

static void batch_passed(struct worker *worker)
{
	for (int i = 0; i < BATCH; i++)
		free(__atomic_exchange_n(&passed[below(worker, PASSED)], make(64),
					 __ATOMIC_ACQ_REL));
}

static const struct {
	const char *name;
	void (*batch)(struct worker *worker);
} mixes[] = {
	{ "pairs", batch_pairs }, { "nested", batch_nested }, { "mixed", batch_mixed },
	{ "kept", batch_kept },	  { "passed", batch_passed },
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	double start = now(CLOCK_MONOTONIC), used = now(CLOCK_THREAD_CPUTIME_ID);

	worker->blocks = 0;
	do {
		worker->batch(worker);
		worker->blocks += BATCH;
	} while (now(CLOCK_MONOTONIC) - start < worker->seconds);
	worker->used = now(CLOCK_THREAD_CPUTIME_ID) - used;
	return NULL;
}

static double run(struct worker *workers, int count, double seconds)
{
	pthread_t threads[MOST_THREADS];
	unsigned long blocks = 0;
	double used = 0;

	for (int i = 0; i < count; i++) {
		workers[i].seconds = seconds;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			abort();
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		blocks += workers[i].blocks;
		used += workers[i].used;
	}
	return used * 1e9 / (double)blocks;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	struct worker *workers;
	double seconds;
	size_t mix = 0;

	while (argc == 3 && mix < sizeof(mixes) / sizeof(mixes[0]) &&
	       strcmp(mixes[mix].name, argv[1]) != 0)
		mix++;
	if (count < 1 || count > MOST_THREADS || mix == sizeof(mixes) / sizeof(mixes[0])) {
		fprintf(stderr, "usage: mixes pairs|nested|mixed|kept|passed THREADS\n");
		return 2;
	}
	workers = calloc((size_t)count, sizeof(*workers));
	if (!workers)
		return 1;
	for (int i = 0; i < count; i++) {
		workers[i].batch = mixes[mix].batch;
		workers[i].random = (unsigned int)i;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("ready");
	while (scanf("%lf", &seconds) == 1 && seconds > 0)
		printf("%.2f\n", run(workers, count, seconds));
	return 0;
}
