/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Callbacks from libc, and signal handlers on either stack. */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenes.h"

static scene_fn sort_next, signal_next;
static long sort_count;
static char other_stack[1 << 16];

__attribute__((noinline)) long b_recurse(long left)
{
	SCENE_RETURN(left ? a_recurse(left - 1) : allocate());
}

static int compare(const void *left, const void *right)
{
	if (sort_next) {
		scene_fn next = sort_next;

		sort_next = NULL;
		sort_count += next();
	}
	return *(const int *)left - *(const int *)right;
}

__attribute__((noinline)) long b_sort(scene_fn next)
{
	int numbers[] = { 5, 3, 8, 1, 9, 2, 7 };

	sort_next = next;
	sort_count = 0;
	qsort(numbers, sizeof(numbers) / sizeof(numbers[0]), sizeof(numbers[0]), compare);
	return sort_count;
}

static void on_signal(int number)
{
	long r = signal_next();

	__asm__ volatile("" : : "r"(r), "r"((long)number));
}

static void handle(int number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	if (sigaction(number, &action, NULL) != 0)
		_exit(90);
}

__attribute__((noinline)) long b_raise(scene_fn next)
{
	signal_next = next;
	handle(SIGUSR1, 0);
	return raise(SIGUSR1) == 0;
}

__attribute__((noinline)) long b_raise_on_other_stack(scene_fn next)
{
	stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };

	signal_next = next;
	handle(SIGUSR2, SA_ONSTACK);
	if (sigaltstack(&stack, NULL) != 0)
		_exit(89);
	return raise(SIGUSR2) == 0;
}
