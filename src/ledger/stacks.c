/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void stacks_free(struct stacks *stacks)
{
	free(stacks->rows);
	free(stacks->frames);
	map_free(&stacks->by_id);
	memset(stacks, 0, sizeof(*stacks));
}

int stacks_add(struct stacks *stacks, uint64_t id, const void *frames, uint32_t count,
	       uint8_t status, uint8_t flags)
{
	uint32_t row;

	if (map_get(&stacks->by_id, id, &row) || stacks->count >= STACKS_MAX ||
	    stacks->frame_count + count > STACKS_MAX_FRAMES)
		return 0;
	if (VEC_PUSH_ROOM(stacks->rows, stacks->count, stacks->capacity) < 0 ||
	    vec_reserve((void **)&stacks->frames, &stacks->frame_capacity,
			stacks->frame_count + count, sizeof(*stacks->frames)) < 0 ||
	    map_set(&stacks->by_id, id, (uint32_t)stacks->count) < 0)
		return -ENOMEM;
	stacks->rows[stacks->count++] = (struct stack){
		.first = stacks->frame_count,
		.count = count,
		.status = status,
		.flags = flags,
	};
	if (count)
		memcpy(&stacks->frames[stacks->frame_count], frames, count * sizeof(uint64_t));
	stacks->frame_count += count;
	return 1;
}

bool stacks_move(struct stacks *stacks, uint64_t start, uint64_t end, uint64_t by)
{
	bool any = false;

	for (size_t i = 0; i < stacks->frame_count; i++) {
		uint64_t call = stacks->frames[i] - 1;

		if (call >= start && call < end) {
			stacks->frames[i] += by;
			any = true;
		}
	}
	return any;
}

const struct stack *stacks_find(const struct stacks *stacks, uint64_t id)
{
	uint32_t row;

	return map_get(&stacks->by_id, id, &row) ? &stacks->rows[row] : NULL;
}
