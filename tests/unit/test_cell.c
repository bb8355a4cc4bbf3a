/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a block is said to have taken the place of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/cell.h"

/* Of a block of this size that was recorded for certain. */
#define W(size) (&(struct weight){ .bytes = (size), .blocks = WEIGHT_ONE })

static void set_then_clear_is_a_replacement(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(100), 10);
	for (uint64_t t = 20; t < 100; t += 10) {
		cell_add(&cell, W(100), t);
		cell_remove(&cell, W(100), t - 10, t + 1, CELL_FREED_BY_OWNER);
	}
	assert_int_equal(weight_blocks(cell.replaced_blocks), 8);
	assert_int_equal(weight_blocks(cell.refilled_blocks), 0);
	assert_int_equal(weight_blocks(cell.counts.live_blocks), 1);
}

static void dropping_the_newest_is_none(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(100), 10); /* kept */
	for (uint64_t t = 20; t < 100; t += 10) {
		cell_add(&cell, W(100), t); /* temporary */
		cell_remove(&cell, W(100), t, t + 1, CELL_FREED_BY_OWNER);
	}
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
	assert_int_equal(weight_blocks(cell.counts.live_blocks), 1);
}

static void several_slots_are_replaced_oldest_first(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	for (uint64_t t = 0; t < CELL_BIRTHS - 1; t++)
		cell_add(&cell, W(1), t);
	for (uint64_t t = CELL_BIRTHS - 1; t < 100; t++) {
		cell_add(&cell, W(1), t);
		cell_remove(&cell, W(1), t - (CELL_BIRTHS - 1), t, CELL_FREED_BY_OTHER);
	}
	assert_int_equal(weight_blocks(cell.replaced_blocks), 100 - (CELL_BIRTHS - 1));
}

static void clear_then_set_needs_a_life_longer_than_the_gap(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(1), 100);
	cell_remove(&cell, W(1), 100, 200, CELL_FREED_BY_OWNER);
	cell_add(&cell, W(1), 299); /* lived 100, gap 99 */
	assert_int_equal(weight_blocks(cell.refilled_blocks), 1);
	cell_remove(&cell, W(1), 299, 399, CELL_FREED_BY_OWNER);
	cell_add(&cell, W(1), 499); /* lived 100, gap 100 */
	assert_int_equal(weight_blocks(cell.refilled_blocks), 1);
	cell_remove(&cell, W(1), 499, 599, CELL_FREED_BY_OTHER);
	cell_add(&cell, W(1), 600); /* another thread took it away: a message, not a slot */
	assert_int_equal(weight_blocks(cell.refilled_blocks), 1);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 1);
}

static void a_block_told_late_was_there_before_the_one_that_followed(void **state)
{
	struct cell near = { 0 }, far = { 0 };

	(void)state;
	cell_add(&near, W(100), 10);
	cell_remove(&near, W(100), 10, 50, CELL_FREED_BY_OWNER);
	cell_add(&near, W(100), 60); /* soon enough to be taken for its follower */
	assert_int_equal(weight_blocks(near.refilled_blocks), 1);
	cell_add(&near, W(100), 40);
	assert_int_equal(weight_blocks(near.replaced_blocks), 1);
	assert_int_equal(weight_blocks(near.refilled_blocks), 0);

	cell_add(&far, W(100), 10);
	cell_remove(&far, W(100), 10, 50, CELL_FREED_BY_OWNER);
	cell_add(&far, W(100), 100); /* too late for that */
	assert_int_equal(weight_blocks(far.replaced_blocks), 0);
	cell_add(&far, W(100), 40);
	assert_int_equal(weight_blocks(far.replaced_blocks), 1);
	cell_add(&far, W(100), 45); /* a second one says nothing new */
	assert_int_equal(weight_blocks(far.replaced_blocks), 1);
}

static void a_missed_free_is_none(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(1), 100);
	cell_add(&cell, W(1), 150);
	cell_remove(&cell, W(1), 100, 200, CELL_FREE_MISSED);
	cell_remove(&cell, W(1), 150, 300, CELL_FREE_MISSED);
	cell_add(&cell, W(1), 301);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
}

static void too_many_to_know_the_oldest_counts_none_until_known_again(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	for (uint64_t t = 0; t < CELL_BIRTHS + 1; t++)
		cell_add(&cell, W(1), t);
	cell_remove(&cell, W(1), 1, 100, CELL_FREED_BY_OWNER); /* 0 is older, but forgotten */
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
	cell_remove(&cell, W(1), 0, 100, CELL_FREED_BY_OWNER); /* the forgotten one */
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
	cell_remove(&cell, W(1), 2, 100, CELL_FREED_BY_OWNER); /* all that live are known again */
	assert_int_equal(weight_blocks(cell.replaced_blocks), 1);
	assert_int_equal(weight_blocks(cell.counts.live_blocks), CELL_BIRTHS - 2);
}

static void births_out_of_order_are_sorted(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(1), 30);
	cell_add(&cell, W(1), 10);
	cell_add(&cell, W(1), 20);
	cell_remove(&cell, W(1), 20, 40, CELL_FREED_BY_OWNER);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
	cell_remove(&cell, W(1), 10, 40, CELL_FREED_BY_OWNER);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 1);
	assert_int_equal(cell.first_ns, 10);
	assert_int_equal(cell.last_ns, 30);
	assert_int_equal(cell.lifetime_ns, 20 + 30);
}

static void an_emptied_cell_starts_afresh(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell_add(&cell, W(5), 10);
	cell_empty(&cell);
	assert_int_equal(cell.counts.live_bytes, 0);
	assert_int_equal(cell.counts.allocated_bytes, 5);
	assert_int_equal(weight_blocks(cell.counts.freed_blocks), 0);
	cell_add(&cell, W(5), 20);
	cell_remove(&cell, W(5), 20, 30, CELL_FREED_BY_OWNER);
	assert_int_equal(weight_blocks(cell.replaced_blocks), 0);
	assert_int_equal(weight_blocks(cell.counts.live_blocks), 0);
}

/* A damaged recording may say anything. */
static void a_lifetime_beyond_all_numbers(void **state)
{
	const struct weight weight = { .bytes = 1, .blocks = 1ull << 60 };
	struct cell cell = { .lifetime_ns = 0 };

	(void)state;
	cell_add_lifetime(&cell, &weight, UINT64_MAX);
	assert_int_equal(cell.lifetime_ns, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lifetime_beyond_all_numbers),
		cmocka_unit_test(set_then_clear_is_a_replacement),
		cmocka_unit_test(dropping_the_newest_is_none),
		cmocka_unit_test(several_slots_are_replaced_oldest_first),
		cmocka_unit_test(clear_then_set_needs_a_life_longer_than_the_gap),
		cmocka_unit_test(a_block_told_late_was_there_before_the_one_that_followed),
		cmocka_unit_test(a_missed_free_is_none),
		cmocka_unit_test(too_many_to_know_the_oldest_counts_none_until_known_again),
		cmocka_unit_test(births_out_of_order_are_sorted),
		cmocka_unit_test(an_emptied_cell_starts_afresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
