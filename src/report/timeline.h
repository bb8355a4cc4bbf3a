/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How memory went over time (--timeline): as JSON, and as a small chart. */
#ifndef OUTLIVE_REPORT_TIMELINE_H
#define OUTLIVE_REPORT_TIMELINE_H

#include <stdbool.h>

#include "report/json_writer.h"
#include "report/text.h"

#define TIMELINE_SITES 5

/* Points of a process or a site, series_count of them, never more than these. */
struct timeline {
	size_t count;
	uint64_t bytes[SNAPSHOT_SERIES_POINTS], blocks[SNAPSHOT_SERIES_POINTS];
};

/*
 * Add up what is known of a site's past; all its blocks, also in a window. Returns
 * false when not all of it is (too many sites to keep it).
 */
bool timeline_of_site(const struct snapshot_process *process, const struct snapshot_site *site,
		      struct timeline *ret_timeline);

/*
 * The sites of row->process that ever held most, by index, at most TIMELINE_SITES of
 * them, the largest first. Returns how many. The past of sites without a series is not
 * known: they are left out.
 */
size_t timeline_largest(const struct row *row, size_t ret_sites[TIMELINE_SITES]);

/* The member "timeline" of row->process; null when nothing is known. */
void timeline_json(struct json *json, const struct row *row);

/* The chart of text->row.process. */
void timeline_text(struct text *text);

#endif
