/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that call each other through a program and two libraries. */
#ifndef TESTS_TARGETS_LIB_FRAMES_H
#define TESTS_TARGETS_LIB_FRAMES_H

struct chain {
	long (*bottom)(long size); /* what the innermost frame calls: allocates */
	long size;
};

/* Each calls the next while `left` > 0, and returns the number of frames below it + 1. */
long exe_plain(const struct chain *chain, long left);
long a_saves(const struct chain *chain, long left);
long b_large(const struct chain *chain, long left);
long exe_alloca(const struct chain *chain, long left);
long a_realigned(const struct chain *chain, long left);
long b_arguments(const struct chain *chain, long left, long a, long b, long c, long d, long e,
		 long f);

#endif
