/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes at a glance: which are one service, which grow, which come first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/overview.h"

#define MOST 8
#define POINTS 40

/* Sites with an even id grow. */
void pattern_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		  const struct snapshot_site *site, struct pattern *ret_pattern)
{
	(void)snapshot, (void)process;
	*ret_pattern = (struct pattern){ .name = site->id % 2 ? PATTERN_STATIC : PATTERN_GROWING };
}

const char *pattern_name(enum pattern_name name)
{
	return name == PATTERN_GROWING ? "growing" : "other";
}

const char *pattern_title(enum pattern_name name)
{
	return pattern_name(name);
}

struct world {
	struct snapshot snapshot;
	struct snapshot_process processes[MOST];
	struct snapshot_site sites[MOST][2];
	uint64_t series[MOST][POINTS];
};

/* Process i of "shop" holds i + 1 KB in one static site. */
static void make_world(struct world *world, uint32_t count)
{
	memset(world, 0, sizeof(*world));
	world->snapshot.processes = world->processes;
	world->snapshot.process_count = count;
	for (uint32_t i = 0; i < count; i++) {
		world->sites[i][0] = (struct snapshot_site){
			.id = 1, .counts = { .live_bytes = 1024 * (i + 1), .live_blocks = 1 },
		};
		world->processes[i] = (struct snapshot_process){
			.pid = 100 + i, .comm = "shop", .exe = "/bin/shop",
			.home = { .user = "", .cgroup = "/shop", .container = "" },
			.counts = { .live_bytes = 1024 * (i + 1), .live_blocks = 1 },
			.rss_bytes = 4096, .running_threads = 3,
			.site_count = 1, .sites = world->sites[i],
			.series_interval_ns = 1000000000, .live_bytes_series = world->series[i],
		};
	}
}

static void test_groups(void **state)
{
	struct overview overview;
	struct world world;

	(void)state;
	make_world(&world, 6);
	world.processes[5].comm = "cache";
	world.processes[4].home.cgroup = "/other";
	world.processes[3].exited = true;
	world.processes[3].running_threads = 0;
	for (size_t i = 0; i < 6; i++)
		world.processes[i].sampled = (struct snapshot_sampled){
			.bytes = 512 + i, .live_blocks = 2, .variance = 10,
		};
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_int_equal(overview.count, 3);
	/* Both shops hold 6 KB that run: 1 + 2 + 3 of three, and 5 of one. */
	assert_int_equal(overview.groups[0].count + overview.groups[1].count +
				 overview.groups[2].count, 6);
	for (size_t i = 0; i < 3; i++) {
		const struct overview_group *group = &overview.groups[i];

		if (group->count == 1)
			continue;
		assert_int_equal(group->count, 4);
		assert_int_equal(group->running, 3);
		assert_int_equal(group->sum.counts.live_bytes, 6 * 1024);
		assert_int_equal(group->sum.rss_bytes, 3 * 4096);
		assert_int_equal(group->sum.sampled.live_blocks, 6);
		assert_true(group->sum.sampled.variance == 30);
		assert_int_equal(group->sum.sampled.bytes, 514); /* the largest rate */
		assert_int_equal(group->sum.running_threads, 9);
		assert_int_equal(group->ended_bytes, 4 * 1024);
		assert_int_equal(group->members[0].process->pid, 102);
		assert_int_equal(group->members[3].process->pid, 103);
	}
	overview_free(&overview);
	assert_int_equal(overview_find(&world.snapshot, NULL, true, &overview), 0);
	assert_int_equal(overview.count, 6);
	assert_int_equal(overview.groups[0].sum.pid, 105);
	assert_int_equal(overview.groups[5].sum.pid, 103); /* it has ended */
	overview_free(&overview);
}

/* A parent and its workers: what they inherited came from it. */
static void test_one_parent(void **state)
{
	struct overview overview;
	struct world world;

	(void)state;
	make_world(&world, 4);
	for (size_t i = 0; i < 3; i++) {
		world.processes[i].forked_from = 103;
		world.processes[i].forked_blocks = 5;
	}
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_int_equal(overview.groups[0].sum.forked_from, 103);
	assert_int_equal(overview.groups[0].sum.forked_blocks, 15);
	overview_free(&overview);
	world.processes[1].forked_from = 1;
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_int_equal(overview.groups[0].sum.forked_from, 0);
	overview_free(&overview);
}

/* When none runs any more, the sum is of what they held. */
static void test_all_ended(void **state)
{
	struct overview overview;
	struct world world;

	(void)state;
	make_world(&world, 2);
	world.processes[0].exited = world.processes[1].exited = true;
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_int_equal(overview.count, 1);
	assert_int_equal(overview.groups[0].running, 0);
	assert_true(overview.groups[0].sum.exited);
	assert_int_equal(overview.groups[0].sum.counts.live_bytes, 3 * 1024);
	assert_int_equal(overview.groups[0].ended_bytes, 3 * 1024);
	overview_free(&overview);
}

/* One that grows makes its group grow; a site too small to matter does not. */
static void test_verdicts(void **state)
{
	struct process_verdict verdict;
	struct overview overview;
	struct world world;

	(void)state;
	make_world(&world, 2);
	world.sites[0][1] = (struct snapshot_site){
		.id = 2, .counts = { .live_bytes = 9, .live_blocks = 1 },
	};
	world.processes[0].site_count = 2;
	process_verdict_find(&world.snapshot, &world.processes[0], &verdict);
	assert_int_equal(verdict.name, PATTERN_STATIC);
	world.sites[0][1].counts.live_bytes = 90;
	process_verdict_find(&world.snapshot, &world.processes[0], &verdict);
	assert_int_equal(verdict.name, PATTERN_GROWING);
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_int_equal(overview.groups[0].verdict.name, PATTERN_GROWING);
	assert_int_equal(overview.groups[0].members[0].verdict.name, PATTERN_STATIC);
	overview_free(&overview);
}

/* The rate is that of the last half; rates add up, and groups are sorted by them. */
static void test_rates(void **state)
{
	struct overview overview;
	struct world world;

	(void)state;
	make_world(&world, 3);
	world.processes[2].comm = "cache";
	for (size_t i = 0; i < POINTS; i++) {
		world.series[0][i] = i < POINTS / 2 ? 0 : (i - POINTS / 2) * 100;
		world.series[1][i] = 50000 - 10 * i;
		world.series[2][i] = 7;
	}
	for (size_t i = 0; i < 3; i++)
		world.processes[i].series_count = POINTS;
	assert_int_equal(overview_find(&world.snapshot, column_find(&rate_table, "growth_rate"), false,
				       &overview), 0);
	assert_int_equal(overview.groups[0].sum.counts.live_bytes, 3 * 1024);
	assert_true(overview.groups[0].verdict.rated);
	assert_int_equal(overview.groups[0].verdict.rate.growth, 90);
	assert_int_equal(overview.groups[1].verdict.rate.growth, 0);
	overview_free(&overview);
	world.processes[0].exited = true;
	world.processes[1].series_count = 3;
	assert_int_equal(overview_find(&world.snapshot, NULL, false, &overview), 0);
	assert_false(overview.groups[1].verdict.rated); /* ended, and too few points */
	overview_free(&overview);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_one_parent),
		cmocka_unit_test(test_all_ended),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
