/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mappings of which processes have been told of, so that only news is. */
#ifndef OUTLIVE_CAPTURE_DELIVERED_H
#define OUTLIVE_CAPTURE_DELIVERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivered_row {
	uint32_t pid, binary;
	uint64_t start, end;
	uint64_t seen_ns; /* when it was still there */
};

/* All zeroes is empty. */
struct delivered {
	struct delivered_row *rows; /* by pid and address; those of one process do not overlap */
	size_t count, capacity;
};

void delivered_free(struct delivered *delivered);

/* Is there a row that differs from `row` in nothing but when it was seen? */
bool delivered_has(const struct delivered *delivered, const struct delivered_row *row);

/* Add a row in place of those that it overlaps. Returns 0 or -ENOMEM. */
int delivered_add(struct delivered *delivered, const struct delivered_row *row);

/* What was seen by `time_ns` in [start, end) of `pid` is not there any more. Returns whether
 * anything was. */
bool delivered_forget(struct delivered *delivered, uint32_t pid, uint64_t start, uint64_t end,
		      uint64_t time_ns);

#endif
