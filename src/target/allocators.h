/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator functions outlive knows: one row each, and the families of names
 * that they go by. A new function is a new row, a new prefix a new family.
 */
#ifndef OUTLIVE_TARGET_ALLOCATORS_H
#define OUTLIVE_TARGET_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/wire.h"

/* Which names a row has: bits for alloc_fn.families, indices of alloc_families. */
enum alloc_family_bit {
	ALLOC_PLAIN = 1 << 0,	/* malloc */
	ALLOC_JE = 1 << 1,	/* je_malloc: jemalloc built with a prefix */
	ALLOC_RJEM = 1 << 2,	/* _rjem_malloc: the one in Rust programs */
	ALLOC_TC = 1 << 3,	/* tc_malloc: tcmalloc */
	ALLOC_MI = 1 << 4,	/* mi_malloc: mimalloc */
	ALLOC_MI_HEAP = 1 << 5, /* mi_heap_malloc: the same with a heap as first argument */
};

struct alloc_family {
	const char *prefix;
	uint8_t shift; /* arguments that come before those that the rows count */
};

struct alloc_fn {
	const char *symbol; /* with the family's prefix before it: the name in the file */
	const char *name;   /* for people and JSON; the same for all families */
	uint8_t families;   /* enum alloc_family_bit */
	enum call_shape shape;
	uint8_t size_arg, count_arg, ptr_arg; /* 1-based argument numbers; 0 none */
	bool throws; /* C++: leaves by an exception when there is no memory */
};

/*
 * The rows, and how many. Rows are append-only, since recordings name a
 * function by its number: row i is `function` i + 1 on the wire. The number says
 * which function, not of which family: je_malloc is counted as malloc.
 */
extern const struct alloc_fn alloc_functions[];
extern const size_t alloc_function_count;

extern const struct alloc_family alloc_families[];
extern const size_t alloc_family_count;

#define ALLOC_SYMBOL_BYTES 48 /* longest name and its NUL */

struct alloc_symbol {
	char name[ALLOC_SYMBOL_BYTES];
	uint8_t function; /* row, 1-based */
	uint8_t family;	  /* row of alloc_families */
};

#define ALLOC_MAX_SYMBOLS 256 /* not less than alloc_symbols() returns */

/*
 * Every name that an allocator function may have: rows × families, those without a
 * prefix first. Fills ret_symbols[ALLOC_MAX_SYMBOLS] and returns how many.
 */
size_t alloc_symbols(struct alloc_symbol *ret_symbols);

/* Name of wire function `function`, or "?" for a number that is no row. */
const char *alloc_function_name(uint8_t function);

#endif
