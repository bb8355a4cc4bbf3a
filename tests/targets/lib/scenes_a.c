/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allocation itself, frames of variable size, and recursion. */
#include <stdlib.h>

#include "scenes.h"

#define MAX_BLOCKS 4096
#define FIRST_SIZE 30011
#define SIZE_STEP 16

static void *volatile held[MAX_BLOCKS];
static long held_count;

__attribute__((noinline)) void checkpoint(long size)
{
	__asm__ volatile("" : : "r"(size) : "memory");
}

__attribute__((noinline)) long allocate(void)
{
	long size = FIRST_SIZE + SIZE_STEP * held_count;

	checkpoint(size);
	held[held_count++ % MAX_BLOCKS] = malloc(size);
	return 1;
}

__attribute__((noinline)) long a_alloca(long bytes, scene_fn next)
{
	volatile char *text = __builtin_alloca(bytes);
	long r;

	text[0] = 1;
	r = next();
	return r + text[0] - 1;
}

__attribute__((noinline)) long a_realigned(scene_fn next)
{
	volatile char buffer[96] __attribute__((aligned(64)));
	long r;

	buffer[0] = 1;
	r = next();
	return r + buffer[0] - 1;
}

__attribute__((noinline)) long a_recurse(long left)
{
	volatile char *text = __builtin_alloca(1 + left % 90);

	text[0] = 0;
	SCENE_RETURN((left ? b_recurse(left - 1) : allocate()) + text[0]);
}

__attribute__((noinline)) long scenes_common(scene_fn next)
{
	long count = 0;

	count += a_alloca(100, next);
	count += a_alloca(70000, next);
	count += a_realigned(next);
	count += a_recurse(3);
	count += a_recurse(60);
	count += a_recurse(200);
	count += b_sort(next);
	count += b_raise(next);
	count += b_raise_on_other_stack(next);
	count += c_trap_at_entry(next);
	SCENE_RETURN(count);
}
