/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a process lives: cgroup files and names as container runtimes make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "target/home.h"

#define ID "3f1c0a9d5b7e2f4486a1c3e5d7092b4f6a8c0e2d4f618395b7a9cbedf0123456"
#define OTHER "00000000000000000000000000000000000000000000000000000000000000ab"

static void check_cgroup(const char *text, const char *expected)
{
	char buffer[256];

	home_parse_cgroup(text, buffer, sizeof(buffer));
	assert_string_equal(buffer, expected);
}

static void test_cgroup_unified(void **state)
{
	(void)state;
	check_cgroup("0::/system.slice/redis.service\n", "/system.slice/redis.service");
	check_cgroup("0::/", "/");
	check_cgroup("0::/a:b/c\n", "/a:b/c");
	check_cgroup("0::/gone.scope (deleted)\n", "/gone.scope");
	check_cgroup("", "");
	check_cgroup("nonsense\n::\n:\n0:\n", "");
}

static void test_cgroup_version_1(void **state)
{
	(void)state;
	check_cgroup("12:cpu,cpuacct:/a\n11:hugetlb,memory:/docker/x\n1:name=systemd:/b\n0::/\n",
		     "/docker/x");
	check_cgroup("2:cpu:/a\n1:name=systemd:/system.slice/x.service\n", "/system.slice/x.service");
	check_cgroup("2:cpu:/a\n3:memoryless:/b\n", "/a");
	/* Hybrid: what is at the top says nothing where something else says more. */
	check_cgroup("4:memory:/\n1:name=systemd:/user.slice\n0::/user.slice/session-1.scope\n",
		     "/user.slice/session-1.scope");
	check_cgroup("4:memory:/docker/x\n1:name=systemd:/y\n0::/\n", "/docker/x");
}

static void test_cgroup_too_long(void **state)
{
	char text[400] = "1:cpu:/short\n0::/", buffer[32];

	(void)state;
	memset(text + strlen(text), 'x', 300);
	home_parse_cgroup(text, buffer, sizeof(buffer));
	assert_string_equal(buffer, "/short");
}

static void check_container(const char *cgroup, const char *expected)
{
	char buffer[HOME_CONTAINER_BYTES];

	assert_string_equal(home_container(cgroup, buffer), expected);
}

static void test_container_names(void **state)
{
	static const char *const paths[] = {
		"/docker/" ID,
		"/system.slice/docker-" ID ".scope",
		"/system.slice/docker-" ID ".scope/init",
		"/kubepods/burstable/pod3b0d2c1e-9f8a-4b7c-a6d5-e4f3c2b1a098/" ID,
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod12.slice/"
		"cri-containerd-" ID ".scope",
		"/kubepods.slice/kubepods-pod12.slice/crio-" ID ".scope/container",
		"/kubepods-burstable-pod12.slice:cri-containerd:" ID,
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
		"/machine.slice/libpod-" ID ".scope",
		"/system.slice/nerdctl-" ID ".scope",
		"/docker/" OTHER "/docker/" ID, /* a container in a container */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		check_container(paths[i], ID);
}

static void test_no_container(void **state)
{
	(void)state;
	check_container("", "");
	check_container("/", "");
	check_container("/system.slice/redis.service", "");
	check_container("/docker/" ID "0", "");	      /* 65 digits */
	check_container("/docker/x" ID, "");	      /* part of a word */
	check_container("/docker/" ID "x.scope", "");
	check_container("/machine.slice/libpod-conmon-" ID ".scope", "");
	check_container("/a/3f1c0a9d5b7e/b", "");
}

static void test_user(void **state)
{
	char path[] = "/tmp/outlive-passwd-XXXXXX", buffer[HOME_USER_BYTES];
	static const char lines[] = "root:x:0:0::/:/bin/sh\n#no line\nshop:x:4242:1::/:/x\n";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
	close(fd);
	assert_string_equal(home_user(path, 4242, buffer), "shop");
	assert_string_equal(home_user(path, 0, buffer), "root");
	assert_string_equal(home_user(path, 7, buffer), "");
	unlink(path);
	assert_string_equal(home_user(path, 0, buffer), "");
}

static void test_own(void **state)
{
	struct process_home home;

	(void)state;
	assert_int_equal(home_read((uint32_t)getpid(), &home), 0);
	assert_int_equal(home.inner_pid, getpid());
	assert_int_equal(home.uid, geteuid());
	assert_int_equal(home.namespaces, 0);
	assert_true(home.cgroup[0] == '\0' || home.cgroup[0] == '/');
	assert_true(home_read(0x7fffffff, &home) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroup_unified),	cmocka_unit_test(test_cgroup_version_1),
		cmocka_unit_test(test_cgroup_too_long), cmocka_unit_test(test_container_names),
		cmocka_unit_test(test_no_container),	cmocka_unit_test(test_user),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
