/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/rates.h"
#include "ledger/snapshot_owner.h"

#define SECOND 1000000000ull

/* One process of one thread and one site of one cell, all with the same counts; the
 * snapshot as the ledger makes it, so that it can be freed as such. */
static struct snapshot *make(uint64_t now_ns, uint64_t allocated, uint64_t freed)
{
	struct snapshot_owner *owner = calloc(1, sizeof(*owner));
	const struct snapshot_counts counts = { allocated - freed, 1, allocated, 2, freed, 1 };
	struct snapshot_process *process = owner_keep(owner, 1, sizeof(*process));
	struct snapshot_thread *thread = owner_keep(owner, 1, sizeof(*thread));
	struct snapshot_site *site = owner_keep(owner, 1, sizeof(*site));
	struct snapshot_class *class = owner_keep(owner, 1, sizeof(*class));
	struct snapshot_cell *cell = owner_keep(owner, 1, sizeof(*cell));

	*cell = (struct snapshot_cell){ .thread = 0, .counts = counts };
	*class = (struct snapshot_class){ .cell_count = 1, .cells = cell };
	*site = (struct snapshot_site){ .id = 1, .counts = counts, .class_count = 1, .classes = class };
	*thread = (struct snapshot_thread){ .tid = 7, .counts = counts };
	*process = (struct snapshot_process){ .pid = 7, .start_ns = 3, .counts = counts,
					      .thread_count = 1, .threads = thread,
					      .site_count = 1, .sites = site };
	owner->snapshot = (struct snapshot){ .now_ns = now_ns, .process_count = 1,
					     .processes = process };
	return &owner->snapshot;
}

static void keep(struct rates *rates, struct snapshot *snapshot)
{
	rates_keep(rates, snapshot);
	snapshot_free(snapshot);
}

static void test_nothing_to_compare(void **state)
{
	struct snapshot *now = make(5 * SECOND, 10, 0);
	struct rates rates = { 0 };
	struct rate rate;

	(void)state;
	assert_false(rates_of_process(&rates, now, now->processes, &rate));
	keep(&rates, make(5 * SECOND, 5, 0));
	assert_false(rates_of_process(&rates, now, now->processes, &rate));
	rates_clear(&rates);
	snapshot_free(now);
}

static void test_all_kinds(void **state)
{
	struct snapshot *now = make(4 * SECOND, 1000, 900);
	const struct snapshot_process *process = now->processes;
	struct rates rates = { 0 };
	struct rate rate[4];

	(void)state;
	keep(&rates, make(2 * SECOND, 400, 200));
	assert_true(rates_of_process(&rates, now, process, &rate[0]));
	assert_true(rates_of_thread(&rates, now, process, process->threads, &rate[1]));
	assert_true(rates_of_site(&rates, now, process, process->sites, RATES_ALL_THREADS, &rate[2]));
	assert_true(rates_of_site(&rates, now, process, process->sites, 0, &rate[3]));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rate[i].allocated, 300);
		assert_int_equal(rate[i].freed, 350);
		assert_int_equal(rate[i].growth, -50);
	}
	/* A thread without a share. */
	assert_true(rates_of_site(&rates, now, process, process->sites, 5, &rate[0]));
	assert_int_equal(rate[0].allocated, 0);
	rates_clear(&rates);
	snapshot_free(now);
}

static void test_new_ones_count_from_zero(void **state)
{
	struct snapshot *now = make(4 * SECOND, 1000, 0), *before = make(2 * SECOND, 400, 0);
	const struct snapshot_process *process = now->processes;
	struct rates rates = { 0 };
	struct rate rate;

	(void)state;
	/* The pid was another process' then. */
	((struct snapshot_process *)before->processes)->start_ns = 2;
	keep(&rates, before);
	assert_true(rates_of_process(&rates, now, process, &rate));
	assert_int_equal(rate.growth, 500);
	assert_true(rates_of_site(&rates, now, process, process->sites, RATES_ALL_THREADS, &rate));
	assert_int_equal(rate.allocated, 500);
	rates_clear(&rates);
	snapshot_free(now);
}

static void test_window_moves(void **state)
{
	struct snapshot *now = make(10 * SECOND, 10000, 0);
	struct rates rates = { 0 };
	struct rate rate;

	(void)state;
	for (uint64_t i = 1; i < 10; i++)
		keep(&rates, make(i * SECOND, i * i * 100, 0));
	assert_int_equal(rates.count, RATES_WINDOW);
	/* From second 6 on: 10 000 - 3 600 in 4 s. */
	assert_true(rates_of_process(&rates, now, now->processes, &rate));
	assert_int_equal(rate.growth, 1600);
	/* One of the same moment takes the last one's place. */
	keep(&rates, make(9 * SECOND, 1, 0));
	assert_int_equal(rates.count, RATES_WINDOW);
	assert_int_equal(rates_time(&rates, 0), 6 * SECOND);
	rates_clear(&rates);
	snapshot_free(now);
}

/* Counts that fall (an exec) and counts that no program has. */
static void test_senseless(void **state)
{
	struct snapshot *now = make(2 * SECOND, UINT64_MAX, 0);
	struct rates rates = { 0 };
	struct rate rate;

	(void)state;
	keep(&rates, make(2 * SECOND - 1, 0, 0));
	assert_true(rates_of_process(&rates, now, now->processes, &rate));
	assert_int_equal(rate.allocated, INT64_MAX);
	assert_int_equal(rate.growth, INT64_MAX);
	snapshot_free(now);
	now = make(3 * SECOND, 10, 0);
	rates_clear(&rates);
	keep(&rates, make(2 * SECOND, UINT64_MAX, 0));
	assert_true(rates_of_process(&rates, now, now->processes, &rate));
	assert_int_equal(rate.allocated, 0);
	assert_true(rate.growth < 0);
	rates_clear(&rates);
	snapshot_free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_compare), cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_new_ones_count_from_zero), cmocka_unit_test(test_window_moves),
		cmocka_unit_test(test_senseless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
