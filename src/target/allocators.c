/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/allocators.h"

#include "base/cleanup.h"

const struct alloc_fn alloc_functions[] = {
	/* symbol           shape          size count ptr */
	{ "malloc",         SHAPE_ALLOC_RETURN, 1, 0, 0 },
	{ "calloc",         SHAPE_ALLOC_RETURN, 2, 1, 0 },
	{ "realloc",        SHAPE_REALLOC,      2, 0, 1 },
	{ "reallocarray",   SHAPE_REALLOC,      3, 2, 1 },
	{ "free",           SHAPE_FREE,         0, 0, 1 },
	{ "cfree",          SHAPE_FREE,         0, 0, 1 },
	{ "memalign",       SHAPE_ALLOC_RETURN, 2, 0, 0 },
	{ "aligned_alloc",  SHAPE_ALLOC_RETURN, 2, 0, 0 },
	{ "posix_memalign", SHAPE_ALLOC_OUT,    3, 0, 1 },
	{ "valloc",         SHAPE_ALLOC_RETURN, 1, 0, 0 },
	{ "pvalloc",        SHAPE_ALLOC_RETURN, 1, 0, 0 },
};

const size_t alloc_function_count = ARRAY_LENGTH(alloc_functions);

const char *alloc_function_name(uint8_t function)
{
	if (function == 0 || function > alloc_function_count)
		return "?";
	return alloc_functions[function - 1].symbol;
}
