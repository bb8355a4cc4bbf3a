/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line tables as real interpreters wrote them, of one function with calls over
 * several lines and gaps of more than 127 and 255 lines:
 *
 *	def work(a,
 *	         b=1):
 *	    x = [a,
 *	         b]
 *	    y = max(
 *	        a,
 *	        min(a, b,
 *	            3),
 *	    )
 *	    …                   # to line 160
 *	    for i in x:
 *	        if i:
 *	            y = i
 *	        else: y = 2
 *	    …                   # to line 464
 *	    return (y +
 *	            x[0])
 *
 * and what their dis.findlinestarts() or co_lines() make of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "capture/python_lines.h"

#define MAX_TABLE 160
#define MAX_RUNS 40

static const struct {
	enum python_lines format;
	uint32_t first_line;
	int end; /* of the code, bytes */
	size_t size;
	uint8_t table[MAX_TABLE];
	struct {
		int from; /* first offset of the run */
		uint32_t line;
	} runs[MAX_RUNS];
} cases[] = {
	/* 2.7.18 */
	{ PYTHON_LINES_UNSIGNED, 1, 89,
	  26, {
		0, 2, 3, 1, 9, 1, 3, 1, 3, 1, 9, 1, 12, 152, 13, 1, 6, 1, 9, 1, 10, 255, 0, 46, 3, 1 },
	  { { 0, 3 }, { 3, 4 }, { 12, 5 }, { 15, 6 }, { 18, 7 }, { 27, 8 }, { 39, 160 }, { 52,
	    161 }, { 58, 162 }, { 67, 163 }, { 77, 464 }, { 80, 465 } } },
	/* 3.6.15 */
	{ PYTHON_LINES_SIGNED, 1, 66,
	  30, {
		0, 2, 2, 1, 6, 1, 2, 1, 2, 1, 6, 1, 8, 127, 0, 25, 10, 1, 4, 1, 6, 1, 8, 127, 0,
		127, 0, 47, 2, 1 },
	  { { 0, 3 }, { 2, 4 }, { 8, 5 }, { 10, 6 }, { 12, 7 }, { 18, 8 }, { 26, 160 }, { 36,
	    161 }, { 40, 162 }, { 46, 163 }, { 54, 464 }, { 56, 465 } } },
	/* 3.8.18 */
	{ PYTHON_LINES_SIGNED, 1, 62,
	  38, {
		0, 2, 2, 1, 2, 255, 4, 2, 2, 1, 2, 1, 6, 1, 2, 255, 2, 254, 4, 127, 0, 28, 8, 1, 4,
		1, 6, 1, 6, 127, 0, 127, 0, 47, 2, 1, 6, 255 },
	  { { 0, 3 }, { 2, 4 }, { 4, 3 }, { 8, 5 }, { 10, 6 }, { 12, 7 }, { 18, 8 }, { 20, 7 },
	    { 22, 5 }, { 26, 160 }, { 34, 161 }, { 38, 162 }, { 44, 163 }, { 50, 464 }, { 52,
	    465 }, { 58, 464 } } },
	/* 3.10.13 */
	{ PYTHON_LINES_RANGES, 1, 62,
	  38, {
		2, 2, 2, 1, 4, 255, 2, 2, 2, 1, 6, 1, 2, 1, 2, 255, 4, 254, 0, 127, 8, 28, 4, 1, 6,
		1, 6, 1, 0, 127, 0, 127, 2, 47, 6, 1, 4, 255 },
	  { { 0, 3 }, { 2, 4 }, { 4, 3 }, { 8, 5 }, { 10, 6 }, { 12, 7 }, { 18, 8 }, { 20, 7 },
	    { 22, 5 }, { 26, 160 }, { 34, 161 }, { 38, 162 }, { 44, 163 }, { 50, 464 }, { 52,
	    465 }, { 58, 464 } } },
	/* 3.11.7 */
	{ PYTHON_LINES_LOCATIONS, 1, 118,
	  116, {
		128, 0, 224, 9, 10, 216, 9, 10, 240, 3, 1, 9, 12, 128, 65, 229, 8, 11, 216, 8, 9,
		221, 8, 11, 136, 65, 136, 113, 216, 12, 13, 241, 3, 1, 9, 15, 244, 0, 1, 9, 15, 241,
		5, 4, 9, 6, 244, 0, 4, 9, 6, 128, 65, 240, 118, 4, 0, 14, 15, 240, 0, 3, 5, 20, 240,
		0, 3, 5, 20, 136, 1, 216, 11, 12, 240, 0, 2, 9, 20, 216, 16, 17, 136, 65, 136, 65,
		216, 18, 19, 136, 97, 136, 97, 240, 90, 9, 0, 13, 14, 216, 12, 13, 136, 97, 140, 68,
		241, 3, 1, 13, 17, 240, 0, 1, 5, 18 },
	  { { 0, 1 }, { 2, 3 }, { 4, 4 }, { 6, 3 }, { 10, 5 }, { 22, 6 }, { 24, 7 }, { 40, 8 },
	    { 42, 7 }, { 56, 5 }, { 72, 160 }, { 80, 161 }, { 84, 162 }, { 90, 163 }, { 96, 464
	    }, { 98, 465 }, { 112, 464 } } },
	/* 3.12.1 */
	{ PYTHON_LINES_LOCATIONS, 1, 100,
	  97, {
		128, 0, 224, 9, 10, 216, 9, 10, 240, 3, 1, 9, 12, 128, 65, 228, 8, 11, 216, 8, 9,
		220, 8, 11, 136, 65, 136, 113, 216, 12, 13, 243, 3, 1, 9, 15, 243, 5, 4, 9, 6, 128,
		65, 240, 118, 4, 0, 14, 15, 242, 0, 3, 5, 20, 136, 1, 217, 11, 12, 216, 16, 17, 137,
		65, 216, 18, 19, 137, 97, 240, 7, 3, 5, 20, 240, 96, 9, 0, 13, 14, 216, 12, 13, 136,
		97, 137, 68, 241, 3, 1, 13, 17, 240, 0, 1, 5, 18 },
	  { { 0, 1 }, { 2, 3 }, { 4, 4 }, { 6, 3 }, { 10, 5 }, { 20, 6 }, { 22, 7 }, { 36, 8 },
	    { 38, 7 }, { 46, 5 }, { 56, 160 }, { 66, 161 }, { 70, 162 }, { 76, 163 }, { 82, 160
	    }, { 84, 464 }, { 86, 465 }, { 94, 464 } } },
	/* 3.13.0 */
	{ PYTHON_LINES_LOCATIONS, 1, 114,
	  90, {
		128, 0, 224, 9, 10, 216, 9, 10, 240, 3, 1, 9, 12, 128, 65, 228, 8, 11, 216, 8, 9,
		220, 8, 11, 136, 65, 216, 12, 13, 243, 3, 1, 9, 15, 243, 5, 4, 9, 6, 128, 65, 243,
		118, 4, 0, 14, 15, 136, 1, 222, 11, 12, 216, 16, 17, 138, 65, 216, 18, 19, 138, 97,
		241, 7, 0, 14, 15, 240, 96, 9, 0, 13, 14, 216, 12, 13, 136, 97, 137, 68, 241, 3, 1,
		13, 17, 240, 0, 1, 5, 18 },
	  { { 0, 1 }, { 2, 3 }, { 4, 4 }, { 6, 3 }, { 10, 5 }, { 20, 6 }, { 22, 7 }, { 34, 8 },
	    { 36, 7 }, { 44, 5 }, { 54, 160 }, { 64, 161 }, { 78, 162 }, { 86, 163 }, { 94, 160
	    }, { 98, 464 }, { 100, 465 }, { 108, 464 } } },
};

static void real_tables(void **state)
{
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t run = 0;

		for (int offset = 0; offset < cases[i].end; offset++) {
			if (run + 1 < MAX_RUNS && cases[i].runs[run + 1].from == offset)
				run++;
			assert_int_equal(python_line(cases[i].format, cases[i].table,
						     cases[i].size, cases[i].first_line, offset),
					 cases[i].runs[run].line);
			checked++;
		}
		assert_int_equal(python_line(cases[i].format, cases[i].table, cases[i].size,
					     cases[i].first_line, -1),
				 cases[i].first_line);
	}
	assert_true(checked > 400);
}

/* Every entry kind of 3.11, by hand: Objects/locations.md. */
static void every_kind(void **state)
{
	static const uint8_t table[] = {
		0x80 | 0 << 3 | 0, 0x12,		  /* short: same line, 1 unit */
		0x80 | 10 << 3 | 1, 1, 2,		  /* same line, 2 units */
		0x80 | 11 << 3 | 0, 1, 2,		  /* one line on */
		0x80 | 12 << 3 | 0, 1, 2,		  /* two lines on */
		0x80 | 13 << 3 | 0, 7,			  /* three back: 3 << 1 | 1 */
		0x80 | 14 << 3 | 0, 0x40 | 8, 2, 0, 0, 0, /* 136 >> 1 on, in two bytes */
		0x80 | 15 << 3 | 0,			  /* none */
		0x80 | 11 << 3 | 7, 0, 0,		  /* one on, 8 units */
	};
	static const uint32_t lines[] = { 10, 10, 10, 11, 13, 10, 78, 0, 79, 79 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		assert_int_equal(python_line(PYTHON_LINES_LOCATIONS, table, sizeof(table), 10,
					     (int64_t)i * 2),
				 lines[i]);
	/* Behind the last one there is nothing. */
	assert_int_equal(python_line(PYTHON_LINES_LOCATIONS, table, sizeof(table), 10, 32), 0);
	/* A table that does not begin with an entry. */
	assert_int_equal(python_line(PYTHON_LINES_LOCATIONS, table + 1, 1, 10, 0), 0);
}

static void lines_of_no_line(void **state)
{
	static const uint8_t ranges[] = { 4, 1, 2, 0x80, 2, 1 };

	(void)state;
	assert_int_equal(python_line(PYTHON_LINES_RANGES, ranges, sizeof(ranges), 5, 2), 6);
	assert_int_equal(python_line(PYTHON_LINES_RANGES, ranges, sizeof(ranges), 5, 4), 0);
	assert_int_equal(python_line(PYTHON_LINES_RANGES, ranges, sizeof(ranges), 5, 6), 7);
	assert_int_equal(python_line(PYTHON_LINES_RANGES, ranges, sizeof(ranges), 5, 8), 0);
	assert_int_equal(python_line(PYTHON_LINES_RANGES, NULL, 0, 5, 0), 0);
	assert_int_equal(python_line(PYTHON_LINES_SIGNED, NULL, 0, 5, 0), 5);
}

/* Any bytes give a line or none, within the table (a copy that ends where memory does). */
static void any_bytes(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)(round % 40);
		CLEANUP_FREE uint8_t *table = malloc(size ? size : 1);

		assert_non_null(table);
		for (size_t i = 0; i < size; i++)
			table[i] = (uint8_t)((random = hash_mix(random + 1)) |
					     (round & 1 ? 0x40 : 0));
		for (int format = PYTHON_LINES_UNSIGNED; format <= PYTHON_LINES_LOCATIONS; format++) {
			uint32_t line = python_line((enum python_lines)format, table, size,
						    round & 2 ? UINT32_MAX : 1,
						    round & 4 ? INT64_MAX : (int64_t)(random & 63));

			assert_true(line <= PYTHON_MAX_LINE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_tables),
		cmocka_unit_test(every_kind),
		cmocka_unit_test(lines_of_no_line),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
