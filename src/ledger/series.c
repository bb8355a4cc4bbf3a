/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/series.h"

void series_clock_start(struct series_clock *clock, uint64_t now_ns)
{
	*clock = (struct series_clock){
		.start_ns = now_ns,
		.next_ns = now_ns + SERIES_FIRST_INTERVAL_NS,
	};
}

uint64_t series_clock_interval(const struct series_clock *clock)
{
	return SERIES_FIRST_INTERVAL_NS << clock->shift;
}

void series_clock_advance(struct series_clock *clock, uint64_t now_ns)
{
	uint64_t passed;

	if (now_ns < clock->next_ns)
		return;
	clock->changes++;
	passed = now_ns - clock->start_ns;
	while (passed / series_clock_interval(clock) > SNAPSHOT_SERIES_POINTS)
		clock->shift++;
	clock->count = (uint32_t)(passed / series_clock_interval(clock));
	clock->next_ns = clock->start_ns + (clock->count + 1) * series_clock_interval(clock);
}

static void fill(struct series *series, uint32_t count, uint64_t value)
{
	while (series->count < count)
		series->points[series->count++] = value;
}

void series_catch_up(struct series *series, const struct series_clock *clock, uint64_t value)
{
	while (series->shift < clock->shift) {
		fill(series, SNAPSHOT_SERIES_POINTS, value);
		series->count = SNAPSHOT_SERIES_POINTS / 2;
		for (uint32_t i = 0; i < series->count; i++)
			series->points[i] = series->points[2 * i + 1];
		series->shift++;
	}
	fill(series, clock->count, value);
}

void series_raise(struct series *series, const struct series_clock *clock, uint64_t amount,
		  uint64_t from_ns)
{
	uint64_t interval = series_clock_interval(clock);
	uint64_t first = from_ns > clock->start_ns ? (from_ns - clock->start_ns) / interval : 0;

	for (uint64_t i = first; i < series->count; i++)
		series->points[i] += amount;
}

void series_backdate(struct series *series, const struct series_clock *clock, uint64_t value,
		     uint64_t from_ns, uint64_t until_ns)
{
	series->shift = clock->shift;
	series->count = (uint8_t)clock->count;
	for (uint32_t i = 0; i < series->count; i++) {
		uint64_t at = clock->start_ns + (i + 1) * series_clock_interval(clock);

		series->points[i] = at > from_ns && at <= until_ns ? value : 0;
	}
}
