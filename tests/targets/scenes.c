/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scenes [children]: allocations at the ends of stacks that are hard to walk (lib/scenes.h),
 * in a program at a fixed address whose calls into libraries are bound late; with
 * `children`, another thread makes children by vfork meanwhile.
 */
#include "lib/scenes.h"
#include "target.h"

__attribute__((noinline)) static long saves(void)
{
	long a = 1, b = 2, c = 3, d = 4, e = 5, r;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	r = allocate();
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	return r + (a + b + c + d + e) / 15 - 1;
}

static inline __attribute__((always_inline)) long inlined(void)
{
	SCENE_RETURN(saves());
}

__attribute__((noinline)) static long next(void)
{
	SCENE_RETURN(inlined());
}

/* In a program at a fixed address, a library function's address is its PLT stub. */
__attribute__((noinline)) static long pointer_to_plt(void)
{
	scene_fn volatile pointer = c_plain;

	SCENE_RETURN(pointer());
}

__attribute__((noinline)) static long stubs_on_stack(void)
{
	scene_fn pointer = c_plain;
	void *table;

	__asm__ volatile("lea _GLOBAL_OFFSET_TABLE_(%%rip), %0" : "=r"(table), "+r"(pointer));
	c_fault_on(table);
	SCENE_RETURN(pointer());
}

__attribute__((noinline)) static long bound_late(void)
{
	SCENE_RETURN(c_bound_late());
}

int main(int argc, char **argv)
{
	long count = 0;

	c_start_children(argc > 1 && strcmp(argv[1], "children") == 0);
	target_ready(argc, argv);
	c_run_children();
	count += scenes_common(next);
	count += bound_late() + 1;
	count += stubs_on_stack() + 2;
	count += pointer_to_plt();
	target_print("{\"truth\":{\"blocks\":%ld,\"children\":%ld}}\n", count, c_wait_children());
	target_finish();
}
