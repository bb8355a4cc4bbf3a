/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of allocator functions, and the names that rows and families make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/snapshot.h"
#include "target/allocators.h"

static struct alloc_symbol symbols[ALLOC_MAX_SYMBOLS];
static size_t count;

static int expand(void **state)
{
	(void)state;
	count = alloc_symbols(symbols);
	return 0;
}

static const struct alloc_symbol *find(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(symbols[i].name, name) == 0)
			return &symbols[i];
	}
	return NULL;
}

static void test_sizes(void **state)
{
	size_t expected = 0;

	(void)state;
	for (size_t i = 0; i < alloc_function_count; i++)
		expected += (size_t)__builtin_popcount(alloc_functions[i].families);
	assert_int_equal(count, expected); /* none was cut off */
	assert_true(alloc_function_count < SNAPSHOT_FUNCTIONS);
	assert_true(alloc_function_count <= UINT8_MAX);
}

/* Recordings name functions by number: the first rows are as they ever were. */
static void test_numbers_stay(void **state)
{
	static const char *const first[] = {
		"malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "memalign",
		"aligned_alloc", "posix_memalign", "valloc", "pvalloc", "free_sized",
		"free_aligned_sized", "reallocf", "operator new(size_t)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		assert_string_equal(alloc_function_name((uint8_t)(i + 1)), first[i]);
	assert_string_equal(alloc_function_name(0), "?");
	assert_string_equal(alloc_function_name((uint8_t)(alloc_function_count + 1)), "?");
}

static void test_rows_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < alloc_function_count; i++) {
		const struct alloc_fn *fn = &alloc_functions[i];
		size_t shift = 0;

		assert_true(fn->families && fn->families < 1u << alloc_family_count);
		for (size_t family = 0; family < alloc_family_count; family++) {
			if (fn->families & 1u << family && alloc_families[family].shift > shift)
				shift = alloc_families[family].shift;
		}
		/* the programs load four arguments */
		assert_true(fn->size_arg + shift <= 4 && fn->count_arg + shift <= 4 &&
			    fn->ptr_arg + shift <= 4);
		switch (fn->shape) {
		case SHAPE_ALLOC_RETURN:
			assert_true(fn->size_arg && !fn->ptr_arg);
			break;
		case SHAPE_FREE:
			assert_true(fn->ptr_arg && !fn->size_arg && !fn->count_arg && !fn->throws);
			break;
		case SHAPE_THROW:
			assert_true(!fn->ptr_arg && !fn->size_arg);
			break;
		default:
			assert_true(fn->ptr_arg && fn->size_arg);
		}
	}
}

/* One name, one meaning: JSON has one key for it, the symbol table one function. */
static void test_names_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(symbols[i].name, symbols[j].name);
		assert_true(strlen(symbols[i].name) < ALLOC_SYMBOL_BYTES - 1);
		assert_true(i == 0 || symbols[i].family >= symbols[i - 1].family);
	}
	for (size_t i = 0; i < alloc_function_count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(alloc_functions[i].name, alloc_functions[j].name);
	}
}

static void test_families(void **state)
{
	static const char *const present[] = {
		"malloc", "je_malloc", "_rjem_malloc", "tc_malloc", "mi_malloc", "mi_heap_malloc",
		"mallocx", "je_mallocx", "_rjem_sdallocx", "tc_new", "tc_deletearray_sized_aligned",
		"mi_new_nothrow", "mi_zalloc", "mi_heap_recalloc_aligned_at", "free_sized", "_Znwm",
		"_ZdaPvmSt11align_val_t", "mi_free_size", "tc_malloc_skip_new_handler",
	};
	/* a C program may well have such functions */
	static const char *const absent[] = { "new", "delete", "zalloc", "expand", "free_size",
					      "je_Znwm", "je__Znwm", "mi_heap_free", "tc_mallocx" };

	(void)state;
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
		assert_non_null(find(present[i]));
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_null(find(absent[i]));
	assert_int_equal(find("je_malloc")->function, find("malloc")->function);
	assert_int_equal(alloc_families[find("mi_heap_malloc")->family].shift, 1);
	assert_int_equal(alloc_families[find("mi_malloc")->family].shift, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),		 cmocka_unit_test(test_numbers_stay),
		cmocka_unit_test(test_rows_are_sound),	 cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, expand, NULL);
}
