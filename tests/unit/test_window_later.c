/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window that is asked for while events flow: the mark of somebody who watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/ledger.h"

#define START 1000

static void alloc(struct ledger *ledger, uint64_t time_ns, uint64_t address, uint64_t size)
{
	struct event event = { .kind = EVENT_ALLOC, .pid = 1, .tid = 1, .time_ns = time_ns };

	event.alloc.address = address;
	event.alloc.size = size;
	assert_int_equal(ledger_apply(ledger, &event), 0);
}

static void release(struct ledger *ledger, uint64_t time_ns, uint64_t address)
{
	struct event event = { .kind = EVENT_FREE, .pid = 1, .tid = 1, .time_ns = time_ns };

	event.free.address = address;
	assert_int_equal(ledger_apply(ledger, &event), 0);
}

static void mark(struct ledger *ledger, uint64_t time_ns)
{
	const struct window_wish newer = { .from = { .kind = MOMENT_TIME, .ns = time_ns - START } };

	ledger_set_window(ledger, &newer);
}

static void expect(struct ledger *ledger, uint64_t now_ns, const struct snapshot_counts *newer,
		   uint64_t all_live)
{
	const struct snapshot_counts *counts;
	struct snapshot *snapshot;

	assert_int_equal(ledger_snapshot(ledger, now_ns, &snapshot), 0);
	assert_true(snapshot->window.set && snapshot->window.made_known);
	assert_int_equal(snapshot->process_count, 1);
	counts = &snapshot->processes[0].counts;
	assert_int_equal(counts->live_bytes, newer->live_bytes);
	assert_int_equal(counts->live_blocks, newer->live_blocks);
	assert_int_equal(counts->allocated_bytes, newer->allocated_bytes);
	assert_int_equal(counts->freed_bytes, newer->freed_bytes);
	assert_non_null(snapshot->processes[0].whole);
	assert_int_equal(snapshot->processes[0].whole->counts.live_bytes, all_live);
	snapshot_free(snapshot);
}

static void test_marks_follow_one_another(void **state)
{
	struct ledger *ledger = ledger_new();

	(void)state;
	assert_non_null(ledger);
	alloc(ledger, START, 0x10, 7);
	alloc(ledger, START + 1, 0x20, 11);
	mark(ledger, START + 10);
	expect(ledger, START + 10, &(struct snapshot_counts){ 0 }, 18);
	alloc(ledger, START + 11, 0x30, 13);
	alloc(ledger, START + 12, 0x40, 17);
	/* An old one and a new one go: the old one is none of the window's. */
	release(ledger, START + 13, 0x10);
	release(ledger, START + 14, 0x30);
	expect(ledger, START + 15, &(struct snapshot_counts){ 17, 1, 30, 2, 13, 1 }, 28);
	/* The next mark counts from nothing. */
	mark(ledger, START + 20);
	expect(ledger, START + 20, &(struct snapshot_counts){ 0 }, 28);
	alloc(ledger, START + 21, 0x50, 19);
	release(ledger, START + 22, 0x40);
	expect(ledger, START + 23, &(struct snapshot_counts){ 19, 1, 19, 1, 0, 0 }, 30);
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks_follow_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
