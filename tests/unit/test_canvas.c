/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "top/canvas.h"

static char line[CANVAS_LINE(CANVAS_MOST)];

static int utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static void test_put(void **state)
{
	struct canvas canvas = { 0 };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 10, 2), 0);
	assert_int_equal(canvas_put(&canvas, 0, 2, TOP_NAME, "abc", 10), 5);
	assert_string_equal(canvas_line(&canvas, 0, line), "  abc");
	assert_int_equal(canvas.cells[2].style, TOP_NAME);
	assert_int_equal(canvas.cells[5].style, TOP_PLAIN);
	/* Cut at the room, at the row's end, and nothing outside. */
	assert_int_equal(canvas_put(&canvas, 1, 0, TOP_PLAIN, "abcdef", 3), 3);
	assert_int_equal(canvas_put(&canvas, 1, 7, TOP_PLAIN, "uvwxyz", 10), 10);
	assert_string_equal(canvas_line(&canvas, 1, line), "abc    uvw");
	assert_int_equal(canvas_put(&canvas, 2, 0, TOP_PLAIN, "x", 1), 0);
	assert_int_equal(canvas_put(&canvas, 0, 10, TOP_PLAIN, "x", 1), 10);
	canvas_free(&canvas);
}

static void test_hostile(void **state)
{
	struct canvas canvas = { 0 };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 40, 1), 0);
	canvas_put(&canvas, 0, 0, TOP_PLAIN, "a\033[2Jb\tc\x7f" "d\xc2\x9b" "e\xffg\n", 40);
	assert_string_equal(canvas_line(&canvas, 0, line), "a?[2Jb?c?d?e?g?");
	canvas_clear(&canvas);
	/* A combining accent and a zero-width joiner would shift all that follows. */
	canvas_put(&canvas, 0, 0, TOP_PLAIN, "e\xcc\x81x\xe2\x80\x8dy", 40);
	assert_string_equal(canvas_line(&canvas, 0, line), "e?x?y");
	canvas_free(&canvas);
}

static void test_wide_characters(void **state)
{
	struct canvas canvas = { 0 };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 5, 1), 0);
	assert_int_equal(canvas_put(&canvas, 0, 0, TOP_PLAIN, "日本語", 5), 4);
	assert_string_equal(canvas_line(&canvas, 0, line), "日本");
	assert_string_equal(canvas.cells[1].text, "");
	canvas_free(&canvas);
}

static void test_ascii(void **state)
{
	struct canvas canvas = { .ascii = true };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 40, 1), 0);
	canvas_put(&canvas, 0, 0, TOP_PLAIN, "a · b…c ×2 ▁▄█ ▾ ü 日", 40);
	assert_string_equal(canvas_line(&canvas, 0, line), "a - b~c x2 _-# v ? ?");
	canvas_free(&canvas);
}

static void test_cells(void **state)
{
	struct canvas canvas = { 0 };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 20, 1), 0);
	assert_int_equal(canvas_cell(&canvas, 0, 0, TOP_PLAIN, "left", 8, false), 8);
	assert_int_equal(canvas_cell(&canvas, 0, 8, TOP_PLAIN, "right", 8, true), 16);
	assert_string_equal(canvas_line(&canvas, 0, line), "left       right");
	canvas_clear(&canvas);
	canvas_cell(&canvas, 0, 0, TOP_PLAIN, "a long name of it", 7, false);
	assert_string_equal(canvas_line(&canvas, 0, line), "a l… it");
	canvas_free(&canvas);
}

static void test_sizes(void **state)
{
	struct canvas canvas = { 0 };

	(void)state;
	assert_int_equal(canvas_resize(&canvas, 0, 0), 0);
	assert_int_equal(canvas.width, 1);
	assert_int_equal(canvas.height, 1);
	assert_int_equal(canvas_resize(&canvas, 1u << 30, 3), 0);
	assert_int_equal(canvas.width, CANVAS_MOST);
	canvas_put(&canvas, 2, CANVAS_MOST - 1, TOP_PLAIN, "日", 2);
	canvas_select(&canvas, 2);
	canvas_select(&canvas, 3);
	canvas_fill(&canvas, 99, TOP_HEAD);
	assert_true(canvas.cells[2 * CANVAS_MOST].selected);
	assert_string_equal(canvas_line(&canvas, 2, line), "");
	canvas_free(&canvas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),	  cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_wide_characters), cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_cells),	  cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, utf8, NULL);
}
