/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "top/sparkline.h"

static char bars[SPARKLINE_BUFFER];

static void test_levels(void **state)
{
	const uint64_t values[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)state;
	assert_string_equal(sparkline(values, 9, 9, bars), " ▁▂▃▄▅▆▇█");
	/* The least above nothing shows. */
	assert_string_equal(sparkline((const uint64_t[]){ 1, 1000000, 0 }, 3, 3, bars), "▁█ ");
	assert_string_equal(sparkline((const uint64_t[]){ UINT64_MAX, UINT64_MAX / 2 }, 2, 2, bars),
			    "█▄");
}

static void test_peaks_stay(void **state)
{
	uint64_t values[60] = { 0 };

	(void)state;
	values[17] = 9;
	assert_string_equal(sparkline(values, 60, 6, bars), " █    ");
}

static void test_few_are_spread(void **state)
{
	(void)state;
	assert_string_equal(sparkline((const uint64_t[]){ 1, 8 }, 2, 6, bars), "▁▁▁███");
	assert_string_equal(sparkline((const uint64_t[]){ 0, 0 }, 2, 3, bars), "   ");
	assert_string_equal(sparkline(NULL, 0, 3, bars), "");
	assert_string_equal(sparkline((const uint64_t[]){ 1 }, 1, 0, bars), "");
}

static void test_bounds(void **state)
{
	uint64_t values[200];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		values[i] = 8;
	sparkline(values, 200, 1000, bars);
	assert_int_equal(bars[SPARKLINE_MOST * 3], 0);
	assert_int_not_equal(bars[SPARKLINE_MOST * 3 - 1], 0);
}

static void test_of_process(void **state)
{
	const uint64_t first[] = { 1, 2, 3 }, second[] = { 10, 20, 30 };
	struct snapshot_class classes[] = { { .series = first }, { .series = second }, { .series = first } };
	const struct snapshot_site sites[] = {
		{ .id = 1, .class_count = 2, .classes = classes },
		{ .id = 2, .class_count = 1, .classes = classes + 2 },
	};
	struct snapshot_process process = { .site_count = 2, .sites = sites, .series_count = 3 };
	uint64_t points[SNAPSHOT_SERIES_POINTS];

	(void)state;
	assert_int_equal(sparkline_of_site(&process, &sites[0], points), 3);
	assert_int_equal(points[2], 33);
	assert_int_equal(sparkline_of_process(&process, points), 3);
	assert_int_equal(points[0], 12);
	/* A part without a history would draw a false picture of the whole. */
	classes[2].series = NULL;
	assert_int_equal(sparkline_of_process(&process, points), 0);
	process.series_count = SNAPSHOT_SERIES_POINTS + 1;
	assert_int_equal(sparkline_of_site(&process, &sites[0], points), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels), cmocka_unit_test(test_peaks_stay),
		cmocka_unit_test(test_few_are_spread), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_of_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
