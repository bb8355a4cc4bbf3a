/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * corners vdso       a timer's signals come while the program reads the clock, whose code lies in the
 *                    vdso; the handler allocates
 * corners scribble   100 frames deep, the stack further out is written over with all kinds of
 *                    nonsense while malloc is called, and put right before anybody returns
 * corners race       the same, by another thread all the time
 * corners vfork      children made by vfork allocate and free in this process's memory
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "target.h"

#define TICKS 200
#define ROUNDS 4000
#define BLOCK 1031
#define DEEP 100
#define KEPT 512   /* bytes of stack above the innermost frame that stay as they are */
#define SPOILT 4096 /* … and that are written over behind them */
#define CHILDREN 20

static volatile long ticks, allocated;
static void *volatile last;

__attribute__((noinline)) static void allocate(long size)
{
	last = malloc(size);
	allocated += last != NULL;
}

/* --- vdso -------------------------------------------------------------------------- */

static unsigned long vdso_start, vdso_end;
static volatile long in_vdso;

static void find_vdso(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &vdso_start, &vdso_end);
	}
	if (maps)
		fclose(maps);
}

/* Only where the clock is read: malloc must not be interrupted by itself. */
static void on_tick(int number, siginfo_t *info, void *context)
{
	unsigned long pc = (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)number, (void)info;
	if (pc >= vdso_start && pc < vdso_end) {
		in_vdso++;
		allocate(BLOCK);
	}
	ticks++;
}

__attribute__((noinline)) static void read_clock(void)
{
	struct sigaction action = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO };
	struct itimerspec every = { .it_interval.tv_nsec = 500000, .it_value.tv_nsec = 500000 };
	struct timespec now;
	timer_t timer;

	sigaction(SIGALRM, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) != 0)
		_exit(95);
	timer_settime(timer, 0, &every, NULL);
	while (in_vdso < TICKS)
		clock_gettime(CLOCK_MONOTONIC, &now);
	timer_delete(timer);
}

/* --- scribble ---------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;
static uint64_t *volatile spoilt; /* the words written over by another thread */
static volatile bool race_over;

static uint64_t nonsense(const uint64_t *words, uint64_t *random)
{
	switch (target_random(random) % 8) {
	case 0:
		return 0;
	case 1:
		return target_random(random);
	case 2: /* code that is not where it seems to come from */
		return (uint64_t)(uintptr_t)&allocate + target_random(random) % 4096;
	case 3:
		return (uint64_t)(uintptr_t)&malloc + target_random(random) % 4096;
	case 4: /* up, down and around the stack */
		return (uint64_t)(uintptr_t)words + target_random(random) % (2 * SPOILT) - SPOILT;
	case 5:
		return (uint64_t)(uintptr_t)words & ~15ull;
	case 6:
		return ~0ull << target_random(random) % 64;
	}
	return words[target_random(random) % (SPOILT / 8)];
}

static void spoil(uint64_t *words, uint64_t *random)
{
	uint64_t every = 1 + target_random(random) % 20;

	for (int i = 0; i < SPOILT / 8; i++) {
		if (target_random(random) % every == 0)
			words[i] = nonsense(words, random);
	}
}

__attribute__((noinline)) static void scribble(void)
{
	static uint64_t saved[SPOILT / 8];
	uint64_t *words = (uint64_t *)((uintptr_t)__builtin_frame_address(0) + KEPT);

	for (int i = 0; i < ROUNDS; i++) {
		memcpy(saved, words, SPOILT);
		spoil(words, &seed);
		allocate(BLOCK);
		memcpy(words, saved, SPOILT);
	}
}

static void *other_main(void *unused)
{
	uint64_t random = 362436069;

	(void)unused;
	while (!race_over) {
		if (spoilt)
			spoil(spoilt, &random);
	}
	return NULL;
}

__attribute__((noinline)) static void race(void)
{
	static uint64_t saved[SPOILT / 8];
	uint64_t *words = (uint64_t *)((uintptr_t)__builtin_frame_address(0) + KEPT);
	pthread_t thread;

	if (pthread_create(&thread, NULL, other_main, NULL) != 0)
		_exit(94);
	allocated = 0;
	memcpy(saved, words, SPOILT);
	spoilt = words;
	for (int i = 0; i < ROUNDS; i++)
		allocate(BLOCK);
	race_over = true;
	pthread_join(thread, NULL);
	memcpy(words, saved, SPOILT);
}

__attribute__((noinline)) static long deep(long left, void (*bottom)(void))
{
	volatile long room[10];
	long r = 0;

	room[0] = left;
	if (left)
		r = deep(left - 1, bottom);
	else
		bottom();
	return r + room[0];
}

/* --- vfork ------------------------------------------------------------------------- */

static void *volatile from_child[CHILDREN];

__attribute__((noinline)) static void make_children(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = vfork();
		int status;

		if (child == 0) {
			from_child[i] = malloc(BLOCK + i);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			_exit(93);
		allocated++;
		if (i % 2) {
			free(from_child[i]);
			allocated--;
		}
	}
}

int main(int argc, char **argv)
{
	const char *corner = argc > 1 ? argv[1] : "";

	find_vdso();
	target_ready(argc, argv);
	if (strcmp(corner, "vdso") == 0)
		read_clock();
	else if (strcmp(corner, "scribble") == 0)
		deep(DEEP, scribble);
	else if (strcmp(corner, "race") == 0)
		deep(DEEP, race);
	else if (strcmp(corner, "vfork") == 0)
		make_children();
	target_print("{\"truth\":{\"blocks\":%ld,\"bytes\":%ld}}\n", allocated, allocated * BLOCK);
	target_finish();
}
