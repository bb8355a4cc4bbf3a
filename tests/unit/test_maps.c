/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/maps: its own text, hostile text, and the live file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/maps.h"

static void parse(const char *text, struct maps *maps)
{
	assert_int_equal(maps_parse(text, strlen(text), maps), 0);
}

static void test_fields(void **state)
{
	struct maps maps;

	(void)state;
	parse("55d0c8a00000-55d0c8a02000 r-xp 00001000 fe:01 1234567 /usr/bin/a b  c\n"
	      "55d0c8b00000-55d0c8b21000 rw-p 00000000 00:00 0                          [heap]\n"
	      "7f0000000000-7f0000001000 rw-s 00002000 103:ff 9 /tmp/x\\012y (deleted)\n"
	      "7f0000001000-7f0000002000 ---p 00000000 00:00 0 \n"
	      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n",
	      &maps);
	assert_int_equal(maps.count, 5);
	assert_false(maps.truncated);
	assert_true(maps.rows[0].start == 0x55d0c8a00000 && maps.rows[0].end == 0x55d0c8a02000);
	assert_int_equal(maps.rows[0].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(maps.rows[0].offset, 0x1000);
	assert_int_equal(maps.rows[0].dev_major, 0xfe);
	assert_int_equal(maps.rows[0].dev_minor, 1);
	assert_int_equal(maps.rows[0].inode, 1234567);
	assert_string_equal(maps.rows[0].path, "/usr/bin/a b  c");
	assert_false(maps.rows[0].shared || maps.rows[0].deleted);
	assert_string_equal(maps.rows[2].path, "/tmp/x\ny");
	assert_true(maps.rows[2].deleted && maps.rows[2].shared);
	assert_int_equal(maps.rows[2].dev_major, 0x103);
	assert_int_equal(maps.rows[3].prot, 0);
	assert_string_equal(maps.rows[3].path, "");
	assert_int_equal(maps.rows[4].prot, PROT_EXEC);
	assert_true(maps_heap_end(&maps) == 0x55d0c8b21000);

	assert_ptr_equal(maps_find(&maps, 0x55d0c8a00000), &maps.rows[0]);
	assert_ptr_equal(maps_find(&maps, 0x55d0c8a01fff), &maps.rows[0]);
	assert_null(maps_find(&maps, 0x55d0c8a02000));
	assert_null(maps_find(&maps, 0));
	assert_ptr_equal(maps_find(&maps, 0x7f0000001000), &maps.rows[3]);
	assert_null(maps_find(&maps, UINT64_MAX));
	maps_free(&maps);
	assert_null(maps_find(&maps, 0x55d0c8a00000));
}

static void test_nonsense_is_left_out(void **state)
{
	static const char *const bad[] = {
		"", "\n", "garbage\n", "1000\n", "1000-\n", "1000-2000\n", "1000-2000 rw\n",
		"1000-2000 rw-p\n", "1000-2000 rw-p 0\n", "1000-2000 rw-p 0 0:0\n",
		"1000-2000 rw-p 0 0:0 \n", "1000-2000 rw-p 0 0:0 x\n", "2000-1000 rw-p 0 0:0 0\n",
		"1000-1000 rw-p 0 0:0 0\n", "-1000-2000 rw-p 0 0:0 0\n", " 1000-2000 rw-p 0 0:0 0\n",
		"10000000000000000-20000000000000000 rw-p 0 0:0 0\n", "1000-2000 rw-p -1 0:0 0\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct maps maps;
		char text[256];

		snprintf(text, sizeof(text), "%s3000-4000 r--p 0 0:0 0", bad[i]);
		parse(text, &maps);
		if (maps.count != 1 || maps.rows[0].start != 0x3000 ||
		    maps.truncated != (bad[i][0] != '\0'))
			fail_msg("row %zu '%s': %zu rows", i, bad[i], maps.count);
		maps_free(&maps);
	}
}

static void test_disjoint(void **state)
{
	struct maps maps;

	(void)state;
	parse("3000-5000 r--p 0 0:0 0\n4000-6000 r--p 0 0:0 0\n1000-2000 r--p 0 0:0 0\n"
	      "5000-6000 r--p 0 0:0 0\n", &maps);
	assert_int_equal(maps.count, 2);
	assert_true(maps.truncated);
	assert_int_equal(maps.rows[1].start, 0x5000);
	maps_free(&maps);
}

static void test_bounded(void **state)
{
	const size_t lines = MAPS_MAX_ROWS + 7;
	CLEANUP_FREE char *text = malloc(lines * 48);
	struct maps maps;
	size_t used = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 1; i <= lines; i++)
		used += sprintf(text + used, "%zx000-%zx000 rw-p 0 0:0 0\n", i, i + 1);
	assert_int_equal(maps_parse(text, used, &maps), 0);
	assert_int_equal(maps.count, MAPS_MAX_ROWS);
	assert_true(maps.truncated);
	maps_free(&maps);
}

/* Cut anywhere and with any byte changed, rows stay ascending and paths terminated. */
static void test_hostile(void **state)
{
	static const char text[] = "1000-2000 r-xp 00001000 fe:01 12 /usr/bin/a\\012b (deleted)\n"
				   "3000-4000 rw-s 00000000 00:00 0       [heap]\n"
				   "5000-7000 rw-p 00000000 00:00 0 \n";
	unsigned int seed = 4099;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		size_t length = round < sizeof(text) ? round : sizeof(text) - 1;
		char *copy = malloc(length + 1);
		struct maps maps;

		assert_non_null(copy);
		memcpy(copy, text, length);
		if (round >= sizeof(text))
			copy[rand_r(&seed) % length] = rand_r(&seed);
		assert_int_equal(maps_parse(copy, length, &maps), 0);
		free(copy);
		for (size_t i = 0; i < maps.count; i++) {
			assert_true(maps.rows[i].start < maps.rows[i].end);
			assert_true(i == 0 || maps.rows[i - 1].end <= maps.rows[i].start);
			assert_true(strlen(maps.rows[i].path) < sizeof(text));
		}
		maps_free(&maps);
	}
}

static void test_own_process(void **state)
{
	char path[] = "/tmp/outlive maps\nXXXXXX";
	const struct mapping *row;
	struct maps maps;
	struct stat stat;
	void *page;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(fstat(fd, &stat), 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	assert_ptr_not_equal(page, MAP_FAILED);
	unlink(path);

	assert_int_equal(maps_read(getpid(), &maps), 0);
	assert_false(maps.truncated);
	row = maps_find(&maps, (uintptr_t)page);
	assert_non_null(row);
	assert_string_equal(row->path, path);
	assert_true(row->deleted && row->shared);
	assert_int_equal(row->prot, PROT_READ);
	assert_int_equal(row->offset, 4096);
	assert_int_equal(row->inode, stat.st_ino);
	assert_int_equal(makedev(row->dev_major, row->dev_minor), stat.st_dev);
	row = maps_find(&maps, (uintptr_t)&test_own_process);
	assert_non_null(row);
	assert_true(row->prot & PROT_EXEC);
	row = maps_find(&maps, (uintptr_t)&stat);
	assert_non_null(row);
	assert_string_equal(row->path, "[stack]");
	maps_free(&maps);
	munmap(page, 4096);
	close(fd);
}

static void test_no_such_process(void **state)
{
	struct maps maps;

	(void)state;
	assert_int_equal(maps_read(0x7fffffff, &maps), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),	    cmocka_unit_test(test_nonsense_is_left_out),
		cmocka_unit_test(test_disjoint),    cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_hostile),	    cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_no_such_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
