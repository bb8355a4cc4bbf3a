/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to an allocation that make a stack hard to walk: three libraries of
 * them, which scenes.c and throws.cc call. Every allocation has a size of its
 * own, in the same order in every run, so that two tracers can be compared.
 */
#ifndef TESTS_TARGETS_LIB_SCENES_H
#define TESTS_TARGETS_LIB_SCENES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef long (*scene_fn)(void);

/* Keeps the call before it from becoming a jump, which leaves no frame. */
#define SCENE_RETURN(value)                                                                        \
	do {                                                                                       \
		long scene_result = (value);                                                       \
		__asm__ volatile("" : "+r"(scene_result));                                         \
		return scene_result;                                                               \
	} while (0)

/* libscenes_a: where a debugger stops, and what follows it. */
void checkpoint(long size);
long allocate(void); /* checkpoint(size), malloc(size); returns 1 */
long a_alloca(long bytes, scene_fn next);
long a_realigned(scene_fn next);
long a_recurse(long left);

/* libscenes_b: through libc and through the kernel. */
long b_recurse(long left);
long b_sort(scene_fn next); /* `next` once, from a comparison */
long b_raise(scene_fn next); /* in a signal handler */
long b_raise_on_other_stack(scene_fn next); /* in one on a signal stack */

/* libscenes_c: interrupted at one instruction, late binding, and children. */
long c_trap_at_entry(scene_fn next); /* interrupted at a function's first byte */
void c_fault_on(void *table); /* reading the global offset table faults, twice */
long c_bound_late(void); /* its resolver allocates */
long c_plain(void); /* allocates */
void c_start_children(bool wanted); /* before "ready": the thread that makes them, if any */
void c_run_children(void); /* vfork + exec in that thread from now on */
long c_wait_children(void); /* until it did; returns how many there were */

/* All of the above that need nothing of the program, one after another. */
long scenes_common(scene_fn next);

#ifdef __cplusplus
}
#endif
#endif
