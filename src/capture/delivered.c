/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/delivered.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void delivered_free(struct delivered *delivered)
{
	free(delivered->rows);
	memset(delivered, 0, sizeof(*delivered));
}

/* The first row of `pid` that does not lie below `start`. */
static size_t first_from(const struct delivered *delivered, uint32_t pid, uint64_t start)
{
	size_t low = 0, high = delivered->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct delivered_row *row = &delivered->rows[middle];

		if (row->pid < pid || (row->pid == pid && row->end <= start))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool delivered_has(const struct delivered *delivered, const struct delivered_row *row)
{
	size_t at = first_from(delivered, row->pid, row->start);
	const struct delivered_row *found = &delivered->rows[at];

	return at < delivered->count && found->pid == row->pid && found->start == row->start &&
	       found->end == row->end && found->binary == row->binary;
}

int delivered_add(struct delivered *delivered, const struct delivered_row *row)
{
	size_t at;
	int result;

	delivered_forget(delivered, row->pid, row->start, row->end, UINT64_MAX);
	result = VEC_PUSH_ROOM(delivered->rows, delivered->count, delivered->capacity);
	if (result < 0)
		return result;
	at = first_from(delivered, row->pid, row->start);
	memmove(&delivered->rows[at + 1], &delivered->rows[at],
		(delivered->count - at) * sizeof(*delivered->rows));
	delivered->count++;
	delivered->rows[at] = *row;
	return 0;
}

bool delivered_forget(struct delivered *delivered, uint32_t pid, uint64_t start, uint64_t end,
		      uint64_t time_ns)
{
	size_t kept = first_from(delivered, pid, start), at = kept;

	for (; at < delivered->count; at++) {
		const struct delivered_row *row = &delivered->rows[at];

		if (row->pid != pid || row->start >= end)
			break;
		if (row->seen_ns > time_ns)
			delivered->rows[kept++] = *row;
	}
	if (kept == at)
		return false;
	memmove(&delivered->rows[kept], &delivered->rows[at],
		(delivered->count - at) * sizeof(*delivered->rows));
	delivered->count -= at - kept;
	return true;
}
