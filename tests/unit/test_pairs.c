/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger/pairs.c, and what else comes with pairs: blocks that are told late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/cell.h"
#include "ledger/ledger.h"
#include "stream/decode.h"

#define PID 100
#define START 1000000000ull
#define W(size) (&(struct weight){ .bytes = (size), .blocks = WEIGHT_ONE })

static struct event make(uint8_t kind, uint32_t tid, uint64_t time_ns)
{
	return (struct event){
		.kind = kind, .function = 1, .pid = PID, .tid = tid, .time_ns = START + time_ns
	};
}

static void apply(struct ledger *ledger, const struct event *event)
{
	assert_int_equal(ledger_apply(ledger, event), 0);
}

static void alloc(struct ledger *ledger, uint32_t tid, uint64_t address, uint64_t size,
		  uint64_t time_ns)
{
	struct event event = make(EVENT_ALLOC, tid, time_ns);

	event.alloc.address = address;
	event.alloc.size = size;
	event.alloc.stack = 7;
	apply(ledger, &event);
}

static void release(struct ledger *ledger, uint32_t tid, uint64_t address, uint64_t time_ns)
{
	struct event event = make(EVENT_FREE, tid, time_ns);

	event.free.address = address;
	apply(ledger, &event);
}

static void pairs(struct ledger *ledger, uint32_t tid, uint32_t count, uint64_t size,
		  uint64_t first_ns, uint64_t end_ns)
{
	struct event event = make(EVENT_PAIRS, tid, end_ns);

	event.pairs.stack = 7;
	event.pairs.count = count;
	event.pairs.bytes = count * size;
	event.pairs.log2_size = (uint8_t)(63 - __builtin_clzll(size));
	event.pairs.lifetime_ns = count * 10;
	event.pairs.first_birth_ns = START + first_ns;
	event.pairs.last_birth_ns = START + end_ns - 1;
	apply(ledger, &event);
}

static struct snapshot *picture(struct ledger *ledger, uint64_t now_ns)
{
	struct snapshot *snapshot = NULL;

	assert_int_equal(ledger_snapshot(ledger, START + now_ns, &snapshot), 0);
	return snapshot;
}

static void pairs_are_made_and_freed(void **state)
{
	struct ledger *ledger = ledger_new();
	const struct snapshot_process *process;
	struct snapshot *snapshot;

	(void)state;
	alloc(ledger, 1, 0x10, 100, 1);
	pairs(ledger, 1, 1009, 100, 10, 50);
	pairs(ledger, 2, 13, 40, 20, 60);
	snapshot = picture(ledger, 100);
	process = &snapshot->processes[0];
	assert_int_equal(process->counts.allocated_blocks, 1 + 1009 + 13);
	assert_int_equal(process->counts.freed_blocks, 1009 + 13);
	assert_int_equal(process->counts.live_blocks, 1);
	assert_int_equal(process->counts.live_bytes, 100);
	assert_int_equal(process->counts.freed_bytes, 100900 + 520);
	assert_int_equal(process->thread_count, 2);
	assert_int_equal(process->threads[0].counts.freed_blocks, 1009);
	assert_int_equal(process->threads[0].freed_by_others_blocks, 0);
	assert_int_equal(process->threads[1].counts.allocated_bytes, 520);
	assert_int_equal(process->site_count, 1);
	assert_int_equal(process->sites[0].calls[1], 1023);
	assert_int_equal(process->sites[0].class_count, 2);
	assert_int_equal(process->sites[0].classes[1].cells[0].lifetime_ns, 10090);
	assert_int_equal(snapshot->quality.events, 1 + 2 * (1009 + 13));
	snapshot_free(snapshot);
	ledger_free(ledger);
}

static void senseless_pairs_are_counted_and_ignored(void **state)
{
	struct ledger *ledger = ledger_new();
	struct event event = make(EVENT_PAIRS, 1, 5);
	struct snapshot *snapshot;

	(void)state;
	alloc(ledger, 1, 0x10, 100, 1);
	event.pairs.count = 3;
	event.pairs.bytes = 300;
	event.pairs.log2_size = 9; /* 100 is in [2^6, 2^7) */
	apply(ledger, &event);
	event.pairs.count = 0;
	apply(ledger, &event);
	event.pairs.count = 1;
	event.pairs.bytes = UINT64_MAX;
	event.pairs.log2_size = 63;
	apply(ledger, &event);
	snapshot = picture(ledger, 10);
	assert_int_equal(snapshot->quality.senseless, 3);
	assert_int_equal(snapshot->processes[0].counts.allocated_blocks, 1);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

/* The window's side of a count is that of its first birth. */
static void windows_count_pairs(void **state)
{
	const struct window_wish wish = { .from = { .kind = MOMENT_TIME, .ns = 100 } };
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;

	(void)state;
	ledger_set_window(ledger, &wish);
	alloc(ledger, 1, 0x10, 100, 0);
	pairs(ledger, 1, 5, 100, 10, 99);
	pairs(ledger, 1, 7, 100, 100, 150);
	snapshot = picture(ledger, 200);
	assert_int_equal(snapshot->processes[0].sites[0].counts.allocated_blocks, 7);
	assert_int_equal(snapshot->processes[0].sites[0].counts.freed_bytes, 700);
	assert_int_equal(snapshot->processes[0].whole->counts.allocated_blocks, 13);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

/* A block and the one that took its address, told in the wrong order. */
static void the_younger_of_two_blocks_stays(void **state)
{
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;
	struct event moved = make(EVENT_REALLOC, 1, 50);

	(void)state;
	pairs(ledger, 3, 1, 8, 0, 1);
	alloc(ledger, 2, 0x10, 64, 40);
	alloc(ledger, 1, 0x10, 32, 20);
	moved.realloc.old_address = 0x10;
	moved.realloc.address = 0x30;
	moved.realloc.size = 16;
	moved.realloc.stack = 7;
	moved.realloc.enter_ns = START + 30;
	apply(ledger, &moved);
	snapshot = picture(ledger, 100);
	assert_int_equal(snapshot->processes[0].counts.live_bytes, 64 + 16);
	assert_int_equal(snapshot->processes[0].threads[1].counts.live_bytes, 64);
	assert_int_equal(snapshot->processes[0].threads[1].freed_by_others_blocks, 0);
	assert_int_equal(snapshot->quality.alloc_over_live, 0);
	assert_int_equal(snapshot->quality.unknown_frees, 0);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

/* What a thread's cache holds is freed at its end; older news that comes late is no excuse. */
static void late_news_does_not_hide_closing_frees(void **state)
{
	struct ledger *ledger = ledger_new();
	struct event thread = make(EVENT_THREAD, 9, 1), end = make(EVENT_EXIT, 9, 90);
	struct snapshot *snapshot;

	(void)state;
	alloc(ledger, 1, 0x10, 1, 0);
	thread.thread.thread_start_ns = START + 1;
	apply(ledger, &thread);
	release(ledger, 9, 0x1000, 80);
	release(ledger, 9, 0x2000, 81);
	pairs(ledger, 9, 3, 8, 20, 30);
	alloc(ledger, 9, 0x20, 8, 40);
	apply(ledger, &end);
	snapshot = picture(ledger, 100);
	assert_int_equal(snapshot->quality.cache_frees, 2);
	assert_int_equal(snapshot->quality.unknown_frees, 0);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

static void a_late_block_replaces(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(8), 10);
	cell_remove(&cell, W(8), 10, 31, CELL_FREED_BY_OWNER);
	cell_add(&cell, W(8), 30); /* there at 31 */
	assert_int_equal(weight_blocks(cell.replaced_blocks), 1);
	assert_int_equal(weight_blocks(cell.refilled_blocks), 0);
	cell_remove(&cell, W(8), 30, 50, CELL_FREED_BY_OWNER);
	cell_add(&cell, W(8), 20); /* was older than that one */
	assert_int_equal(weight_blocks(cell.replaced_blocks), 1);
}

static void pairs_replace(void **state)
{
	struct cell cell = { 0 };
	struct cell_pairs some = { .bytes = 16, .blocks = 2, .replaced = 2, .first_ns = 20,
				   .last_ns = 30, .end_ns = 41 };

	(void)state;
	/* The one before them was freed when the first of them was there. */
	cell_add(&cell, W(8), 10);
	cell_remove(&cell, W(8), 10, 21, CELL_FREED_BY_OWNER);
	cell_add_pairs(&cell, &some);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 3);
	/* They left nothing, as far as they knew; but a block of that time was told. */
	cell_add(&cell, W(8), 45);
	some = (struct cell_pairs){ .bytes = 8, .blocks = 1, .first_ns = 40, .last_ns = 40,
				    .end_ns = 46, .cleared_birth_ns = 40, .cleared_ns = 46 };
	cell_add_pairs(&cell, &some);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 4);
	/* An older block lives all the while: temporaries beside it. */
	some = (struct cell_pairs){ .bytes = 16, .blocks = 2, .replaced = 2, .first_ns = 50,
				    .last_ns = 60, .end_ns = 61 };
	cell_add_pairs(&cell, &some);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 4);
	assert_int_equal(weight_blocks(cell.counts.live_blocks), 1);
}

static void pairs_may_be_followed(void **state)
{
	struct cell cell = { 0 };
	const struct cell_pairs some = { .bytes = 8, .blocks = 1, .first_ns = 10, .last_ns = 10,
					 .end_ns = 20, .cleared_birth_ns = 10, .cleared_ns = 20 };

	(void)state;
	cell_add_pairs(&cell, &some);
	cell_add(&cell, W(8), 22); /* soon after: it was full most of the time */
	assert_int_equal(weight_blocks(cell.refilled_blocks), 1);
	cell = (struct cell){ 0 };
	cell_add_pairs(&cell, &some);
	cell_add(&cell, W(8), 90);
	assert_int_equal(weight_blocks(cell.refilled_blocks), 0);
}

static void records_are_checked(void **state)
{
	struct wire_pairs good = {
		.header = { .kind = WIRE_PAIRS, .length = sizeof(good), .pid = 1, .time_ns = 50 },
		.bytes = 24, .first_birth_ns = 10, .last_birth_ns = 40, .count = 3, .replaced = 4,
		.refilled = 1, .log2_size = 3, .cleared_birth_ns = 30, .cleared_ns = 50,
	};
	struct wire_pairs bad[] = { good, good, good, good, good };
	struct event event;

	(void)state;
	assert_int_equal(decode_record(&good, sizeof(good), &event), sizeof(good));
	assert_int_equal(event.kind, EVENT_PAIRS);
	assert_int_equal(event.pairs.count, 3);
	assert_int_equal(event.pairs.log2_size, 3);
	assert_int_equal(event.pairs.cleared_ns, 50);
	bad[0].replaced = 5;
	bad[1].refilled = 5;
	bad[2].first_birth_ns = 41;
	bad[3].last_birth_ns = 51;
	bad[4].log2_size = 64;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(decode_record(&bad[i], sizeof(bad[i]), &event) < 0);
	assert_true(decode_record(&good, sizeof(good) - 1, &event) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_made_and_freed),
		cmocka_unit_test(senseless_pairs_are_counted_and_ignored),
		cmocka_unit_test(windows_count_pairs),
		cmocka_unit_test(the_younger_of_two_blocks_stays),
		cmocka_unit_test(late_news_does_not_hide_closing_frees),
		cmocka_unit_test(a_late_block_replaces),
		cmocka_unit_test(pairs_replace),
		cmocka_unit_test(pairs_may_be_followed),
		cmocka_unit_test(records_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
