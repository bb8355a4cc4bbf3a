/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/trend.h"

#include <math.h>
#include <stdlib.h>

#define TREND_PAIRS (TREND_POINTS * (TREND_POINTS - 1) / 2)

void trend_add(struct trend_series *series, double time_s, double value)
{
	if (series->count == TREND_POINTS || !isfinite(time_s) || !isfinite(value))
		return;
	if (series->count && time_s <= series->time_s[series->count - 1])
		return;
	series->time_s[series->count] = time_s;
	series->value[series->count++] = value;
}

double trend_at(const struct trend_series *series, double time_s)
{
	size_t i = 0;

	if (!series->count)
		return 0;
	while (i < series->count && series->time_s[i] < time_s)
		i++;
	if (i == 0)
		return series->value[0];
	if (i == series->count)
		return series->value[i - 1];

	double share =
		(time_s - series->time_s[i - 1]) / (series->time_s[i] - series->time_s[i - 1]);

	return series->value[i - 1] + share * (series->value[i] - series->value[i - 1]);
}

double trend_rise(const struct trend_series *series, double from_s, double to_s)
{
	return trend_at(series, to_s) - trend_at(series, from_s);
}

double trend_drawdown(const struct trend_series *series, double from_s, double to_s)
{
	double high = trend_at(series, from_s), worst = 0;

	for (size_t i = 0; i < series->count; i++) {
		if (series->time_s[i] < from_s || series->time_s[i] > to_s)
			continue;
		if (series->value[i] > high)
			high = series->value[i];
		if (high - series->value[i] > worst)
			worst = high - series->value[i];
	}
	if (high - trend_at(series, to_s) > worst)
		worst = high - trend_at(series, to_s);
	return worst;
}

void trend_range(const struct trend_series *series, double from_s, double to_s, double *ret_low,
		 double *ret_high)
{
	double low = trend_at(series, from_s), high = low;

	for (size_t i = 0; i <= series->count; i++) {
		double value;

		if (i == series->count)
			value = trend_at(series, to_s);
		else if (series->time_s[i] < from_s || series->time_s[i] > to_s)
			continue;
		else
			value = series->value[i];
		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	*ret_low = low;
	*ret_high = high;
}

double trend_last_below(const struct trend_series *series, double value)
{
	for (size_t i = series->count; i > 0; i--)
		if (series->value[i - 1] <= value)
			return series->time_s[i - 1];
	return series->count ? series->time_s[0] : 0;
}

size_t trend_rising(const struct trend_series *series)
{
	size_t rising = 0;

	for (size_t i = 1; i < series->count; i++)
		rising += series->value[i] > series->value[i - 1];
	return rising;
}

double trend_longest_pause(const struct trend_series *series, double to_s)
{
	double longest = 0, since = series->count ? series->time_s[0] : 0;

	for (size_t i = 1; i < series->count && series->time_s[i] <= to_s; i++) {
		if (series->value[i] > series->value[i - 1])
			since = series->time_s[i];
		else if (series->time_s[i] - since > longest)
			longest = series->time_s[i] - since;
	}
	return longest;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double trend_slope(const struct trend_series *series, double from_s)
{
	double slopes[TREND_PAIRS];
	size_t count = 0;

	for (size_t i = 0; i < series->count; i++) {
		if (series->time_s[i] < from_s)
			continue;
		for (size_t j = i + 1; j < series->count; j++)
			slopes[count++] = (series->value[j] - series->value[i]) /
					  (series->time_s[j] - series->time_s[i]);
	}
	if (!count)
		return 0;
	qsort(slopes, count, sizeof(*slopes), compare_doubles);
	return count % 2 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2;
}

#define PARTS_LEAST 3
#define PARTS_MOST 8

static size_t points_within(const struct trend_series *series, double from_s, double to_s)
{
	size_t count = 0;

	for (size_t i = 0; i < series->count; i++)
		count += series->time_s[i] >= from_s && series->time_s[i] <= to_s;
	return count;
}

double trend_rate_error(const struct trend_series *series, double from_s, double to_s)
{
	/* Student's t, 97.5 %, of 2 to 7 degrees of freedom. */
	static const double t[] = { 4.303, 3.182, 2.776, 2.571, 2.447, 2.365 };
	size_t parts = points_within(series, from_s, to_s) / 2;
	double sum = 0, squares = 0, mean;

	if (parts > PARTS_MOST)
		parts = PARTS_MOST;
	if (parts < PARTS_LEAST || !(to_s > from_s))
		return -1;

	double length = (to_s - from_s) / (double)parts;

	for (size_t i = 0; i < parts; i++)
		sum += trend_rise(series, from_s + (double)i * length,
				  from_s + (double)(i + 1) * length) / length;
	mean = sum / (double)parts;
	for (size_t i = 0; i < parts; i++) {
		double off = trend_rise(series, from_s + (double)i * length,
					from_s + (double)(i + 1) * length) / length - mean;

		squares += off * off;
	}
	return t[parts - PARTS_LEAST] *
	       sqrt(squares / (double)(parts - 1) / (double)parts);
}
