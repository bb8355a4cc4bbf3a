/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames with every callee-saved register in use, and realigned for vectors. */
#include "frames.h"

/* All six callee-saved registers, rbp among them, hold values across the call. */
__attribute__((noinline)) long a_saves(const struct chain *chain, long left)
{
	long r, a = left + 1, b = left + 2, c = left + 3, d = left + 4, e = left + 5;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	r = left ? b_large(chain, left - 1) : chain->bottom(chain->size);
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
	return r + (a + b + c + d + e - 5 * left) / 15;
}

__attribute__((noinline)) long a_realigned(const struct chain *chain, long left)
{
	volatile char buffer[96] __attribute__((aligned(64)));
	long r;

	buffer[left % 96] = 1;
	r = left ? b_arguments(chain, left - 1, 1, 2, 3, 4, 5, 6) : chain->bottom(chain->size);
	return r + buffer[left % 96];
}
