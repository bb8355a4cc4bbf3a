/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames larger than what is copied of a stack at once, and with arguments on the stack. */
#include "frames.h"

__attribute__((noinline)) long b_large(const struct chain *chain, long left)
{
	volatile char buffer[5003];
	long r;

	buffer[left % 5003] = 1;
	r = left ? exe_alloca(chain, left - 1) : chain->bottom(chain->size);
	return r + buffer[left % 5003];
}

__attribute__((noinline)) long b_arguments(const struct chain *chain, long left, long a, long b,
					   long c, long d, long e, long f)
{
	long r = left ? exe_plain(chain, left - 1) : chain->bottom(chain->size);

	return r + (a + b + c + d + e + f) / 21;
}
