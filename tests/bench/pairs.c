/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * malloc(64) and free in a loop, at a given depth of the stack: the worst case of an
 * allocation tracer, since the target does nothing else. As C++: new and delete.
 *
 *   pairs DEPTH      prints "ready"; then for each line "SECONDS" on standard input
 *                    runs that long and prints ns per pair, of this thread's CPU time:
 *                    what else runs on the machine costs time, but not ours
 *
 * DEPTH counts the frames from the caller of malloc to _start, both included; main
 * and the three before it are there anyway.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __cplusplus
#include <new>
#define make(size) ::operator new(size)
#define give_back(block, size) ::operator delete(block, size)
#else
#define make(size) malloc(size)
#define give_back(block, size) free(block)
#endif

#define FRAMES_BEFORE 4 /* _start, __libc_start_main, __libc_start_call_main, main */
#define BATCH 1024	/* pairs between two looks at the clock */

static double cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The compiler barrier after the call keeps it from becoming a jump, which has no frame. */
__attribute__((noinline)) static double run(int depth, double seconds)
{
	double start, elapsed, result;
	unsigned long pairs = 0;

	if (depth > FRAMES_BEFORE + 1) {
		result = run(depth - 1, seconds);
		__asm__ volatile("" ::: "memory");
		return result;
	}
	start = cpu_time();
	do {
		for (int i = 0; i < BATCH; i++) {
			void *block = make(64);

			__asm__ volatile("" : "+r"(block) : : "memory");
			give_back(block, 64);
		}
		pairs += BATCH;
		elapsed = cpu_time() - start;
	} while (elapsed < seconds);
	return elapsed * 1e9 / (double)pairs;
}

int main(int argc, char **argv)
{
	int depth = argc == 2 ? atoi(argv[1]) : 0;
	double seconds;

	if (depth <= FRAMES_BEFORE) {
		fprintf(stderr, "usage: pairs DEPTH (more than %d)\n", FRAMES_BEFORE);
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("ready");
	while (scanf("%lf", &seconds) == 1 && seconds > 0)
		printf("%.2f\n", run(depth, seconds));
	return 0;
}
