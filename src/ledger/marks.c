/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/vec.h"

#define NUMBER_BYTES 7 /* "#65536" and its end */

void marks_free(struct marks *marks)
{
	free(marks->rows);
	free(marks->repeats);
	map_free(&marks->by_name);
	memset(marks, 0, sizeof(*marks));
}

/* `name` itself, or with the first number that makes it a new one. */
static void make_unique(struct marks *marks, char name[SNAPSHOT_MARK_BYTES])
{
	char base[SNAPSHOT_MARK_BYTES - NUMBER_BYTES + 1];
	uint32_t row, first;

	if (!map_get(&marks->by_name, hash_text(HASH_TEXT, name), &first))
		return;
	text_clean(base, sizeof(base), name, SNAPSHOT_MARK_BYTES);
	do {
		snprintf(name, SNAPSHOT_MARK_BYTES, "%s#%" PRIu32, base,
			 ++marks->repeats[first] + 1);
	} while (map_get(&marks->by_name, hash_text(HASH_TEXT, name), &row));
}

int marks_add(struct marks *marks, const char *name, uint64_t time_ns, size_t *ret_row)
{
	struct snapshot_mark *mark;

	if (marks->count == MARKS_MAX) {
		marks->left_out++;
		return 0;
	}
	if (VEC_PUSH_ROOM(marks->rows, marks->count, marks->capacity) < 0 ||
	    VEC_PUSH_ROOM(marks->repeats, marks->count, marks->repeats_capacity) < 0)
		return -ENOMEM;
	mark = &marks->rows[marks->count];
	mark->time_ns = time_ns;
	if (!name || !text_clean(mark->name, sizeof(mark->name), name, sizeof(mark->name) - 1))
		memcpy(mark->name, "mark", sizeof("mark"));
	make_unique(marks, mark->name);
	if (map_set(&marks->by_name, hash_text(HASH_TEXT, mark->name), (uint32_t)marks->count) < 0)
		return -ENOMEM;
	*ret_row = marks->count++;
	return 1;
}
