/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/python_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"

void python_stacks_free(struct python_stacks *stacks)
{
	free(stacks->rows);
	free(stacks->frames);
	free(stacks->text);
	map_free(&stacks->by_id);
	map_free(&stacks->by_text);
	memset(stacks, 0, sizeof(*stacks));
}

/* Keep `text` once. Returns 0 with its offset (PYTHON_NO_TEXT for NULL and when there is
 * no room for more) or -ENOMEM. */
static int keep_text(struct python_stacks *stacks, const char *text, uint32_t *ret_offset)
{
	uint64_t hash;
	size_t size;

	*ret_offset = PYTHON_NO_TEXT;
	if (!text)
		return 0;
	for (hash = hash_text(HASH_TEXT, text); map_get(&stacks->by_text, hash, ret_offset);
	     hash = hash_mix(hash + 1)) {
		if (strcmp(stacks->text + *ret_offset, text) == 0)
			return 0;
	}
	*ret_offset = PYTHON_NO_TEXT;
	size = strlen(text) + 1;
	if (size > PYTHON_STACKS_MAX_TEXT - stacks->text_bytes)
		return 0;
	if (vec_reserve((void **)&stacks->text, &stacks->text_capacity, stacks->text_bytes + size,
			1) < 0 ||
	    map_set(&stacks->by_text, hash, (uint32_t)stacks->text_bytes) < 0)
		return -ENOMEM;
	memcpy(stacks->text + stacks->text_bytes, text, size);
	*ret_offset = (uint32_t)stacks->text_bytes;
	stacks->text_bytes += size;
	return 0;
}

int python_stacks_add(struct python_stacks *stacks, const struct event *event)
{
	uint32_t count = event->python_frames.count, row;

	if (map_get(&stacks->by_id, event->python_frames.id, &row) || count > WIRE_MAX_FRAMES ||
	    stacks->count >= PYTHON_STACKS_MAX ||
	    stacks->frame_count + count > PYTHON_STACKS_MAX_FRAMES)
		return 0;
	if (VEC_PUSH_ROOM(stacks->rows, stacks->count, stacks->capacity) < 0 ||
	    vec_reserve((void **)&stacks->frames, &stacks->frame_capacity,
			stacks->frame_count + count, sizeof(*stacks->frames)) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const struct event_python_frame *from = &event->python_frames.frames[i];
		struct python_frame *to = &stacks->frames[stacks->frame_count + i];

		to->line = from->line;
		to->flags = from->flags;
		to->internal = from->internal;
		if (keep_text(stacks, from->function, &to->function) < 0 ||
		    keep_text(stacks, from->file, &to->file) < 0)
			return -ENOMEM;
	}
	if (map_set(&stacks->by_id, event->python_frames.id, (uint32_t)stacks->count) < 0)
		return -ENOMEM;
	stacks->rows[stacks->count++] = (struct python_stack){
		.first = stacks->frame_count,
		.count = count,
		.status = event->python_frames.status,
	};
	stacks->frame_count += count;
	return 1;
}

const struct python_stack *python_stacks_find(const struct python_stacks *stacks, uint64_t id)
{
	uint32_t row;

	return map_get(&stacks->by_id, id, &row) ? &stacks->rows[row] : NULL;
}
