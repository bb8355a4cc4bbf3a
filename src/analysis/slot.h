/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does each thread keep the same few blocks of a site, one set in place of the last?
 */
#ifndef OUTLIVE_ANALYSIS_SLOT_H
#define OUTLIVE_ANALYSIS_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/evidence.h"

struct slot {
	uint64_t threads;      /* that hold blocks */
	uint64_t blocks;       /* that each keeps, 1 … SLOT_MAX_BLOCKS */
	uint64_t replacements; /* 0: none seen yet */
	bool temporaries;      /* other blocks of the site come and go */
};

/*
 * Look for slots in `evidence`. With `strict` (one size class of a site whose
 * whole says nothing) chance agreement counts for less. Returns true with
 * *ret_slot filled, or false.
 */
bool slot_find(const struct evidence *evidence, bool strict, struct slot *ret_slot);

#endif
