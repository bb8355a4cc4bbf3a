/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One of several libraries, told apart by NUMBER, that are loaded and unloaded while the program
 * is being traced. Each has functions of the same names with frames of other sizes: the
 * rows of one lead astray in another. Code that is never run gives it thousands of rows.
 */
#include "module.h"

#define WORDS (3 + NUMBER * 5) /* of a frame */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* No two have a function at the same distance. */
__asm__(".pushsection .text\n.skip 256 * " TEXT(NUMBER) ", 0x90\n.popsection");

__attribute__((noinline)) static long module_inner(module_fn bottom, long size)
{
	volatile long room[WORDS];
	long r;

	room[0] = size;
	r = bottom(room[0]);
	return r + room[0] - size;
}

__attribute__((noinline)) static long module_middle(module_fn bottom, long size)
{
	volatile long room[WORDS * 2 + 1];
	long r;

	room[NUMBER] = size;
	r = module_inner(bottom, room[NUMBER]);
	return r + room[NUMBER] - size;
}

long module_work(module_fn bottom, long size)
{
	long r = module_middle(bottom, size);

	__asm__ volatile("" : "+r"(r));
	return r;
}

#define FILLER(name)                                                                               \
	__attribute__((noinline, used)) static long filler_##name(module_fn f, long a, long b)     \
	{                                                                                          \
		long x = f(a), y = f(b), z = f(a + b);                                             \
                                                                                                   \
		return f(x) + f(y) + f(z) + x * y;                                                 \
	}
#define FILLERS_8(name)                                                                            \
	FILLER(name##0) FILLER(name##1) FILLER(name##2) FILLER(name##3)                            \
	FILLER(name##4) FILLER(name##5) FILLER(name##6) FILLER(name##7)
#define FILLERS_64(name)                                                                           \
	FILLERS_8(name##0) FILLERS_8(name##1) FILLERS_8(name##2) FILLERS_8(name##3)                \
	FILLERS_8(name##4) FILLERS_8(name##5) FILLERS_8(name##6) FILLERS_8(name##7)
#define FILLERS_512(name)                                                                          \
	FILLERS_64(name##0) FILLERS_64(name##1) FILLERS_64(name##2) FILLERS_64(name##3)            \
	FILLERS_64(name##4) FILLERS_64(name##5) FILLERS_64(name##6) FILLERS_64(name##7)

FILLERS_512(a)
FILLERS_512(b)
