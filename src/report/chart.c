/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/chart.h"

#include <stdbool.h>
#include <string.h>

#define LEVELS 8 /* of one bar: Unicode block elements, U+2581 … U+2588 */

static const char *const bars[LEVELS + 1] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

size_t chart_resample(const struct chart_course *course, uint64_t span_ns, size_t columns,
		      uint64_t *ret_values)
{
	double column = (double)span_ns / (double)columns, interval = (double)course->interval_ns;
	size_t taken = 0, covered = 0;
	uint64_t last = 0;

	memset(ret_values, 0, columns * sizeof(*ret_values));
	while (covered < columns && (double)covered * column < (double)course->length_ns) {
		double end = column * (double)(covered + 1);
		uint64_t high = last;
		bool any = false;

		for (; taken < course->count && (double)(taken + 1) * interval <= end; taken++) {
			last = course->points[taken];
			high = any && high > last ? high : last;
			any = true;
		}
		ret_values[covered++] = high;
	}
	if (covered)
		ret_values[covered - 1] = course->now;
	return covered;
}

uint64_t chart_highest(const uint64_t *values, size_t count)
{
	uint64_t high = 0;

	for (size_t i = 0; i < count; i++)
		high = values[i] > high ? values[i] : high;
	return high;
}

/* How many of `levels` eighths. */
static unsigned int level(uint64_t value, uint64_t high, unsigned int levels)
{
	unsigned int filled = high ? (unsigned int)((double)value / (double)high * levels) : 0;

	return value && !filled ? 1 : filled < levels ? filled : levels;
}

char *chart_area_line(const uint64_t *values, size_t columns, uint64_t high, unsigned int line,
		      unsigned int height, char *row)
{
	unsigned int below = line * LEVELS;
	size_t used = 0, end = 0;

	for (size_t i = 0; i < columns; i++) {
		unsigned int filled = level(values[i], high, height * LEVELS);
		unsigned int here = filled > below ? filled - below : 0;
		const char *bar = bars[here < LEVELS ? here : LEVELS];

		memcpy(row + used, bar, strlen(bar));
		used += strlen(bar);
		end = here ? used : end;
	}
	row[end] = '\0';
	return row;
}
