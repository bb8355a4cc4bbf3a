/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of a short series: does it rise, how fast, how far did it fall back?
 *
 * Live bytes of a site are sampled a few dozen times in a trace. The samples are
 * neither evenly spread (the first and last moments are added) nor well behaved:
 * sizes may be heavy-tailed and one request may allocate a thousand blocks. So
 * nothing here assumes a distribution. The slope is Theil and Sen's (the median
 * of the slopes between all pairs of points), which stays right while up to 29 %
 * of the points are wild; the fall is measured as a drawdown, the largest drop
 * from an earlier high.
 *
 * H. Theil, "A rank-invariant method of linear and polynomial regression
 * analysis", 1950; P. K. Sen, JASA 63 (1968) 1379-1389.
 */
#ifndef OUTLIVE_ANALYSIS_TREND_H
#define OUTLIVE_ANALYSIS_TREND_H

#include <stddef.h>

#include "ledger/snapshot.h"

#define TREND_POINTS (SNAPSHOT_SERIES_POINTS + 2) /* the samples, the beginning and the end */

/* An empty series is all zeroes. Times rise strictly. */
struct trend_series {
	size_t count;
	double time_s[TREND_POINTS];
	double value[TREND_POINTS];
};

/*
 * Append a point. One that is not later than the last, is not a finite number, or
 * finds the series full, is left out: what feeds this may come from a damaged file.
 */
void trend_add(struct trend_series *series, double time_s, double value);

/* The value at `time_s`, linear between points, constant beyond both ends; 0 when empty. */
double trend_at(const struct trend_series *series, double time_s);

/* How far the series rose from `from_s` to `to_s` (negative: it fell); 0 when empty. */
double trend_rise(const struct trend_series *series, double from_s, double to_s);

/* The largest fall from an earlier high within [from_s, to_s]; 0 when it never falls. */
double trend_drawdown(const struct trend_series *series, double from_s, double to_s);

/* Lowest and highest value within [from_s, to_s], both ends interpolated; 0 and 0 when empty. */
void trend_range(const struct trend_series *series, double from_s, double to_s, double *ret_low,
		 double *ret_high);

/* The last time at which the series was not above `value`; its first time when it always was. */
double trend_last_below(const struct trend_series *series, double value);

/* Intervals between neighbouring points in which the series rose. */
size_t trend_rising(const struct trend_series *series);

/* The longest stretch of time, in seconds, that ends before `to_s` and did not rise. */
double trend_longest_pause(const struct trend_series *series, double to_s);

/* Theil-Sen slope of the points in [from_s, end], per second; 0 with fewer than two. */
double trend_slope(const struct trend_series *series, double from_s);

/*
 * How far a rate of [from_s, to_s] may be off, 95 of 100 times: the time is cut into equal
 * parts, the rate of each is taken, and Student's t says how well their mean is known. What
 * a program allocates in one part tells little of the next, so the parts are as good as
 * independent; neighbouring points are not, each contains the last one's sum, and
 * intervals that take them to be (Sen's) come out far too narrow. Per second; negative when
 * there are too few points to tell.
 */
double trend_rate_error(const struct trend_series *series, double from_s, double to_s);

#endif
