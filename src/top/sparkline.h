/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A course of values as one line of little bars. */
#ifndef OUTLIVE_TOP_SPARKLINE_H
#define OUTLIVE_TOP_SPARKLINE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

#define SPARKLINE_MOST 64				 /* bars of one line */
#define SPARKLINE_BUFFER (SPARKLINE_MOST * 3 + 1) /* bytes */

/*
 * Draw `count` values as `width` bars (at most SPARKLINE_MOST), oldest first, into
 * `buffer` of SPARKLINE_BUFFER bytes. Bars stand on zero and the highest value is a
 * full one; zero is a space. Where values are more than bars each bar is the highest
 * of its values, so that no peak is lost; fewer are spread out. No values: "". Returns `buffer`.
 */
char *sparkline(const uint64_t *values, size_t count, size_t width, char *buffer);

/*
 * Live bytes over the time of the trace: of a site, or of all sites of a process.
 * Returns the number of points filled in, 0 when no history was kept (or only of a
 * part: too many sites, see struct snapshot_class).
 */
size_t sparkline_of_site(const struct snapshot_process *process, const struct snapshot_site *site,
			 uint64_t ret_points[SNAPSHOT_SERIES_POINTS]);
size_t sparkline_of_process(const struct snapshot_process *process,
			    uint64_t ret_points[SNAPSHOT_SERIES_POINTS]);

#endif
