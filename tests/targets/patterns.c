/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * patterns THREADS BLOCKS MILLISECONDS: every pattern of retention at once, each from
 * a function of its own.
 *
 *   serve    THREADS threads keep the BLOCKS blocks of their last request; a
 *            request makes the new ones and then drops the old
 *   buffer   the same threads make one block each, once, and keep it
 *   scratch  the same threads, per request, made and freed
 *   leak     one thread, one block every 4 ms, never freed
 *   cache    three threads fill 61 places and go on replacing them at random
 *   startup  made at once, kept
 */
#include <pthread.h>
#include <stdatomic.h>

#include "target.h"

#define MAX_THREADS 32
#define MAX_BLOCKS 4
#define CACHE_THREADS 3
#define CACHE_PLACES 61 /* not divisible by three: never the same number for each thread */
#define STARTUP_BLOCKS 97
#define LEAK_BYTES 1009
#define LEAK_INTERVAL_NS 4000000u
#define MAX_LEAKS 100000

static int threads, blocks;
static uint64_t start_ns, end_ns;
static void *startup_blocks[STARTUP_BLOCKS];
static void *leaks[MAX_LEAKS];
static void *cache_places[CACHE_PLACES];
static _Atomic uint64_t requests, replacements;
static uint64_t leak_count, leak_first_ns, leak_last_ns;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;

static void *check(void *block)
{
	if (!block)
		_exit(95);
	return block;
}

__attribute__((noinline)) static void startup(void)
{
	for (int i = 0; i < STARTUP_BLOCKS; i++)
		startup_blocks[i] = check(malloc(3001));
}

__attribute__((noinline)) static void leak(void)
{
	while (target_now_ns() < end_ns && leak_count < MAX_LEAKS) {
		uint64_t now = target_now_ns();

		leaks[leak_count] = check(malloc(LEAK_BYTES));
		if (leak_count++ == 0)
			leak_first_ns = now;
		leak_last_ns = now;
		target_sleep_until(leak_first_ns + leak_count * LEAK_INTERVAL_NS);
	}
}

/* Each thread first fills places of its own, then replaces any. */
__attribute__((noinline)) static void cache(size_t turn, uint64_t r)
{
	size_t place = turn < CACHE_PLACES ? turn : r % CACHE_PLACES;

	pthread_mutex_lock(&cache_lock);
	free(cache_places[place]);
	cache_places[place] = check(malloc(2003));
	pthread_mutex_unlock(&cache_lock);
}

__attribute__((noinline)) static void serve(void **held)
{
	void *before[MAX_BLOCKS];

	for (int i = 0; i < blocks; i++) {
		before[i] = held[i];
		held[i] = check(malloc(20011));
	}
	for (int i = 0; i < blocks; i++) {
		if (before[i])
			replacements++;
		free(before[i]);
	}
}

__attribute__((noinline)) static void scratch(uint64_t r)
{
	void *volatile block = check(malloc(1 + r % 5003));

	free(block);
}

__attribute__((noinline)) static void buffer(void **held)
{
	*held = check(malloc(10007));
}

/* Each worker serves at its own, uneven pace. */
__attribute__((noreturn)) static void *pool_thread(void *argument)
{
	static _Thread_local void *held[MAX_BLOCKS], *own;
	uint64_t state = 0x9e3779b97f4a7c15u * ((uintptr_t)argument + 1);

	pthread_barrier_wait(&barrier);
	buffer(&own);
	while (target_now_ns() < end_ns) {
		scratch(target_random(&state));
		serve(held);
		requests++;
		target_sleep_until(target_now_ns() + 20000000 + target_random(&state) % 60000000);
	}
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

__attribute__((noreturn)) static void *cache_thread(void *argument)
{
	uint64_t state = 0xd1342543de82ef95u * ((uintptr_t)argument + 1);

	pthread_barrier_wait(&barrier);
	for (size_t turn = (uintptr_t)argument; target_now_ns() < end_ns; turn += CACHE_THREADS) {
		cache(turn, target_random(&state) >> 24);
		target_sleep_until(target_now_ns() + 2000000 + target_random(&state) % 2000000);
	}
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

__attribute__((noreturn)) static void *leak_thread(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
	leak();
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

static void start(void *(*run)(void *), long index)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, (void *)index) != 0)
		_exit(93);
}

int main(int argc, char **argv)
{
	long milliseconds;

	threads = target_number(argc, argv, 1, 1, MAX_THREADS);
	blocks = target_number(argc, argv, 2, 1, MAX_BLOCKS);
	milliseconds = target_number(argc, argv, 3, 100, 600000);
	pthread_barrier_init(&barrier, NULL, threads + CACHE_THREADS + 2);
	for (int i = 0; i < threads; i++)
		start(pool_thread, i);
	for (int i = 0; i < CACHE_THREADS; i++)
		start(cache_thread, i);
	start(leak_thread, 0);
	target_ready(argc, argv);

	start_ns = target_now_ns();
	end_ns = start_ns + milliseconds * 1000000u;
	startup();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	target_print("{\"truth\":{\"requests\":%ju,\"replacements\":%ju,\"leak_bytes\":%ju,"
		     "\"leak_ns\":%ju,\"startup_blocks\":%d}}\n",
		     (uintmax_t)requests, (uintmax_t)replacements,
		     (uintmax_t)(leak_count * LEAK_BYTES),
		     (uintmax_t)(leak_last_ns - leak_first_ns), STARTUP_BLOCKS);
	target_finish();
}
