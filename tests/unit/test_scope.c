/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are wanted: by name, by user; and the list of those that there are. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/scope.h"

static void test_names(void **state)
{
	static const char *const names[] = { "php*", "web?", "a-name-that-is-longer-than-a-comm" };
	static const char *const not_names[] = { "php-cli", "*[0-8]" };
	struct capture_options options = {
		.scope = SCOPE_ALL,
		.names = names,
		.name_count = 3,
		.not_names = not_names,
		.not_name_count = 2,
	};

	(void)state;
	assert_true(scope_name_wanted(&options, "php"));
	assert_true(scope_name_wanted(&options, "php-fpm"));
	assert_false(scope_name_wanted(&options, "php-cli"));
	assert_true(scope_name_wanted(&options, "web9"));
	assert_false(scope_name_wanted(&options, "web1"));
	assert_false(scope_name_wanted(&options, "web"));
	/* The kernel keeps 15 bytes of a name. */
	assert_true(scope_name_wanted(&options, "a-name-that-is-"));
	assert_false(scope_name_wanted(&options, "a-name"));
	assert_false(scope_name_wanted(&options, ""));
	options.name_count = 0;
	assert_true(scope_name_wanted(&options, "anything"));
	assert_false(scope_name_wanted(&options, "web1"));
	options.not_name_count = 0;
	assert_true(scope_name_wanted(&options, "web1"));
}

/* What a process may call itself is no pattern, whatever it looks like. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = { "a*" };
	struct capture_options options = { .scope = SCOPE_ALL, .names = names, .name_count = 1 };

	(void)state;
	assert_true(scope_name_wanted(&options, "a[\\\n\xff"));
	assert_false(scope_name_wanted(&options, "*"));
	assert_false(scope_name_wanted(&options, "[a]"));
}

static bool is_listed(const struct capture_options *options, uint32_t pid)
{
	struct error error = { .what = "" };
	uint32_t *pids;
	size_t count;
	bool found = false;

	assert_int_equal(scope_list(options, &pids, &count, &error), 0);
	for (size_t i = 0; i < count; i++) {
		found |= pids[i] == pid;
		assert_int_not_equal(pids[i], getpid());
		assert_int_not_equal(pids[i], 2); /* kthreadd */
	}
	free(pids);
	return found;
}

static void test_lists_what_runs(void **state)
{
	static const char *const name[] = { "scope-tes?" };
	uint32_t user = geteuid();
	struct capture_options options = { .scope = SCOPE_ALL };
	int ready[2];
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "scope-test");
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(is_listed(&options, (uint32_t)child));
	options.users = &user;
	options.user_count = 1;
	assert_true(is_listed(&options, (uint32_t)child));
	options.names = name;
	options.name_count = 1;
	assert_true(is_listed(&options, (uint32_t)child));
	user++;
	assert_false(is_listed(&options, (uint32_t)child));
	options.user_count = 0;
	options.not_names = name;
	options.not_name_count = 1;
	assert_false(is_listed(&options, (uint32_t)child));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void test_no_such_cgroup(void **state)
{
	struct error error = { .what = "" };
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(scope_cgroup("there/is/no/such", path, &error), -ENOENT);
	assert_non_null(strstr(error.what, "there/is/no/such"));
	/* A directory, but not of a cgroup. */
	assert_int_equal(scope_cgroup("/tmp", path, &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_lists_what_runs),
		cmocka_unit_test(test_no_such_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
