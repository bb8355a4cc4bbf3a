/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Do live bytes rise, and go on rising?
 *
 * Every site rises at first: it starts at nothing. A leak is told from what fills
 * up by its end, not its beginning: what is full has a flat tail, and what fills
 * by chance (a hash table, an interning cache) gets slower and slower.
 */
#ifndef OUTLIVE_ANALYSIS_GROWTH_H
#define OUTLIVE_ANALYSIS_GROWTH_H

#include <stdbool.h>

#include "analysis/evidence.h"

struct growth {
	double bytes_per_s;
	double error_per_s; /* 95 of 100 times it is off by no more; negative: not known */
	double from_s;	   /* where the rise begins, s of the window, … */
	double from_bytes; /* … and what was live then */
	bool on_top;	   /* it rises beside something that is full and does not */
};

/*
 * Look for growth in `evidence`. With `strict` (one size class of a site whose
 * whole says nothing) a chance rise counts for less. Returns true with
 * *ret_growth filled, or false.
 */
bool growth_find(const struct evidence *evidence, bool strict, struct growth *ret_growth);

#endif
