/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How something went over time, as columns of bars: the sums, and the bars. */
#ifndef OUTLIVE_REPORT_CHART_H
#define OUTLIVE_REPORT_CHART_H

#include <stddef.h>
#include <stdint.h>

#define CHART_COLUMNS_MOST 128
#define CHART_ROW_BYTES (CHART_COLUMNS_MOST * 3 + 1) /* a bar is 3 bytes of UTF-8 */

/* Values at regular intervals from a beginning on, and the one at the end. */
struct chart_course {
	const uint64_t *points; /* point i is of (i + 1) * interval_ns */
	size_t count;
	uint64_t interval_ns;
	uint64_t now, length_ns; /* the value at the end, and when that is */
};

/*
 * The course as `columns` (at most CHART_COLUMNS_MOST) values that together stand for
 * `span_ns`: the highest of the points within every column; where there are fewer
 * points than columns a point lasts until the next. The column in which the course
 * ends is `now`, and those behind it are 0. Returns how many columns it covers.
 */
size_t chart_resample(const struct chart_course *course, uint64_t span_ns, size_t columns,
		      uint64_t *ret_values);

uint64_t chart_highest(const uint64_t *values, size_t count);

/*
 * One line of an area of bars, `line` counted from 0 at the bottom, of `height` lines in
 * which `high` is all of them. Anything above 0 shows. Without spaces at its end. Fills
 * `row`, CHART_ROW_BYTES, and returns it.
 */
char *chart_area_line(const uint64_t *values, size_t columns, uint64_t high, unsigned int line,
		      unsigned int height, char *row);

#endif
