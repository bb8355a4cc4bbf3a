/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

int extents_init(struct extents *extents, uint32_t limit)
{
	int result;

	memset(extents, 0, sizeof(*extents));
	extents->limit = limit;
	result = VEC_PUSH_ROOM(extents->free, extents->free_count, extents->capacity);
	if (result < 0)
		return result;
	extents->free[0] = (struct extent){ .base = 0, .count = limit };
	extents->free_count = limit > 0;
	return 0;
}

void extents_free(struct extents *extents)
{
	free(extents->free);
	memset(extents, 0, sizeof(*extents));
}

static void remove_gap(struct extents *extents, size_t at)
{
	extents->free_count--;
	memmove(&extents->free[at], &extents->free[at + 1],
		(extents->free_count - at) * sizeof(*extents->free));
}

int extents_take(struct extents *extents, uint32_t count, uint32_t *ret_base)
{
	/* There is at most one gap more than runs: with room for them all, giving back
	 * never has to ask for memory. */
	int result = vec_reserve((void **)&extents->free, &extents->capacity,
				 extents->taken_count + 2, sizeof(*extents->free));

	if (result < 0)
		return result;
	for (size_t i = 0; i < extents->free_count; i++) {
		struct extent *gap = &extents->free[i];

		if (gap->count < count)
			continue;
		*ret_base = gap->base;
		gap->base += count;
		gap->count -= count;
		if (!gap->count)
			remove_gap(extents, i);
		extents->taken_count++;
		extents->used += count;
		return 0;
	}
	return -ENOSPC;
}

void extents_give(struct extents *extents, uint32_t base, uint32_t count)
{
	struct extent *gaps = extents->free;
	size_t at = 0;

	while (at < extents->free_count && gaps[at].base < base)
		at++;
	extents->taken_count--;
	extents->used -= count;
	if (at > 0 && gaps[at - 1].base + gaps[at - 1].count == base) {
		gaps[at - 1].count += count;
		if (at < extents->free_count && base + count == gaps[at].base) {
			gaps[at - 1].count += gaps[at].count;
			remove_gap(extents, at);
		}
	} else if (at < extents->free_count && base + count == gaps[at].base) {
		gaps[at].base = base;
		gaps[at].count += count;
	} else {
		memmove(&gaps[at + 1], &gaps[at], (extents->free_count - at) * sizeof(*gaps));
		gaps[at] = (struct extent){ .base = base, .count = count };
		extents->free_count++;
	}
}

uint32_t extents_gap_with(const struct extents *extents, uint32_t base, uint32_t count)
{
	uint32_t gap = count;

	for (size_t i = 0; i < extents->free_count; i++) {
		const struct extent *free = &extents->free[i];

		if (free->base + free->count == base || base + count == free->base)
			gap += free->count;
	}
	return gap;
}

uint32_t extents_largest(const struct extents *extents)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < extents->free_count; i++) {
		if (extents->free[i].count > largest)
			largest = extents->free[i].count;
	}
	return largest;
}
