/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/sparkline.h"

#include <stdbool.h>
#include <string.h>

/* Unicode block elements, U+2581 … U+2588. */
static const char bars[][4] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

#define FULL 8

static uint64_t highest(const uint64_t *values, size_t from, size_t to)
{
	uint64_t high = 0;

	for (size_t i = from; i < to; i++)
		high = values[i] > high ? values[i] : high;
	return high;
}

/* Anything above zero shows. */
static size_t level(uint64_t value, uint64_t high)
{
	size_t bar = (size_t)((double)value * FULL / (double)high + 0.5);

	return bar == 0 ? value > 0 : bar > FULL ? FULL : bar;
}

char *sparkline(const uint64_t *values, size_t count, size_t width, char *buffer)
{
	uint64_t high = highest(values, 0, count);
	size_t used = 0;

	if (width > SPARKLINE_MOST)
		width = SPARKLINE_MOST;
	for (size_t i = 0; i < width && count; i++) {
		size_t from = i * count / width, to = (i + 1) * count / width;
		const char *bar = bars[high ? level(highest(values, from, to > from ? to : from + 1),
						    high) : 0];
		size_t length = strlen(bar);

		memcpy(buffer + used, bar, length);
		used += length;
	}
	buffer[used] = '\0';
	return buffer;
}

static bool add_site(const struct snapshot_process *process, const struct snapshot_site *site,
		     uint64_t *points)
{
	for (size_t i = 0; i < site->class_count; i++) {
		const uint64_t *series = site->classes[i].series;

		if (!series)
			return false;
		for (size_t k = 0; k < process->series_count; k++)
			points[k] += series[k];
	}
	return true;
}

static size_t begin(const struct snapshot_process *process, uint64_t *points)
{
	memset(points, 0, SNAPSHOT_SERIES_POINTS * sizeof(*points));
	return process->series_count <= SNAPSHOT_SERIES_POINTS ? process->series_count : 0;
}

size_t sparkline_of_site(const struct snapshot_process *process, const struct snapshot_site *site,
			 uint64_t ret_points[SNAPSHOT_SERIES_POINTS])
{
	size_t count = begin(process, ret_points);

	return count && add_site(process, site, ret_points) ? count : 0;
}

size_t sparkline_of_process(const struct snapshot_process *process,
			    uint64_t ret_points[SNAPSHOT_SERIES_POINTS])
{
	size_t count = begin(process, ret_points);

	for (size_t i = 0; i < process->site_count && count; i++) {
		if (!add_site(process, &process->sites[i], ret_points))
			count = 0;
	}
	return count;
}
