/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sites of several processes that are one line of code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/merge.h"

#define PROCESSES 3

/* The same two files, mapped elsewhere in each process. */
struct world {
	struct snapshot_process processes[PROCESSES];
	const struct snapshot_process *list[PROCESSES];
	struct snapshot_module modules[PROCESSES][2];
	struct snapshot_site sites[PROCESSES][3];
	uint64_t frames[PROCESSES][3][2];
};

static void make_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	for (uint32_t i = 0; i < PROCESSES; i++) {
		uint64_t app = 0x10000000ull * (i + 1), libc = 0x7f0000000000ull + 0x1000000ull * i;

		world->modules[i][0] = (struct snapshot_module){ app, app + 0x10000, app, "/app",
								 "", "aa" };
		world->modules[i][1] = (struct snapshot_module){ libc, libc + 0x10000, libc,
								 "/libc", "", "" };
		for (uint32_t j = 0; j < 3; j++) {
			world->frames[i][j][0] = libc + 0x500;
			world->frames[i][j][1] = app + 0x100 * (j + 1);
			world->sites[i][j] = (struct snapshot_site){
				.id = j + 1, .stack_known = true, .frame_count = 2,
				.frames = world->frames[i][j],
				.counts = { 100 * (i + 1) + j, i + 1, 1000, 10, 900, 9 },
				.largest_live_bytes = 50 + i, .oldest_live_ns = 10 - i,
				.newest_live_ns = 20 + i, .calls = { [1] = 10 },
				.sampled = { .bytes = 512, .live_blocks = i, .variance = 4 },
			};
		}
		world->processes[i] = (struct snapshot_process){
			.pid = 100 + i, .module_count = 2, .modules = world->modules[i],
			.site_count = 3, .sites = world->sites[i],
		};
		world->list[i] = &world->processes[i];
	}
}

static void test_same_files_elsewhere(void **state)
{
	struct world world;
	struct merge merge;

	(void)state;
	make_world(&world);
	assert_int_equal(merge_sites(world.list, PROCESSES, &merge), 0);
	assert_int_equal(merge.site_count, 3);
	for (size_t j = 0; j < 3; j++) {
		const struct merged_site *merged = &merge.sites[j];

		/* What holds most is first: the site, and of it the process. */
		assert_int_equal(merged->site.counts.live_bytes, 600 + 3 * (2 - j));
		assert_int_equal(merged->site.counts.live_blocks, 6);
		assert_int_equal(merged->site.counts.allocated_bytes, 3000);
		assert_int_equal(merged->site.calls[1], 30);
		assert_int_equal(merged->site.sampled.live_blocks, 3);
		assert_true(merged->site.sampled.variance == 12);
		assert_int_equal(merged->site.largest_live_bytes, 52);
		assert_int_equal(merged->site.oldest_live_ns, 8);
		assert_int_equal(merged->site.newest_live_ns, 22);
		assert_int_equal(merged->part_count, 3);
		assert_int_equal(merged->holding_processes, 3);
		assert_ptr_equal(merged->parts[0].process, &world.processes[2]);
		assert_ptr_equal(merged->parts[2].process, &world.processes[0]);
		assert_int_equal(merged->site.frames[1], world.frames[2][2 - j][1]);
	}
	merge_free(&merge);
}

/* Another build of the program is another program, whatever its path. */
static void test_another_build(void **state)
{
	struct world world;
	struct merge merge;

	(void)state;
	make_world(&world);
	world.modules[1][0].build_id = "bb";
	world.modules[1][0].path = "/elsewhere/app";
	assert_int_equal(merge_sites(world.list, PROCESSES, &merge), 0);
	assert_int_equal(merge.site_count, 6);
	merge_free(&merge);
	/* Without a build-id the path tells. */
	world.modules[2][1].path = "/other/libc";
	assert_int_equal(merge_sites(world.list, PROCESSES, &merge), 0);
	assert_int_equal(merge.site_count, 9);
	merge_free(&merge);
}

/* Python's names tell apart what the interpreter's frames do not. */
static void test_python(void **state)
{
	static const struct snapshot_python_frame one = { "render", "app.py", 41, false, true };
	static const struct snapshot_python_frame other = { "render", "app.py", 42, false, true };
	struct world world;
	struct merge merge;

	(void)state;
	make_world(&world);
	for (size_t i = 0; i < PROCESSES; i++) {
		world.processes[i].site_count = 1;
		world.sites[i][0].python_count = 1;
		world.sites[i][0].python = i == 2 ? &other : &one;
	}
	assert_int_equal(merge_sites(world.list, PROCESSES, &merge), 0);
	assert_int_equal(merge.site_count, 2);
	assert_int_equal(merge.sites[0].part_count + merge.sites[1].part_count, 3);
	merge_free(&merge);
}

/* Stacks that were lost are one site, and their processes are counted once. */
static void test_unknown_stacks(void **state)
{
	struct world world;
	struct merge merge;

	(void)state;
	make_world(&world);
	for (size_t i = 0; i < PROCESSES; i++) {
		for (size_t j = 0; j < 3; j++) {
			world.sites[i][j].stack_known = false;
			world.sites[i][j].frame_count = 0;
		}
	}
	memset(&world.sites[0][0].counts, 0, sizeof(world.sites[0][0].counts));
	world.sites[1][1].counts.live_blocks = 0;
	assert_int_equal(merge_sites(world.list, PROCESSES, &merge), 0);
	assert_int_equal(merge.site_count, 1);
	assert_int_equal(merge.sites[0].part_count, 8); /* one did nothing */
	assert_int_equal(merge.sites[0].holding_processes, 3);
	merge_free(&merge);
}

static void test_nothing(void **state)
{
	struct merge merge;

	(void)state;
	assert_int_equal(merge_sites(NULL, 0, &merge), 0);
	assert_int_equal(merge.site_count, 0);
	merge_free(&merge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_files_elsewhere), cmocka_unit_test(test_another_build),
		cmocka_unit_test(test_python),		     cmocka_unit_test(test_unknown_stacks),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
