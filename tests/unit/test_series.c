/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/series.h"

#define TICK SERIES_FIRST_INTERVAL_NS

static void no_tick_no_points(void **state)
{
	struct series_clock clock;
	struct series series = { 0 };

	(void)state;
	series_clock_start(&clock, 1000);
	series_clock_advance(&clock, 1000 + TICK - 1);
	series_catch_up(&series, &clock, 7);
	assert_int_equal(clock.count, 0);
	assert_int_equal(series.count, 0);
	series_clock_advance(&clock, 1000 + TICK);
	series_catch_up(&series, &clock, 7);
	assert_int_equal(series.count, 1);
	assert_int_equal(series.points[0], 7);
}

static void time_does_not_run_back(void **state)
{
	struct series_clock clock;

	(void)state;
	series_clock_start(&clock, 0);
	series_clock_advance(&clock, 10 * TICK);
	series_clock_advance(&clock, 3 * TICK);
	assert_int_equal(clock.count, 10);
}

static void a_full_series_keeps_every_second_point(void **state)
{
	struct series_clock clock;
	struct series series = { 0 };

	(void)state;
	series_clock_start(&clock, 0);
	for (uint64_t tick = 1; tick <= 65; tick++) {
		series_clock_advance(&clock, tick * TICK);
		series_catch_up(&series, &clock, tick);
	}
	assert_int_equal(series_clock_interval(&clock), 2 * TICK);
	assert_int_equal(clock.count, 32);
	assert_int_equal(series.count, 32);
	for (uint64_t i = 0; i < 32; i++)
		assert_int_equal(series.points[i], (i + 1) * 2);
}

static void a_week_of_rest_is_caught_up(void **state)
{
	const uint64_t week = 7ull * 86400 * 1000000000;
	struct series_clock clock;
	struct series series = { 0 };

	(void)state;
	series_clock_start(&clock, 0);
	series_clock_advance(&clock, 3 * TICK);
	series_catch_up(&series, &clock, 1);
	series_clock_advance(&clock, week);
	series_catch_up(&series, &clock, 9);
	assert_int_equal(series.count, clock.count);
	assert_true(clock.count >= SNAPSHOT_SERIES_POINTS / 2);
	assert_true(clock.count <= SNAPSHOT_SERIES_POINTS);
	for (uint32_t i = 0; i < series.count; i++)
		assert_int_equal(series.points[i], 9);
}

static void the_longest_time_there_is_does_not_overflow(void **state)
{
	struct series_clock clock;

	(void)state;
	series_clock_start(&clock, 0);
	series_clock_advance(&clock, (1ull << 56) - 1);
	assert_true(clock.count >= SNAPSHOT_SERIES_POINTS / 2);
	assert_true(clock.next_ns > (1ull << 56) - 1);
}

/* A value that changes at random moments, sampled lazily, against looking it up. */
static void lazy_sampling_equals_looking_it_up(void **state)
{
	enum { CHANGES = 3000 };
	static uint64_t at[CHANGES], value[CHANGES];
	struct series_clock clock;
	struct series series = { 0 };
	uint64_t now = 0;

	(void)state;
	series_clock_start(&clock, 0);
	for (uint64_t i = 0; i < CHANGES; i++) {
		now += hash_mix(i) % (4 * TICK);
		series_clock_advance(&clock, now);
		series_catch_up(&series, &clock, i ? value[i - 1] : 0);
		at[i] = now;
		value[i] = hash_mix(i + 5) % 1000;
	}
	assert_int_equal(series.count, clock.count);
	for (uint32_t i = 0; i < series.count; i++) {
		uint64_t when = (i + 1) * series_clock_interval(&clock);
		uint64_t expected = 0;

		for (size_t j = 0; j < CHANGES && at[j] < when; j++)
			expected = value[j];
		assert_int_equal(series.points[i], expected);
	}
}

static void backdating_gives_the_past_of_one_block(void **state)
{
	struct series_clock clock;
	struct series series = { 0 };

	(void)state;
	series_clock_start(&clock, 0);
	series_clock_advance(&clock, 10 * TICK);
	series_backdate(&series, &clock, 50, 2 * TICK, 6 * TICK);
	assert_int_equal(series.count, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(series.points[i], i >= 2 && i <= 5 ? 50 : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tick_no_points),
		cmocka_unit_test(time_does_not_run_back),
		cmocka_unit_test(a_full_series_keeps_every_second_point),
		cmocka_unit_test(a_week_of_rest_is_caught_up),
		cmocka_unit_test(the_longest_time_there_is_does_not_overflow),
		cmocka_unit_test(lazy_sampling_equals_looking_it_up),
		cmocka_unit_test(backdating_gives_the_past_of_one_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
