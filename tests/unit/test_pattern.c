/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts one by one: what they say to a person, and what hostile snapshots do
 * to them. The same verdicts on programs with random numbers: test_slot.c,
 * test_pattern_growing.c, test_pattern_bounded.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/pattern.h"
#include "simulate.h"

static void find(struct sim *sim, struct pattern *ret_pattern)
{
	struct snapshot *snapshot = sim_run(sim);

	assert_int_equal(snapshot->processes[0].site_count, 1);
	pattern_find(snapshot, snapshot->processes, snapshot->processes->sites, ret_pattern);
	snapshot_free(snapshot);
	sim_free(sim);
}

static void start(struct sim *sim, double length_s)
{
	sim_start(sim, 1);
	sim->length_s = length_s;
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(pattern_name(PATTERN_PER_THREAD_SLOT), "per-thread-slot");
	assert_string_equal(pattern_title(PATTERN_PER_THREAD_SLOT), "per-thread slot");
	assert_string_equal(pattern_name(PATTERN_SHORT_LIVED), "short-lived");
	for (int i = 0; i < PATTERN_COUNT; i++)
		assert_true(pattern_name((enum pattern_name)i)[0] != '\0');
	assert_string_equal(pattern_name((enum pattern_name)77), "unknown");
}

/* 14 requests on 10 threads; each body is kept until the thread's next request. */
static void make_requests(struct sim *sim, int requests)
{
	for (int r = 0; r < requests; r++)
		sim_block(sim, 0.2 + 0.3 * r, r + 10 < requests ? 0.21 + 0.3 * (r + 10) : SIM_NEVER,
			  200 + (uint32_t)(r % 10), 200 + (uint32_t)(r % 10),
			  22200000 + 4000 * (uint64_t)r);
}

static void test_slot(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 4.3);
	make_requests(&sim, 14);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_PER_THREAD_SLOT);
	assert_int_equal(pattern.threads, 10);
	assert_int_equal(pattern.blocks_per_thread, 1);
	assert_int_equal(pattern.replacements, 4);
	assert_int_equal(pattern.size_class, -1);
	assert_string_equal(pattern.text, "10 threads each keep one block of about 21.2 MB; a "
					  "thread's next block replaces its "
					  "last (14 made, 4 replaced). Bounded by threads × block "
					  "size; more requests will not "
					  "grow it.");
}

static void test_slot_not_replaced_yet(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 4.3);
	make_requests(&sim, 4);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_PER_THREAD_SLOT);
	assert_int_equal(pattern.threads, 4);
	assert_int_equal(pattern.replacements, 0);
	assert_string_equal(
		pattern.text,
		"4 threads each keep one block of about 21.2 MB; no replacement seen yet. If a "
		"thread's next block replaces its last, this is bounded by threads × block size; "
		"to "
		"see, trace longer (--for 60s).");
}

/* A thread per request that leaves a block behind: nothing will ever replace it. */
static void test_exited_threads_keep_no_slot(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 20);
	for (uint32_t i = 0; i < 60; i++) {
		sim_block(&sim, 0.3 * (i + 1), SIM_NEVER, 200 + i, 200 + i, 1000);
		sim_op(&sim, 0.3 * (i + 1) + 0.1, EVENT_EXIT, 200 + i);
	}
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_GROWING);
	assert_int_equal(pattern.blocks_per_thread, 0);
}

/* Four blocks, two threads, two each: but it is one queue, each frees the other's. */
static void test_shared_by_two(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 20);
	for (uint32_t i = 0; i < 190; i++)
		sim_block(&sim, 0.1 * i, i < 186 ? 0.1 * (i + 4) + 0.01 : SIM_NEVER, 200 + i % 2,
			  201 - i % 2, 1000);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_BOUNDED);
	assert_int_equal(pattern.threads, 2);
}

static void test_growing(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 31);
	for (int i = 0; i < 310; i++)
		sim_block(&sim, 0.1 * i, i % 20 ? SIM_NEVER : 0.1 * i + 0.05, 200, 200, 125829);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_GROWING);
	assert_true(pattern.growth_bytes_per_s > 1.1e6 && pattern.growth_bytes_per_s < 1.3e6);
	assert_string_equal(pattern.text,
			    "Live bytes rise by 1.14 MB/s ± 13.0 KB/s (from 1.79 MB to 35.3 MB over 29.4 s, "
			    "95 % of what was allocated is still live): this looks like a leak.");
}

/* What leaks is a tenth of what the cache beside it holds. */
static void test_growing_in_a_class(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 100);
	for (int i = 0; i < 1000; i++)
		sim_block(&sim, 0.1 * i, 0.1 * (i + 64) + 0.01, 200, 200,
			  3000 + 1000 * (uint64_t)(i % 7 == 3));
	for (int i = 0; i < 1000; i++)
		sim_block(&sim, 0.1 * i + 0.05, SIM_NEVER, 200, 200, 40);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_GROWING);
	assert_int_equal(pattern.size_class, 5);
	assert_true(pattern.growth_bytes_per_s > 380 && pattern.growth_bytes_per_s < 420);
	assert_non_null(strstr(pattern.text, "Blocks of 32 B to 64 B, 1"));
	assert_non_null(strstr(pattern.text, "% of what is live here: live bytes rise by 23."));
}

static void test_too_few(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 10);
	for (int i = 0; i < 3; i++)
		sim_block(&sim, 3 * i + 1, SIM_NEVER, 200, 200, 5000);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_UNKNOWN);
	assert_string_equal(
		pattern.text,
		"3 allocations in 10.0 s, 0 freed: too few to tell what becomes of it. To "
		"learn more, trace longer (--for 60s).");
}

static void test_static(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 60);
	for (int i = 0; i < 500; i++)
		sim_block(&sim, 0.001 * i, SIM_NEVER, 200, 200, 1000);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_STATIC);
	assert_string_equal(
		pattern.text,
		"500 blocks (488 KB) made early and kept; nothing new for 59.5 s. Set-up "
		"data or a filled cache: it is not growing.");
}

static void test_short_lived(void **state)
{
	struct pattern pattern;
	struct sim sim;

	(void)state;
	start(&sim, 10);
	for (int i = 0; i < 1000; i++)
		sim_block(&sim, 0.01 * i, 0.01 * i + 0.002, 200, 200, 100);
	find(&sim, &pattern);
	assert_int_equal(pattern.name, PATTERN_SHORT_LIVED);
	assert_string_equal(
		pattern.text,
		"1 000 of 1 000 blocks were freed, after 2 ms on average; 0 B is live at "
		"this moment. Nothing piles up here.");
}

/* --- snapshots made by hand ------------------------------------------------ */

struct fixture {
	struct snapshot snapshot;
	struct snapshot_process process;
	struct snapshot_thread threads[2];
	struct snapshot_site site;
	struct snapshot_class classes[2];
	struct snapshot_cell cells[2];
	uint64_t series[SNAPSHOT_SERIES_POINTS];
};

static void link_up(struct fixture *fixture)
{
	fixture->snapshot.process_count = 1;
	fixture->snapshot.processes = &fixture->process;
	fixture->process.threads = fixture->threads;
	fixture->process.site_count = 1;
	fixture->process.sites = &fixture->site;
	fixture->site.classes = fixture->classes;
	for (int i = 0; i < 2; i++) {
		fixture->classes[i].cells = fixture->cells;
		fixture->classes[i].cell_count = 2;
		fixture->classes[i].series = fixture->series;
	}
}

static void test_nothing_at_all(void **state)
{
	struct fixture fixture = { .site = { .id = 1 } };
	struct pattern pattern;

	(void)state;
	link_up(&fixture);
	pattern_find(&fixture.snapshot, &fixture.process, &fixture.site, &pattern);
	assert_int_equal(pattern.name, PATTERN_UNKNOWN);
	assert_int_equal(pattern.size_class, -1);
	assert_string_equal(
		pattern.text,
		"0 allocations in 0 ns, 0 freed: none of it is live now. To learn more, "
		"trace longer (--for 60s).");
}

/* Without a history nothing can be called growing, and the text says why. */
static void test_no_history(void **state)
{
	struct fixture fixture = { .snapshot = { .start_ns = 1, .now_ns = 10000000001 } };
	struct pattern pattern;

	(void)state;
	link_up(&fixture);
	fixture.site.class_count = 1;
	fixture.process.thread_count = 1;
	fixture.classes[0].cell_count = 1;
	fixture.classes[0].series = NULL;
	fixture.cells[0] = (struct snapshot_cell){ .first_ns = 2,
						   .last_ns = 9900000000,
						   .oldest_live_ns = 2,
						   .newest_live_ns = 9900000000 };
	fixture.cells[0].counts.live_blocks = fixture.cells[0].counts.allocated_blocks = 100;
	fixture.cells[0].counts.live_bytes = fixture.cells[0].counts.allocated_bytes = 6400;
	fixture.classes[0].counts = fixture.site.counts = fixture.cells[0].counts;
	pattern_find(&fixture.snapshot, &fixture.process, &fixture.site, &pattern);
	assert_int_equal(pattern.name, PATTERN_UNKNOWN);
	assert_non_null(strstr(pattern.text, "no history of this one was kept"));
}

static uint64_t hostile_number(struct sim *sim)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 7, 64, 1000000007, 1ull << 62, 1ull << 63, UINT64_MAX - 1, UINT64_MAX
	};

	return numbers[sim_between(sim, 0, sizeof(numbers) / sizeof(numbers[0]) - 1)];
}

/* A damaged recording may say anything: no trap, no overflow, always a sentence. */
static void test_hostile(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, 4711);
	for (int run = 0; run < 20000; run++) {
		struct fixture fixture = { .snapshot = { .start_ns = hostile_number(&sim),
							 .now_ns = hostile_number(&sim) } };
		struct pattern pattern;

		link_up(&fixture);
		fixture.snapshot.quality.unknown_frees = hostile_number(&sim);
		fixture.process.exited = sim_between(&sim, 0, 1);
		fixture.process.last_ns = hostile_number(&sim);
		fixture.process.thread_count = sim_between(&sim, 0, 2);
		fixture.process.series_start_ns = hostile_number(&sim);
		fixture.process.series_interval_ns = hostile_number(&sim);
		fixture.process.series_count =
			sim_between(&sim, 0, 1) ? SNAPSHOT_SERIES_POINTS : SIZE_MAX;
		fixture.site.class_count = sim_between(&sim, 0, 2);
		fixture.site.counts.live_bytes = hostile_number(&sim);
		for (int i = 0; i < SNAPSHOT_SERIES_POINTS; i++)
			fixture.series[i] = hostile_number(&sim);
		for (int i = 0; i < 2; i++) {
			uint64_t *class = (uint64_t *)&fixture.classes[i].counts;
			uint64_t *cell = (uint64_t *)&fixture.cells[i].counts;
			size_t words = sizeof(struct snapshot_cell) -
				       offsetof(struct snapshot_cell, counts);

			fixture.classes[i].log2_size = (uint8_t)hostile_number(&sim);
			fixture.classes[i].largest_live_bytes = hostile_number(&sim);
			for (size_t w = 0; w < sizeof(struct snapshot_counts) / 8; w++)
				class[w] = hostile_number(&sim);
			for (size_t w = 0; w < words / 8; w++)
				cell[w] = hostile_number(&sim);
			fixture.cells[i].thread = (uint32_t)hostile_number(&sim);
		}
		pattern_find(&fixture.snapshot, &fixture.process, &fixture.site, &pattern);
		assert_true(pattern.name < PATTERN_COUNT);
		assert_true(strlen(pattern.text) > 20);
		assert_true(pattern.growth_bytes_per_s >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_slot_not_replaced_yet),
		cmocka_unit_test(test_exited_threads_keep_no_slot),
		cmocka_unit_test(test_shared_by_two),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_growing_in_a_class),
		cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_short_lived),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_no_history),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
