/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/timeline.h"

#include <string.h>

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static size_t point_count(const struct snapshot_process *process)
{
	return process->series_count < SNAPSHOT_SERIES_POINTS ? process->series_count
							      : SNAPSHOT_SERIES_POINTS;
}

bool timeline_of_site(const struct snapshot_process *process, const struct snapshot_site *site,
		      struct timeline *ret_timeline)
{
	struct timeline timeline = { .count = point_count(process) };

	for (size_t i = 0; i < site->class_count; i++) {
		const struct snapshot_class *class = &site->classes[i];

		if (!class->series || !class->block_series)
			return false;
		for (size_t p = 0; p < timeline.count; p++) {
			timeline.bytes[p] = add_capped(timeline.bytes[p], class->series[p]);
			timeline.blocks[p] = add_capped(timeline.blocks[p], class->block_series[p]);
		}
	}
	*ret_timeline = timeline;
	return true;
}

size_t timeline_largest(const struct row *row, size_t ret_sites[TIMELINE_SITES])
{
	const struct snapshot_process *process = row->process;
	uint64_t highest[TIMELINE_SITES];
	struct timeline timeline;
	size_t count = 0;

	for (size_t i = 0; i < process->site_count; i++) {
		uint64_t high = process->sites[i].counts.live_bytes;
		size_t at;

		if (!timeline_of_site(process, &process->sites[i], &timeline))
			continue;
		for (size_t p = 0; p < timeline.count; p++)
			high = timeline.bytes[p] > high ? timeline.bytes[p] : high;
		if (!high)
			continue;
		for (at = count; at > 0 && highest[at - 1] < high; at--)
			;
		if (at == TIMELINE_SITES)
			continue;
		count += count < TIMELINE_SITES;
		memmove(&highest[at + 1], &highest[at], (count - at - 1) * sizeof(highest[0]));
		memmove(&ret_sites[at + 1], &ret_sites[at], (count - at - 1) * sizeof(ret_sites[0]));
		highest[at] = high;
		ret_sites[at] = i;
	}
	return count;
}

/* With `unknown_zero`, a 0 says that nothing was known yet. */
static void write_points(struct json *json, const char *name, const uint64_t *points, size_t count,
			 bool unknown_zero)
{
	json_array(json, name);
	for (size_t i = 0; i < count; i++) {
		if (unknown_zero && !points[i])
			json_null(json, NULL);
		else
			json_number(json, NULL, points[i]);
	}
	json_end_array(json);
}

static void write_sites(struct json *json, const struct row *row)
{
	size_t sites[TIMELINE_SITES], count = timeline_largest(row, sites);
	struct timeline timeline;

	json_array(json, "sites");
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_site *site = &row->process->sites[sites[i]];

		timeline_of_site(row->process, site, &timeline);
		json_object(json, NULL);
		json_number(json, "id", site->id);
		write_points(json, "live_bytes", timeline.bytes, timeline.count, false);
		write_points(json, "live_blocks", timeline.blocks, timeline.count, false);
		json_end_object(json);
	}
	json_end_array(json);
}

void timeline_json(struct json *json, const struct row *row)
{
	const struct snapshot_process *process = row->process;
	uint64_t first_ns = process->series_start_ns + process->series_interval_ns;
	size_t count = point_count(process);

	if (!count || !process->live_bytes_series || !process->live_blocks_series ||
	    !process->resident_series) {
		json_null(json, "timeline");
		return;
	}
	json_object(json, "timeline");
	json_number(json, "start_ns",
		    first_ns > row->snapshot->start_ns ? first_ns - row->snapshot->start_ns : 0);
	json_number(json, "interval_ns", process->series_interval_ns);
	write_points(json, "live_bytes", process->live_bytes_series, count, false);
	write_points(json, "live_blocks", process->live_blocks_series, count, false);
	write_points(json, "resident_bytes", process->resident_series, count, true);
	write_sites(json, row);
	json_end_object(json);
}
