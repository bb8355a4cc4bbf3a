/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames DEEPEST [STEP]: call chains of every depth from 1 to DEEPEST (STEP by
 * STEP) from the main thread and from another, alternating between this program
 * and two shared libraries. Frame pointers are omitted everywhere, and the six
 * functions of a round have frames of every kind that compilers make:
 * small, many saved registers, large, variable (alloca), realigned, and many
 * arguments on the stack.
 *
 * The chain of depth d allocates 10000 + d bytes (main) or 20000 + d (thread).
 *
 * frames plugin PATH: loads the library at PATH after "go", and it allocates.
 */
#include <dlfcn.h>
#include <pthread.h>

#include "lib/frames.h"
#include "target.h"

#define MAX_DEPTH 1000

static void *volatile held[2 * MAX_DEPTH];
static _Atomic int held_count;
static int deepest, step;
static pthread_barrier_t barrier;

static long allocate(long size)
{
	void *block = malloc(size);

	int place = held_count++;

	if (!block || place >= 2 * MAX_DEPTH)
		_exit(95);
	held[place] = block;
	return 1;
}

/* A round: exe_plain, a_saves, b_large, exe_alloca, a_realigned, b_arguments. */
__attribute__((noinline)) long exe_plain(const struct chain *chain, long left)
{
	long r = left ? a_saves(chain, left - 1) : chain->bottom(chain->size);

	__asm__ volatile("" : "+r"(r));
	return r + 1;
}

__attribute__((noinline)) long exe_alloca(const struct chain *chain, long left)
{
	volatile char *text = __builtin_alloca(16 + (left * 37) % 500);
	long r;

	text[0] = 1;
	r = left ? a_realigned(chain, left - 1) : chain->bottom(chain->size);
	return r + text[0];
}

__attribute__((noinline)) static void chains(long base)
{
	for (int depth = 1; depth <= deepest; depth += step) {
		struct chain chain = { .bottom = allocate, .size = base + depth };

		if (exe_plain(&chain, depth - 1) != depth + 1)
			_exit(94);
	}
}

__attribute__((noreturn)) static void *thread_main(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
	chains(20000);
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

__attribute__((noinline)) static long load_plugin(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	long (*plugin_work)(void) = library ? (long (*)(void))dlsym(library, "plugin_work") : NULL;
	long count = 0;

	if (!plugin_work)
		_exit(92);
	for (int i = 0; i < 100; i++) {
		count += plugin_work();
		target_sleep_until(target_now_ns() + 10000000);
	}
	return count;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	long count = 0;

	if (argc > 2 && strcmp(argv[1], "plugin") == 0) {
		target_ready(argc, argv);
		count = load_plugin(argv[2]);
	} else {
		deepest = target_number(argc, argv, 1, 1, MAX_DEPTH);
		step = argc > 2 && argv[2][0] != '-' ? target_number(argc, argv, 2, 1, MAX_DEPTH)
						     : 1;
		pthread_barrier_init(&barrier, NULL, 2);
		if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
			_exit(93);
		target_ready(argc, argv);
		chains(10000);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		count = held_count;
	}
	target_print("{\"truth\":{\"blocks\":%ld}}\n", count);
	target_finish();
}
