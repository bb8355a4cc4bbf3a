/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allocator functions outlive knows: one row each. A new function is a new row. */
#ifndef OUTLIVE_TARGET_ALLOCATORS_H
#define OUTLIVE_TARGET_ALLOCATORS_H

#include <stddef.h>
#include <stdint.h>

#include "outlive/wire.h"

struct alloc_fn {
	const char *symbol;
	enum call_shape shape;
	uint8_t size_arg, count_arg, ptr_arg; /* 1-based argument numbers; 0 none */
};

/*
 * The rows, and how many. Rows are append-only, since recordings name a
 * function by its number: row i is `function` i + 1 on the wire.
 */
extern const struct alloc_fn alloc_functions[];
extern const size_t alloc_function_count;

/* Name of wire function `function`, or "?" for a number that is no row. */
const char *alloc_function_name(uint8_t function);

#endif
