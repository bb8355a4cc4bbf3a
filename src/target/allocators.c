/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Argument positions, from: glibc's and C23's stdlib.h and malloc.h; jemalloc 5.3's
 * jemalloc.h; gperftools 2.10's tcmalloc.h; mimalloc 2.0's mimalloc.h; C++ names by the
 * Itanium C++ ABI, 5.1.
 *
 * Not here, because other rows see what they do:
 *  - __libc_malloc and its kin are second names of the same addresses;
 *  - strdup, asprintf, getline, reallocarr … call malloc or realloc.
 * Not here, because no block comes or goes: malloc_usable_size, nallocx, sallocx.
 * Not here, since no argument tells the size: mi_strdup, mi_strndup, mi_realpath; or what
 * is freed: mi_heap_destroy, jemalloc's arena.<i>.reset and destroy.
 */
#include "target/allocators.h"

#include <stdio.h>

#include "base/cleanup.h"

/* In the order of enum alloc_family_bit. */
const struct alloc_family alloc_families[] = {
	{ "", 0 }, { "je_", 0 }, { "_rjem_", 0 }, { "tc_", 0 }, { "mi_", 0 }, { "mi_heap_", 1 },
};

const size_t alloc_family_count = ARRAY_LENGTH(alloc_families);

#define PLAIN ALLOC_PLAIN
#define JE (ALLOC_JE | ALLOC_RJEM)
#define TC ALLOC_TC
#define MI ALLOC_MI
#define HEAP ALLOC_MI_HEAP
#define EVERY (PLAIN | JE | TC | MI) /* the C library's names, with any prefix */

/* symbol, size, count, ptr */
#define ALLOC(symbol, families, size, count)                                                       \
	{ symbol, symbol, families, SHAPE_ALLOC_RETURN, size, count, 0, false }
#define FREE(symbol, families, ptr) { symbol, symbol, families, SHAPE_FREE, 0, 0, ptr, false }
#define REALLOC(symbol, families, size, count, ptr)                                                \
	{ symbol, symbol, families, SHAPE_REALLOC, size, count, ptr, false }

/* C++ operators; `arguments` as in their declaration. THROWS: leave by bad_alloc. */
#define NEW(symbol, arguments)                                                                     \
	{ symbol, "operator " arguments, PLAIN, SHAPE_ALLOC_RETURN, 1, 0, 0, false }
#define NEW_THROWS(symbol, arguments)                                                              \
	{ symbol, "operator " arguments, PLAIN, SHAPE_ALLOC_RETURN, 1, 0, 0, true }
#define DELETE(symbol, arguments)                                                                  \
	{ symbol, "operator " arguments, PLAIN, SHAPE_FREE, 0, 0, 1, false }
/* tcmalloc's and mimalloc's second names of them, which C can call. */
#define C_NEW_THROWS(symbol, families)                                                             \
	{ symbol, symbol, families, SHAPE_ALLOC_RETURN, 1, 0, 0, true }

const struct alloc_fn alloc_functions[] = {
	ALLOC("malloc", EVERY | HEAP, 1, 0),
	ALLOC("calloc", EVERY | HEAP, 2, 1),
	REALLOC("realloc", EVERY | HEAP, 2, 0, 1),
	REALLOC("reallocarray", EVERY, 3, 2, 1),
	FREE("free", EVERY, 1),
	FREE("cfree", EVERY, 1),
	ALLOC("memalign", EVERY, 2, 0),
	ALLOC("aligned_alloc", EVERY, 2, 0),
	{ "posix_memalign", "posix_memalign", EVERY, SHAPE_ALLOC_OUT, 3, 0, 1, false },
	ALLOC("valloc", EVERY, 1, 0),
	ALLOC("pvalloc", EVERY, 1, 0),
	/* C23 */
	FREE("free_sized", PLAIN | JE | TC, 1),
	FREE("free_aligned_sized", PLAIN | JE | TC, 1),
	/* BSD: as realloc, but it frees the block when it fails */
	{ "reallocf", "reallocf", PLAIN | MI | HEAP, SHAPE_REALLOC_OR_FREE, 2, 0, 1, false },
	/* C++ */
	NEW_THROWS("_Znwm", "new(size_t)"),
	NEW_THROWS("_Znam", "new[](size_t)"),
	NEW("_ZnwmRKSt9nothrow_t", "new(size_t, nothrow_t)"),
	NEW("_ZnamRKSt9nothrow_t", "new[](size_t, nothrow_t)"),
	NEW_THROWS("_ZnwmSt11align_val_t", "new(size_t, align_val_t)"),
	NEW_THROWS("_ZnamSt11align_val_t", "new[](size_t, align_val_t)"),
	NEW("_ZnwmSt11align_val_tRKSt9nothrow_t", "new(size_t, align_val_t, nothrow_t)"),
	NEW("_ZnamSt11align_val_tRKSt9nothrow_t", "new[](size_t, align_val_t, nothrow_t)"),
	DELETE("_ZdlPv", "delete(void *)"),
	DELETE("_ZdaPv", "delete[](void *)"),
	DELETE("_ZdlPvm", "delete(void *, size_t)"),
	DELETE("_ZdaPvm", "delete[](void *, size_t)"),
	DELETE("_ZdlPvRKSt9nothrow_t", "delete(void *, nothrow_t)"),
	DELETE("_ZdaPvRKSt9nothrow_t", "delete[](void *, nothrow_t)"),
	DELETE("_ZdlPvSt11align_val_t", "delete(void *, align_val_t)"),
	DELETE("_ZdaPvSt11align_val_t", "delete[](void *, align_val_t)"),
	DELETE("_ZdlPvmSt11align_val_t", "delete(void *, size_t, align_val_t)"),
	DELETE("_ZdaPvmSt11align_val_t", "delete[](void *, size_t, align_val_t)"),
	DELETE("_ZdlPvSt11align_val_tRKSt9nothrow_t", "delete(void *, align_val_t, nothrow_t)"),
	DELETE("_ZdaPvSt11align_val_tRKSt9nothrow_t", "delete[](void *, align_val_t, nothrow_t)"),
	/* jemalloc; xallocx changes a block's size where it is */
	ALLOC("mallocx", PLAIN | JE, 1, 0),
	REALLOC("rallocx", PLAIN | JE, 2, 0, 1),
	{ "xallocx", "xallocx", PLAIN | JE, SHAPE_RESIZE, 2, 0, 1, false },
	FREE("sdallocx", PLAIN | JE, 1),
	FREE("dallocx", PLAIN | JE, 1),
	/* tcmalloc and mimalloc */
	C_NEW_THROWS("new", TC | MI),
	ALLOC("new_nothrow", TC | MI, 1, 0),
	C_NEW_THROWS("new_aligned", TC | MI),
	ALLOC("new_aligned_nothrow", TC | MI, 1, 0),
	C_NEW_THROWS("newarray", TC),
	ALLOC("newarray_nothrow", TC, 1, 0),
	C_NEW_THROWS("newarray_aligned", TC),
	ALLOC("newarray_aligned_nothrow", TC, 1, 0),
	FREE("delete", TC, 1),
	FREE("delete_sized", TC, 1),
	FREE("delete_nothrow", TC, 1),
	FREE("delete_aligned", TC, 1),
	FREE("delete_sized_aligned", TC, 1),
	FREE("delete_aligned_nothrow", TC, 1),
	FREE("deletearray", TC, 1),
	FREE("deletearray_sized", TC, 1),
	FREE("deletearray_nothrow", TC, 1),
	FREE("deletearray_aligned", TC, 1),
	FREE("deletearray_sized_aligned", TC, 1),
	FREE("deletearray_aligned_nothrow", TC, 1),
	ALLOC("malloc_skip_new_handler", TC, 1, 0),
	/* mimalloc; expand changes a block's size where it is, or returns NULL */
	ALLOC("zalloc", MI | HEAP, 1, 0),
	ALLOC("malloc_small", MI | HEAP, 1, 0),
	ALLOC("zalloc_small", MI, 1, 0),
	ALLOC("mallocn", MI | HEAP, 2, 1),
	REALLOC("reallocn", MI | HEAP, 3, 2, 1),
	REALLOC("rezalloc", MI | HEAP, 2, 0, 1),
	REALLOC("recalloc", MI | HEAP, 3, 2, 1),
	REALLOC("expand", MI, 2, 0, 1),
	ALLOC("malloc_aligned", MI | HEAP, 1, 0),
	ALLOC("malloc_aligned_at", MI | HEAP, 1, 0),
	ALLOC("zalloc_aligned", MI | HEAP, 1, 0),
	ALLOC("zalloc_aligned_at", MI | HEAP, 1, 0),
	ALLOC("calloc_aligned", MI | HEAP, 2, 1),
	ALLOC("calloc_aligned_at", MI | HEAP, 2, 1),
	REALLOC("realloc_aligned", MI | HEAP, 2, 0, 1),
	REALLOC("realloc_aligned_at", MI | HEAP, 2, 0, 1),
	REALLOC("rezalloc_aligned", MI | HEAP, 2, 0, 1),
	REALLOC("rezalloc_aligned_at", MI | HEAP, 2, 0, 1),
	REALLOC("recalloc_aligned", MI | HEAP, 3, 2, 1),
	REALLOC("recalloc_aligned_at", MI | HEAP, 3, 2, 1),
	REALLOC("aligned_recalloc", MI, 3, 2, 1),
	REALLOC("aligned_offset_recalloc", MI, 3, 2, 1),
	{ "new_n", "new_n", MI, SHAPE_ALLOC_RETURN, 2, 1, 0, true },
	{ "new_realloc", "new_realloc", MI, SHAPE_REALLOC, 2, 0, 1, true },
	{ "new_reallocn", "new_reallocn", MI, SHAPE_REALLOC, 3, 2, 1, true },
	C_NEW_THROWS("alloc_new", HEAP),
	{ "alloc_new_n", "alloc_new_n", HEAP, SHAPE_ALLOC_RETURN, 2, 1, 0, true },
	FREE("free_size", MI, 1),
	FREE("free_size_aligned", MI, 1),
	FREE("free_aligned", MI, 1),
	/*
	 * How a C++ exception begins, inside an allocator function or elsewhere. The first
	 * makes room for it, by malloc; the second may not find return probes on the stack.
	 */
	{ "__cxa_allocate_exception", "__cxa_allocate_exception", PLAIN, SHAPE_THROW, 0, 0, 0,
	  false },
	{ "_Unwind_RaiseException", "_Unwind_RaiseException", PLAIN, SHAPE_THROW, 0, 0, 0, false },
};

const size_t alloc_function_count = ARRAY_LENGTH(alloc_functions);

size_t alloc_symbols(struct alloc_symbol *ret_symbols)
{
	size_t count = 0;

	for (size_t family = 0; family < alloc_family_count; family++) {
		for (size_t i = 0; i < alloc_function_count && count < ALLOC_MAX_SYMBOLS; i++) {
			struct alloc_symbol *symbol = &ret_symbols[count];

			if (!(alloc_functions[i].families & 1u << family))
				continue;
			snprintf(symbol->name, sizeof(symbol->name), "%s%s",
				 alloc_families[family].prefix, alloc_functions[i].symbol);
			symbol->function = i + 1;
			symbol->family = family;
			count++;
		}
	}
	return count;
}

const char *alloc_function_name(uint8_t function)
{
	if (function == 0 || function > alloc_function_count)
		return "?";
	return alloc_functions[function - 1].name;
}
