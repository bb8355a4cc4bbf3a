/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fit of short series: known slopes, falls and pauses, and nothing at all. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/trend.h"
#include "base/cleanup.h"
#include "base/hash.h"

static void assert_close(double value, double expected)
{
	double off = value - expected, slack = (expected < 0 ? -expected : expected) * 1e-9 + 1e-9;

	if (!(off <= slack && off >= -slack))
		fail_msg("%.17g is not %.17g", value, expected);
}

static void fill(struct trend_series *series, const double *values, size_t count)
{
	*series = (struct trend_series){ .count = 0 };
	for (size_t i = 0; i < count; i++)
		trend_add(series, (double)i, values[i]);
}

static void test_empty(void **state)
{
	struct trend_series series = { .count = 0 };
	double low = 1, high = 1;

	(void)state;
	trend_range(&series, 0, 1, &low, &high);
	assert_close(low, 0);
	assert_close(high, 0);
	assert_close(trend_at(&series, 3), 0);
	assert_close(trend_rise(&series, 0, 1), 0);
	assert_close(trend_drawdown(&series, 0, 1), 0);
	assert_close(trend_last_below(&series, 5), 0);
	assert_close(trend_longest_pause(&series, 5), 0);
	assert_close(trend_slope(&series, 0), 0);
	assert_int_equal(trend_rising(&series), 0);
}

static void test_one_point(void **state)
{
	struct trend_series series = { .count = 0 };

	(void)state;
	trend_add(&series, 2, 7);
	assert_close(trend_at(&series, 0), 7);
	assert_close(trend_at(&series, 9), 7);
	assert_close(trend_slope(&series, 0), 0);
	assert_close(trend_last_below(&series, 6), 2);
}

static void test_refuses(void **state)
{
	struct trend_series series = { .count = 0 };

	(void)state;
	trend_add(&series, 1, 1);
	trend_add(&series, 1, 2);
	trend_add(&series, 0.5, 2);
	trend_add(&series, NAN, 2);
	trend_add(&series, 2, INFINITY);
	assert_int_equal(series.count, 1);
	for (int i = 0; i < 2 * TREND_POINTS; i++)
		trend_add(&series, 2 + i, i);
	assert_int_equal(series.count, TREND_POINTS);
}

static void test_between_points(void **state)
{
	static const double values[] = { 0, 10, 10, 30 };
	struct trend_series series;

	(void)state;
	fill(&series, values, ARRAY_LENGTH(values));
	assert_close(trend_at(&series, 0.5), 5);
	assert_close(trend_at(&series, 2.25), 15);
	assert_close(trend_at(&series, -1), 0);
	assert_close(trend_rise(&series, 0.5, 2.5), 15);
	assert_int_equal(trend_rising(&series), 2);
	assert_close(trend_last_below(&series, 10), 2);
	assert_close(trend_last_below(&series, 9.9), 0);
}

static void test_falls(void **state)
{
	static const double values[] = { 0, 8, 3, 9, 2, 4 };
	struct trend_series series;
	double low, high;

	(void)state;
	fill(&series, values, ARRAY_LENGTH(values));
	assert_close(trend_drawdown(&series, 0, 5), 7);
	assert_close(trend_drawdown(&series, 0, 3), 5);
	assert_close(trend_drawdown(&series, 3, 3.5), 3.5);
	assert_close(trend_drawdown(&series, 4, 5), 0);
	trend_range(&series, 0.5, 3, &low, &high);
	assert_close(low, 3);
	assert_close(high, 9);
	trend_range(&series, 3.5, 3.75, &low, &high);
	assert_close(low, 3.75);
	assert_close(high, 5.5);
}

static void test_pauses(void **state)
{
	static const double values[] = { 0, 1, 1, 1, 2, 2, 2, 2, 2 };
	struct trend_series series;

	(void)state;
	fill(&series, values, ARRAY_LENGTH(values));
	assert_close(trend_longest_pause(&series, 4), 2);
	assert_close(trend_longest_pause(&series, 8), 4);
}

static void test_slope_of_a_line(void **state)
{
	struct trend_series series = { .count = 0 };

	(void)state;
	for (int i = 0; i < TREND_POINTS; i++)
		trend_add(&series, 0.5 * i, 7 + 3.0 * 0.5 * i);
	assert_close(trend_slope(&series, 0), 3);
	assert_close(trend_slope(&series, 20), 3);
	assert_close(trend_slope(&series, 1000), 0);
}

/* One point in five is wild: least squares would be far off, the median is not. */
static void test_slope_with_outliers(void **state)
{
	struct trend_series series = { .count = 0 };
	double slope;

	(void)state;
	for (int i = 0; i < TREND_POINTS; i++)
		trend_add(&series, i, i % 5 == 2 ? 1e6 : 100.0 * i);
	slope = trend_slope(&series, 0);
	assert_true(slope > 90 && slope < 110);
}

static void test_huge_values(void **state)
{
	struct trend_series series = { .count = 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		trend_add(&series, i, (double)UINT64_MAX * i);
	assert_close(trend_slope(&series, 0), (double)UINT64_MAX);
	assert_close(trend_drawdown(&series, 0, 7), 0);
}

/* Leaks of a known rate, in random steps of random size: how often is it within? */
static void the_error_of_a_rate_is_what_it_says(void **state)
{
	enum { RUNS = 2000 };
	static const struct {
		uint64_t steps, points;
	} cases[] = { { 40, 64 }, { 400, 64 }, { 3000, 33 }, { 400, 10 }, { 400, 7 } };

	(void)state;
	for (size_t c = 0; c < ARRAY_LENGTH(cases); c++) {
		uint64_t random = c << 40;
		int within = 0;

		for (int run = 0; run < RUNS; run++) {
			struct trend_series series = { .count = 0 };
			double value = 0, end = (double)cases[c].points, error, rate;

			trend_add(&series, 0, 0);
			for (uint64_t i = 1; i <= cases[c].points; i++) {
				/* In each of 1000 moments a step, perhaps: 0 to 199 bytes. */
				for (int moment = 0; moment < 1000; moment++)
					if (hash_mix(random++) % (1000 * cases[c].points) <
					    cases[c].steps)
						value += (double)(hash_mix(random++) % 200);
				trend_add(&series, (double)i, value);
			}
			error = trend_rate_error(&series, 0, end);
			rate = value / end;
			assert_true(error >= 0);
			within += fabs(rate - (double)cases[c].steps * 99.5 / end) <= error;
		}
		print_message("%d steps, %d points: %.1f %% within\n", (int)cases[c].steps,
			      (int)cases[c].points, 100.0 * within / RUNS);
		assert_true(within >= 0.93 * RUNS && within <= 0.98 * RUNS);
	}
}

static void too_few_points_have_no_error(void **state)
{
	const double straight[] = { 0, 10, 20, 30, 40, 50, 60, 70 };
	struct trend_series series;

	(void)state;
	fill(&series, straight, 5);
	assert_true(trend_rate_error(&series, 0, 5) < 0);
	fill(&series, straight, 8);
	assert_close(trend_rate_error(&series, 0, 7), 0);
	assert_true(trend_rate_error(&series, 7, 7) < 0);
	assert_true(trend_rate_error(&series, 5, 2) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),		cmocka_unit_test(test_one_point),
		cmocka_unit_test(test_refuses),		cmocka_unit_test(test_between_points),
		cmocka_unit_test(test_falls),		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_slope_of_a_line), cmocka_unit_test(test_slope_with_outliers),
		cmocka_unit_test(test_huge_values),
		cmocka_unit_test(the_error_of_a_rate_is_what_it_says),
		cmocka_unit_test(too_few_points_have_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
