/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/growth.h"

#include "analysis/thresholds.h"

static double window_s(const struct evidence *evidence)
{
	return (double)evidence->window_ns / 1e9;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/*
 * In how many independent steps did live bytes rise? Not more than there are live
 * blocks, not more than twice those of the largest size, and if the series
 * pauses, not more than it has rising intervals: a request that leaks 1000 blocks
 * is one step.
 */
static double steps_of_rise(const struct evidence *evidence)
{
	double steps = (double)evidence->live_blocks;
	size_t rising = trend_rising(&evidence->series);

	if (evidence->largest_live_bytes)
		steps = smaller(steps, 2 * (double)evidence->live_bytes /
					       (double)evidence->largest_live_bytes);
	if (rising + 1 < evidence->series.count)
		steps = smaller(steps, (double)rising);
	return steps;
}

/* Fresh growth: most of what is live came in one steady rise that goes on. */
static bool rises_steadily(const struct evidence *evidence, double steps)
{
	const struct trend_series *series = &evidence->series;
	double end = window_s(evidence), rise = trend_rise(series, 0, end);
	double tail = GROWING_TAIL_STEPS / steps;

	tail = tail < 0.125 ? 0.125 : tail > 0.5 ? 0.5 : tail;
	return rise >= GROWING_FALL * trend_drawdown(series, 0, end) &&
	       trend_rise(series, end / 2, end) >= GROWING_HALF_SHARE * rise &&
	       trend_rise(series, end * 2 / 3, end) >= GROWING_THIRD_SHARE * rise &&
	       trend_rise(series, end * (1 - tail), end) >= GROWING_TAIL_RATE * tail * rise;
}

/* Growth on top of something that filled up before. */
static bool rises_on_top(const struct evidence *evidence, double steps)
{
	const struct trend_series *series = &evidence->series;
	double end = window_s(evidence);
	double before = trend_rise(series, end / 2, end * 3 / 4);
	double last = trend_rise(series, end * 3 / 4, end);

	return steps >= GROWING_ON_TOP_STEPS &&
	       before + last >= GROWING_ON_TOP_SHARE * (double)evidence->live_bytes &&
	       before + last >= GROWING_ON_TOP_FALL * trend_drawdown(series, end / 2, end) &&
	       before > 0 && last >= GROWING_ON_TOP_EVEN * before &&
	       before >= GROWING_ON_TOP_EVEN * last;
}

/* Where the rise began: after set-up, and after any pause that followed. */
static double rise_begins(const struct evidence *evidence)
{
	double set_up_s = GROWING_START_TIME * window_s(evidence);
	double level = trend_at(&evidence->series, set_up_s) +
		       GROWING_START_BYTES * (double)evidence->live_bytes;
	double from_s = trend_last_below(&evidence->series, level);

	return from_s > set_up_s ? from_s : set_up_s;
}

/*
 * The rate of a rise that began at from_s. What is steady has the plain average of
 * the whole window, or from from_s on when set-up data came first. Where that does
 * not agree with the median slope (a step, a burst) the slope is nearer to what
 * goes on; the fewer steps, the more the two may differ by chance.
 */
static double growth_rate(const struct evidence *evidence, double from_s, double steps)
{
	const struct trend_series *series = &evidence->series;
	double end = window_s(evidence), slope = trend_slope(series, from_s);
	double extra = trend_rise(series, 0, from_s) - slope * from_s;
	double much = GROWING_SETUP_SHARE * (double)evidence->live_bytes;
	double start = extra <= much && extra >= -much ? 0 : from_s;
	double average = start < end ? trend_rise(series, start, end) / (end - start) : 0;
	double off = average > slope ? average - slope : slope - average;

	/* Squared: a deviation falls with the root of the number of steps. */
	return off * off * steps <= GROWING_RATE_SLACK * GROWING_RATE_SLACK * slope * slope
		       ? average
		       : slope;
}

/* In one size class of many, the number of blocks goes up and down by itself. */
static bool rises_beyond_chance(const struct evidence *evidence, double steps)
{
	double end = window_s(evidence);

	return (double)evidence->live_blocks >=
		       GROWING_CLASS_LIVE * (double)evidence->allocated_blocks ||
	       (steps >= GROWING_CLASS_STEPS &&
		(double)evidence->live_bytes >=
			GROWING_CLASS_FALL * trend_drawdown(&evidence->series, 0, end));
}

bool growth_find(const struct evidence *evidence, bool strict, struct growth *ret_growth)
{
	struct growth growth = { .on_top = false };
	double steps;

	if (!evidence->has_series || evidence->series.count < GROWING_MIN_POINTS ||
	    evidence->live_blocks < GROWING_MIN_BLOCKS || evidence->old_share < GROWING_OLD_SHARE)
		return false;
	steps = steps_of_rise(evidence);
	if (steps < GROWING_MIN_POINTS || (strict && !rises_beyond_chance(evidence, steps)))
		return false;
	if (rises_steadily(evidence, steps)) {
		growth.from_s = rise_begins(evidence);
	} else if (rises_on_top(evidence, steps)) {
		growth.from_s = window_s(evidence) / 2;
		growth.on_top = true;
	} else {
		return false;
	}
	growth.bytes_per_s = growth_rate(evidence, growth.from_s, steps);
	growth.error_per_s =
		trend_rate_error(&evidence->series, growth.from_s, window_s(evidence));
	growth.from_bytes = trend_at(&evidence->series, growth.from_s);
	if (!(growth.bytes_per_s > 0))
		return false;
	*ret_growth = growth;
	return true;
}
