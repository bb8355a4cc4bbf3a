/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ledger/marks.h"

static const char *add(struct marks *marks, const char *name, uint64_t time_ns)
{
	size_t row;

	assert_int_equal(marks_add(marks, name, time_ns, &row), 1);
	assert_int_equal(marks->rows[row].time_ns, time_ns);
	return marks->rows[row].name;
}

static void a_name_belongs_to_one_mark(void **state)
{
	struct marks marks = { 0 };

	(void)state;
	assert_string_equal(add(&marks, "request", 1), "request");
	assert_string_equal(add(&marks, "request#3", 2), "request#3");
	assert_string_equal(add(&marks, "request", 3), "request#2");
	assert_string_equal(add(&marks, "request", 4), "request#4");
	assert_string_equal(add(&marks, NULL, 5), "mark");
	assert_string_equal(add(&marks, "", 6), "mark#2");
	assert_int_equal(marks.count, 6);
	marks_free(&marks);
}

static void names_are_clean_and_short(void **state)
{
	struct marks marks = { 0 };
	char name[3 * SNAPSHOT_MARK_BYTES];
	const char *kept;

	(void)state;
	assert_string_equal(add(&marks, "\033[2J\n\xff", 1), "?[2J??");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(strlen(add(&marks, name, 2)), SNAPSHOT_MARK_BYTES - 1);
	/* Cut, they would be one; the number still fits. */
	kept = add(&marks, name, 3);
	assert_int_equal(strlen(kept), SNAPSHOT_MARK_BYTES - 7 + 2);
	assert_string_equal(kept + strlen(kept) - 3, "x#2");
	marks_free(&marks);
}

static void there_is_an_end_to_them(void **state)
{
	struct marks marks = { 0 };
	size_t row = 77;

	(void)state;
	for (uint64_t i = 0; i < MARKS_MAX; i++)
		add(&marks, "again", i);
	assert_string_equal(marks.rows[MARKS_MAX - 1].name, "again#65536");
	assert_int_equal(marks_add(&marks, "again", 1, &row), 0);
	assert_int_equal(marks_add(&marks, "another", 1, &row), 0);
	assert_int_equal(row, 77);
	assert_int_equal(marks.count, MARKS_MAX);
	assert_int_equal(marks.left_out, 2);
	marks_free(&marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_belongs_to_one_mark),
		cmocka_unit_test(names_are_clean_and_short),
		cmocka_unit_test(there_is_an_end_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
