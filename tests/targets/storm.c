/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm MILLISECONDS WORK [HELD]: 61 blocks that stay, then for so long of its own CPU time
 * malloc and free in a loop, with WORK rounds of arithmetic after each pair; 0: none at
 * all. A block is freed HELD pairs later, at once when left out, and at the end all are.
 * Says how many pairs it came to.
 */
#include <sys/mman.h>
#include <time.h>

#include "target.h"

#define KEPT 61
#define KEPT_BYTES 5003
#define MAPPED_BYTES (3u << 20)
#define MAX_HELD 5000
#define PAIRS 100 /* between two looks at the clock */

static void *kept[KEPT];
static void *held[MAX_HELD];
static volatile uint64_t sink;
static long holding = 1, place;

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

__attribute__((noinline)) static void keep(void)
{
	for (int i = 0; i < KEPT; i++)
		kept[i] = malloc(KEPT_BYTES);
}

__attribute__((noinline)) static void *map(void)
{
	/* Volatile, or mmap would be jumped to and map() not be on its stack. */
	void *volatile address = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return address;
}

__attribute__((noinline)) static void pair(long work)
{
	uint64_t state = 88172645463325252u;

	free(held[place]);
	held[place] = malloc(64 + place % 1009);
	if (holding == 1) {
		free(held[place]);
		held[place] = NULL;
	}
	place = (place + 1) % holding;
	for (long i = 0; i < work; i++)
		target_random(&state);
	sink = state;
}

int main(int argc, char **argv)
{
	uint64_t length_ns, end_ns, pairs = 0;
	long work;

	length_ns = target_number(argc, argv, 1, 10, 600000) * 1000000u;
	work = target_number(argc, argv, 2, 0, 100000000);
	if (argc > 3)
		holding = target_number(argc, argv, 3, 1, MAX_HELD);
	target_ready(argc, argv);
	keep();
	end_ns = cpu_ns() + length_ns;
	while (cpu_ns() < end_ns) {
		for (int i = 0; i < PAIRS; i++)
			pair(work);
		pairs += PAIRS;
	}
	for (long i = 0; i < holding; i++)
		free(held[i]);
	if (map() == MAP_FAILED)
		_exit(95);
	target_print("{\"truth\":{\"pairs\":%ju,\"kept_bytes\":%d,\"mapped_bytes\":%u}}\n",
		     (uintmax_t)pairs, KEPT * KEPT_BYTES, MAPPED_BYTES);
	target_finish();
}
