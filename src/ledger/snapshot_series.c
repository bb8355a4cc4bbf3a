/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The series of a picture: all of them go up to the moment it is taken. */
#include <errno.h>
#include <string.h>

#include "ledger/snapshot_layout.h"

/* Series made up for classes that had only one block so far. */
#define MAX_SINGLE_SERIES 65536

/* The points of a series that has caught up with the layout's clock; NULL without memory. */
static const uint64_t *keep_points(const struct layout *layout, const struct series *series)
{
	uint64_t *points = owner_keep(layout->owner, layout->clock.count, sizeof(*points));

	if (points)
		memcpy(points, series->points, layout->clock.count * sizeof(*points));
	return points;
}

int layout_copy_series(struct layout *layout)
{
	const struct sites *sites = &layout->process->sites;

	for (size_t i = 0; i < sites->class_count && layout->clock.count; i++) {
		const struct size_class *class = &sites->classes[i];
		struct snapshot_class *out = &layout->classes[layout->class_at[i]];
		struct class_series series = { .bytes = { .count = 0 } };

		if (!class->series && layout->single_series >= MAX_SINGLE_SERIES)
			continue;
		layout->single_series += !class->series;
		if (!sites_class_series(sites, class, &layout->clock, &series))
			continue;
		out->series = keep_points(layout, &series.bytes);
		out->block_series = keep_points(layout, &series.blocks);
		if (!out->series || !out->block_series)
			return -ENOMEM;
	}
	return 0;
}

int layout_copy_process_series(const struct layout *layout, struct snapshot_process *out)
{
	const struct process *process = layout->process;
	struct series bytes = process->live_bytes_series, blocks = process->live_blocks_series;
	struct series resident = process->resident_series;

	process_catch_up(process, &layout->clock, &bytes, &blocks, &resident);
	out->series_start_ns = layout->origin_ns + process->clock.start_ns;
	out->series_interval_ns = series_clock_interval(&layout->clock);
	out->series_count = layout->clock.count;
	out->live_bytes_series = keep_points(layout, &bytes);
	out->live_blocks_series = keep_points(layout, &blocks);
	out->resident_series = keep_points(layout, &resident);
	return out->live_bytes_series && out->live_blocks_series && out->resident_series ? 0
											  : -ENOMEM;
}
