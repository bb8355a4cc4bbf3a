/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "symbol/perf_map.h"

static struct perf_map *parse(const char *text, size_t size)
{
	struct perf_map *map;

	assert_int_equal(perf_map_parse(text, size, &map), 0);
	return map;
}

static void assert_name(const struct perf_map *map, uint64_t address, const char *name,
			uint64_t start)
{
	uint64_t found = 0;
	const char *text = perf_map_lookup(map, address, &found);

	if (!name) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, name);
	assert_int_equal(found, start);
}

static void test_lines(void **state)
{
	static const char text[] = "1000 20 first\n"
				   "0x2000 0x10 LazyCompile:*work /srv/app.js:3:5\n"
				   "3000\t8\twith tab\n"
				   "FFFFFFFFFFFFF000 ffF last page\n"
				   "4000 10 no newline at the end";
	struct perf_map *map = parse(text, sizeof(text) - 1);

	(void)state;
	assert_name(map, 0xfff, NULL, 0);
	assert_name(map, 0x1000, "first", 0x1000);
	assert_name(map, 0x101f, "first", 0x1000);
	assert_name(map, 0x1020, NULL, 0);
	assert_name(map, 0x200f, "LazyCompile:*work /srv/app.js:3:5", 0x2000);
	assert_name(map, 0x3007, "with tab", 0x3000);
	assert_name(map, 0x400f, "no newline at the end", 0x4000);
	assert_name(map, UINT64_MAX - 1, "last page", 0xfffffffffffff000);
	assert_name(map, UINT64_MAX, NULL, 0);
	perf_map_free(map);
}

static void test_senseless(void **state)
{
	static const char text[] = "\n\n \nhello\n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\n"
				   "xyz 10 no number\n1000 -1 negative\n"
				   "ffffffffffffffff 2 beyond the end\n"
				   "11111111111111111 10 too many digits\n"
				   "0x 10 no digits\n 1000 10 blank first\n2000 10 \0hidden\n5000 1 good\n";
	struct perf_map *map = parse(text, sizeof(text) - 1);
	char *name = malloc(5000);

	(void)state;
	assert_non_null(name);
	for (uint64_t address = 0; address < 0x5000; address += 8)
		assert_name(map, address, NULL, 0);
	assert_name(map, UINT64_MAX, NULL, 0);
	assert_name(map, 0x5000, "good", 0x5000);
	perf_map_free(map);
	map = parse("", 0);
	assert_name(map, 0, NULL, 0);
	perf_map_free(map);
	/* A name without end is cut. */
	memset(name, 'x', 5000);
	memcpy(name, "10 10 ", 6);
	map = parse(name, 5000);
	name[6 + 512] = '\0';
	assert_name(map, 0x10, name + 6, 0x10);
	perf_map_free(map);
	free(name);
}

/* Code moves: of all lines that hold an address the last is right. */
static void test_last_wins(void **state)
{
	enum { LINES = 200, SPACE = 400 };
	uint64_t starts[LINES], sizes[LINES];
	char text[LINES * 32], name[16];

	(void)state;
	srand(1);
	for (int round = 0; round < 200; round++) {
		size_t used = 0;
		struct perf_map *map;

		for (int i = 0; i < LINES; i++) {
			starts[i] = (uint64_t)rand() % SPACE;
			sizes[i] = 1 + (uint64_t)rand() % (round % 2 ? 10 : SPACE);
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%llx %llx f%d\n",
						 (unsigned long long)starts[i],
						 (unsigned long long)sizes[i], i);
		}
		map = parse(text, used);
		for (uint64_t address = 0; address < 2 * SPACE + 10; address++) {
			int last = LINES - 1;

			while (last >= 0 && (address < starts[last] || address >= starts[last] + sizes[last]))
				last--;
			snprintf(name, sizeof(name), "f%d", last);
			assert_name(map, address, last < 0 ? NULL : name, last < 0 ? 0 : starts[last]);
		}
		perf_map_free(map);
	}
}

/* A million lines, one more than are kept; all nested, which is the worst. */
static void test_many(void **state)
{
	size_t lines = (1 << 20) + 1, used = 0;
	char *text = malloc(lines * 32);
	struct timespec before, after;
	struct perf_map *map;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		used += (size_t)sprintf(text + used, "%zx %zx f\n", i, 4 * lines - 2 * i);
	clock_gettime(CLOCK_MONOTONIC, &before);
	map = parse(text, used);
	clock_gettime(CLOCK_MONOTONIC, &after);
	print_message("a million lines: %.2f s\n",
		      (double)(after.tv_sec - before.tv_sec) +
			      (double)(after.tv_nsec - before.tv_nsec) / 1e9);
	assert_name(map, lines - 2, "f", lines - 2);
	assert_name(map, lines - 1, "f", lines - 2); /* the line of its own was one too many */
	perf_map_free(map);
	free(text);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* This process's own map, of this user, and one from before its start. */
static void test_file(void **state)
{
	uint32_t pid = (uint32_t)getpid();
	uint64_t start = monotonic_ns();
	struct perf_map *map = NULL;
	const struct timespec old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	char path[64];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", pid);
	unlink(path);
	assert_int_equal(perf_map_open(pid, start, true, &map), -ENOENT);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("1000 10 mine\n", file);
	fclose(file);
	for (int alive = 0; alive < 2; alive++) {
		assert_int_equal(perf_map_open(pid, start, alive, &map), 0);
		assert_name(map, 0x1000, "mine", 0x1000);
		perf_map_free(map);
		assert_int_equal(perf_map_open(pid, start + 3600000000000, alive, &map), -ENOENT);
	}
	if (getuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(perf_map_open(pid, start, true, &map), -ENOENT);
	}
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(perf_map_open(pid, start, false, &map), -ENOENT);
	/* What is no file is not read, and not waited for. */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(perf_map_open(pid, start, true, &map), -EINVAL);
	unlink(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_true(perf_map_open(pid, start, true, &map) < 0);
	unlink(path);
	assert_int_equal(perf_map_open(0, start, true, &map), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_senseless),
		cmocka_unit_test(test_last_wins), cmocka_unit_test(test_many),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
