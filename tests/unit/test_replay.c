/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every fixture of tests/replay, and that a wrong expectation is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/expect.c"
#include "replay/fixture.c"

#define LEAST_FIXTURES 10 /* a glob that finds nothing must not pass */

static void every_fixture_holds(void **state)
{
	glob_t found;
	size_t expectations = 0;

	(void)state;
	assert_int_equal(glob(TEST_DATA "/replay/*.txt", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= LEAST_FIXTURES);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct fixture_result result;

		if (fixture_run(found.gl_pathv[i], &result) < 0)
			fail_msg("%s", result.fault);
		expectations += result.expectations;
	}
	print_message("%zu fixtures, %zu expectations\n", found.gl_pathc, expectations);
	globfree(&found);
}

/* Run `text` as a fixture; returns fixture_run()'s result. */
static int run_text(const char *text, struct fixture_result *ret_result)
{
	char path[] = "/tmp/outlive-fixture-XXXXXX";
	int fd = mkstemp(path);
	int result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	result = fixture_run(path, ret_result);
	unlink(path);
	return result;
}

static void a_wrong_expectation_is_found(void **state)
{
	static const char *const wrong[] = {
		"process 1 0 x\nalloc 1/1 0x10 5\nexpect process 1 live_bytes=6\n",
		"process 1 0 x\nexpect process 2 live_bytes=0\n",
		"process 1 0 x\nexpect process 1 none=1\n",
		"process 1 0 x\nexpect process 1 no_such_field=0\n",
		"process 1 0 x\nexpect process 1\n",
		"process 1 0 x\n",
		"alloc 1/1\n",
		"nonsense\n",
	};
	struct fixture_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(run_text(wrong[i], &result), -1);
		assert_string_not_equal(result.fault, "");
	}
	assert_int_equal(run_text("process 1 0 x\nalloc 1/1 0x10 5\n"
				  "expect process 1 live_bytes=5 live_blocks=1\n",
				  &result),
			 0);
	assert_int_equal(result.expectations, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_holds),
		cmocka_unit_test(a_wrong_expectation_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
