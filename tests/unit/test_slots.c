/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slots of unwind tables, and the table of traced processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/processes.h"
#include "capture/slots.h"

#define COUNT 4 /* SCOPE_NO_SLOT and three */

static void test_hands_out_each_once(void **state)
{
	struct slots slots;
	bool seen[COUNT] = { false };

	(void)state;
	assert_int_equal(slots_open(&slots, COUNT), 0);
	for (int i = 1; i < COUNT; i++) {
		uint32_t slot = slots_take(&slots, 1);

		assert_in_range(slot, 1, COUNT - 1);
		assert_false(seen[slot]);
		seen[slot] = true;
	}
	assert_int_equal(slots_take(&slots, 1), SCOPE_NO_SLOT);
	slots_close(&slots);
}

static void test_rests_before_the_next_user(void **state)
{
	struct slots slots;
	uint32_t slot;

	(void)state;
	assert_int_equal(slots_open(&slots, 2), 0);
	slot = slots_take(&slots, 1);
	slots_give(&slots, slot, 5);
	assert_int_equal(slots_take(&slots, 4 + SLOTS_REST_NS), SCOPE_NO_SLOT);
	assert_int_equal(slots_take(&slots, 5 + SLOTS_REST_NS), slot);
	slots_close(&slots);
}

static void test_shared_until_the_last(void **state)
{
	struct slots slots;
	uint32_t slot;

	(void)state;
	assert_int_equal(slots_open(&slots, 2), 0);
	slot = slots_take(&slots, 1);
	slots_share(&slots, slot);
	slots_give(&slots, slot, 2);
	assert_int_equal(slots_take(&slots, 10 + SLOTS_REST_NS), SCOPE_NO_SLOT);
	slots_give(&slots, slot, 3);
	assert_int_equal(slots_take(&slots, 10 + SLOTS_REST_NS), slot);
	slots_share(&slots, SCOPE_NO_SLOT);
	slots_give(&slots, SCOPE_NO_SLOT, 3);
	slots_close(&slots);
}

static void test_longest_free_first(void **state)
{
	struct slots slots;
	uint32_t first, second;

	(void)state;
	assert_int_equal(slots_open(&slots, 3), 0);
	for (uint64_t now = 1; now < 100 * SLOTS_REST_NS; now += 2 * SLOTS_REST_NS) {
		first = slots_take(&slots, now);
		second = slots_take(&slots, now);
		slots_give(&slots, second, now);
		slots_give(&slots, first, now);
		assert_int_equal(slots_take(&slots, now + SLOTS_REST_NS), second);
		assert_int_equal(slots_take(&slots, now + SLOTS_REST_NS), first);
		slots_give(&slots, first, now + SLOTS_REST_NS - 1);
		slots_give(&slots, second, now + SLOTS_REST_NS - 1);
	}
	slots_close(&slots);
}

static void test_finds_processes(void **state)
{
	struct processes processes = { 0 };

	(void)state;
	for (uint32_t pid = 1; pid <= 10000; pid++)
		assert_non_null(processes_add(&processes, pid));
	assert_int_equal(processes.alive, 10000);
	for (uint32_t pid = 2; pid <= 10000; pid += 2)
		processes_remove(&processes, processes_find(&processes, pid));
	for (uint32_t pid = 1; pid <= 10000; pid++) {
		struct traced *traced = processes_find(&processes, pid);

		assert_true((traced != NULL) == (pid % 2 == 1));
		assert_true(!traced || traced->pid == pid);
	}
	assert_int_equal(processes.alive, 5000);
	processes_free(&processes);
}

/* Rows are used again: no number of processes that come and go makes the table grow. */
static void test_rows_of_the_dead_are_used_again(void **state)
{
	struct processes processes = { 0 };

	(void)state;
	for (uint32_t pid = 1; pid <= 100000; pid++) {
		struct traced *traced = processes_add(&processes, pid);

		assert_non_null(traced);
		traced->look = true;
		processes_exit(&processes, traced);
		processes_exit(&processes, traced);
		assert_int_equal(processes.alive, 0);
		processes_remove(&processes, traced);
		assert_null(processes_find(&processes, pid));
	}
	assert_int_equal(processes.count, 1);
	assert_false(processes_add(&processes, 7)->look);
	processes_free(&processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hands_out_each_once),
		cmocka_unit_test(test_rests_before_the_next_user),
		cmocka_unit_test(test_shared_until_the_last),
		cmocka_unit_test(test_longest_free_first),
		cmocka_unit_test(test_finds_processes),
		cmocka_unit_test(test_rows_of_the_dead_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
