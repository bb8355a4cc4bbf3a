/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the numbers [0, limit) are taken: runs are taken where they fit first and given
 * back. Only numbers are kept here; what lies at them is the caller's business.
 */
#ifndef OUTLIVE_CAPTURE_EXTENTS_H
#define OUTLIVE_CAPTURE_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

struct extent {
	uint32_t base, count;
};

struct extents {
	struct extent *free; /* sorted by base, none touches the next */
	size_t free_count, capacity;
	size_t taken_count; /* runs taken */
	uint64_t used;	    /* numbers taken */
	uint32_t limit;
};

/* Begin with all of [0, limit) free. Returns 0 or -ENOMEM; release with extents_free. */
int extents_init(struct extents *extents, uint32_t limit);
void extents_free(struct extents *extents);

/* Take `count` (> 0) numbers in a row. Returns 0 and *ret_base, -ENOSPC when there is no gap
 * of that size, -ENOMEM. */
int extents_take(struct extents *extents, uint32_t count, uint32_t *ret_base);

/* Give back exactly what was taken: needs no memory and cannot fail. */
void extents_give(struct extents *extents, uint32_t base, uint32_t count);

/* The size of the gap there would be if [base, base + count), which is taken, were given back. */
uint32_t extents_gap_with(const struct extents *extents, uint32_t base, uint32_t count);

/* The size of the largest gap. */
uint32_t extents_largest(const struct extents *extents);

#endif
