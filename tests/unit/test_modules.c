/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that come to lie where others were, and the stacks from before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ledger/modules.h"
#include "ledger/stacks.h"

static const struct module *find(const struct modules *modules, uint64_t address)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (address >= modules->rows[i].start && address < modules->rows[i].end)
			return &modules->rows[i];
	}
	return NULL;
}

/* The file that a frame of a stack lies in, and where in it. */
static const char *file_of(const struct modules *modules, const struct stacks *stacks, uint64_t id,
			   size_t frame, uint64_t *ret_vaddr)
{
	const struct stack *stack = stacks_find(stacks, id);
	uint64_t address = stacks->frames[stack->first + frame];
	const struct module *module = find(modules, address - 1);

	if (!module)
		return NULL;
	*ret_vaddr = address - module->bias;
	return module->path;
}

static void check(const struct modules *modules, const struct stacks *stacks, uint64_t id,
		  size_t frame, const char *path, uint64_t vaddr)
{
	uint64_t found = 0;
	const char *file = file_of(modules, stacks, id, frame, &found);

	assert_non_null(file);
	assert_string_equal(file, path);
	assert_true(found == vaddr);
}

static void check_sorted(const struct modules *modules)
{
	for (size_t i = 1; i < modules->count; i++)
		assert_true(modules->rows[i - 1].end <= modules->rows[i].start);
}

static int add(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
	       const char *path)
{
	int result = modules_add(modules, stacks, start, end, start, 10, path, "", "");

	check_sorted(modules);
	return result;
}

static void test_another_file_in_the_same_place(void **state)
{
	struct modules modules = { 0 };
	struct stacks stacks = { 0 };
	/* The last byte of a file is the call before a return address just behind it. */
	const uint64_t first[] = { 0x5100, 0x9800, 0x6000 }, second[] = { 0x5200, 0x9800 };

	(void)state;
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/a"), 0);
	assert_int_equal(add(&modules, &stacks, 0x9000, 0xa000, "/main"), 0);
	assert_int_equal(stacks_add(&stacks, 1, first, 3, 0, 0), 1);
	assert_int_equal(add(&modules, &stacks, 0x4800, 0x5800, "/b"), 0);
	assert_int_equal(stacks_add(&stacks, 2, second, 2, 0, 0), 1);
	check(&modules, &stacks, 1, 0, "/a", 0x100);
	check(&modules, &stacks, 1, 1, "/main", 0x800);
	check(&modules, &stacks, 1, 2, "/a", 0x1000);
	check(&modules, &stacks, 2, 0, "/b", 0xa00);
	check(&modules, &stacks, 2, 1, "/main", 0x800);
	assert_true(module_address(stacks.frames[0]) == 0x5100);
	assert_true(module_address(stacks.frames[3]) == 0x5200);
	/* And once more, by a third that lies over both its neighbours. */
	assert_int_equal(add(&modules, &stacks, 0x4000, 0xb000, "/c"), 0);
	check(&modules, &stacks, 1, 0, "/a", 0x100);
	check(&modules, &stacks, 2, 0, "/b", 0xa00);
	check(&modules, &stacks, 2, 1, "/main", 0x800);
	assert_int_equal(modules.count, 4);
	assert_string_equal(find(&modules, 0x9800)->path, "/c");
	/* What no stack goes through leaves nothing behind. */
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/d"), 0);
	assert_int_equal(modules.count, 4);
	assert_int_equal(modules.moves, 2);
	modules_clear(&modules);
	stacks_free(&stacks);
}

static void test_the_same_file_again_is_the_same(void **state)
{
	struct modules modules = { 0 };
	struct stacks stacks = { 0 };
	const uint64_t frames[] = { 0x5100 };

	(void)state;
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/a"), 0);
	assert_int_equal(stacks_add(&stacks, 1, frames, 1, 0, 0), 1);
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/a"), 0);
	assert_int_equal(modules.count, 1);
	assert_int_equal(modules.moves, 0);
	assert_true(stacks.frames[0] == 0x5100);
	/* At another distance it is not. */
	assert_int_equal(modules_add(&modules, &stacks, 0x5000, 0x6000, 0x4000, 10, "/a", "", ""), 0);
	assert_int_equal(modules.count, 2);
	check(&modules, &stacks, 1, 0, "/a", 0x100);
	modules_clear(&modules);
	stacks_free(&stacks);
}

static void test_unmapped_before_the_next_is_known(void **state)
{
	struct modules modules = { 0 };
	struct stacks stacks = { 0 };
	const uint64_t first[] = { 0x5100, 0x9800 }, early[] = { 0x5200, 0x9800 };

	(void)state;
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/a"), 0);
	assert_int_equal(add(&modules, &stacks, 0x9000, 0xa000, "/main"), 0);
	assert_int_equal(stacks_add(&stacks, 1, first, 2, 0, 0), 1);
	modules_unmap(&modules, &stacks, 0x4000, 0x7000, 9); /* of what lay there before */
	assert_int_equal(modules.count, 2);
	assert_int_equal(modules.moves, 0);
	modules_unmap(&modules, &stacks, 0x4000, 0x7000, 11);
	check_sorted(&modules);
	assert_null(find(&modules, 0x5100));
	/* A stack through the next one comes before its file does. */
	assert_int_equal(stacks_add(&stacks, 2, early, 2, 0, 0), 1);
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/b"), 0);
	check(&modules, &stacks, 1, 0, "/a", 0x100);
	check(&modules, &stacks, 2, 0, "/b", 0x200);
	check(&modules, &stacks, 2, 1, "/main", 0x800);
	modules_clear(&modules);
	stacks_free(&stacks);
}

static void test_another_program(void **state)
{
	struct modules modules = { 0 }, copy = { 0 };
	struct stacks stacks = { 0 };
	const uint64_t first[] = { 0x5100, 0x9800 }, second[] = { 0x5100, 0x9700 };

	(void)state;
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/a"), 0);
	assert_int_equal(add(&modules, &stacks, 0x9000, 0xa000, "/main"), 0);
	assert_int_equal(stacks_add(&stacks, 1, first, 2, 0, 0), 1);
	modules_move_all(&modules, &stacks);
	check_sorted(&modules);
	assert_int_equal(add(&modules, &stacks, 0x5000, 0x6000, "/other"), 0);
	assert_int_equal(stacks_add(&stacks, 2, second, 2, 0, 0), 1);
	modules_move_all(&modules, &stacks);
	modules_move_all(&modules, &stacks); /* nothing is there */
	check_sorted(&modules);
	assert_int_equal(modules.moves, 2);
	check(&modules, &stacks, 1, 0, "/a", 0x100);
	check(&modules, &stacks, 1, 1, "/main", 0x800);
	check(&modules, &stacks, 2, 0, "/other", 0x100);
	assert_null(find(&modules, stacks.frames[3] - 1)); /* in no file then, in none now */
	assert_int_equal(modules_copy(&copy, &modules), 0);
	assert_int_equal(copy.count, 3);
	assert_int_equal(copy.moves, 2);
	check(&copy, &stacks, 2, 0, "/other", 0x100);
	modules_clear(&modules);
	modules_clear(&copy);
	stacks_free(&stacks);
}

static void test_bounds(void **state)
{
	struct modules modules = { 0 };
	struct stacks stacks = { 0 };
	const uint64_t frames[] = { 0x5100 };
	char name[2] = "a";

	(void)state;
	assert_int_equal(add(&modules, &stacks, 0x6000, 0x6000, "/a"), -EINVAL);
	assert_int_equal(add(&modules, &stacks, 1ull << 63, (1ull << 63) + 1, "/a"), -EINVAL);
	assert_int_equal(add(&modules, &stacks, 0x7fff000000000000, 0x7fff000000001000, "/far"), 0);
	modules_move_all(&modules, &stacks); /* too far away to be moved: it is dropped */
	assert_int_equal(modules.count, 0);
	for (uint32_t i = 0; i < MODULES_MOVES_MAX + 10; i++) {
		name[0] = (char)('a' + i % 2);
		assert_int_equal(modules_add(&modules, &stacks, 0x5000, 0x6000, 0x5000, 10, name, "", ""), 0);
		if (i == 0)
			assert_int_equal(stacks_add(&stacks, 1, frames, 1, 0, 0), 1);
		modules.moves = i == 5 ? MODULES_MOVES_MAX - 1 : modules.moves;
		if (i > 5 && i < 9)
			assert_int_equal(stacks_add(&stacks, i, frames, 1, 0, 0), 1);
	}
	assert_int_equal(modules.moves, MODULES_MOVES_MAX);
	check_sorted(&modules);
	assert_true(modules.count <= MODULES_MOVES_MAX + 1);
	check(&modules, &stacks, 1, 0, "a", 0x100);
	modules_clear(&modules);
	stacks_free(&stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_file_in_the_same_place),
		cmocka_unit_test(test_the_same_file_again_is_the_same),
		cmocka_unit_test(test_unmapped_before_the_next_is_known),
		cmocka_unit_test(test_another_program),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
