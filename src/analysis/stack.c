/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/stack.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/python_frames.h"
#include "base/cleanup.h"
#include "base/text.h"

void stack_resolve(struct frames *frames, bool native, const struct snapshot_process *process,
		   const struct snapshot_site *site, struct stack *ret_stack)
{
	size_t count = site->stack_known ? site->frame_count : 0, used = 0, left;
	struct python_place places[WIRE_MAX_FRAMES];

	if (count > WIRE_MAX_FRAMES)
		count = WIRE_MAX_FRAMES;
	python_frames_place(process, site, native, places);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < places[i].count; k++)
			used += python_frame_get(&site->python[places[i].first + k], site->frames[i],
						 &ret_stack->frames[used]);
		if (places[i].hidden)
			continue;
		/* Every frame still to come has its place: a native and a Python one each. */
		left = (count - 1 - i) + WIRE_MAX_FRAMES;
		used += frames_resolve(frames, process, site->frames[i],
				       &ret_stack->frames[used],
				       ARRAY_LENGTH(ret_stack->frames) - used - left);
	}
	ret_stack->count = used;
}

const struct frame *stack_title(const struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		if (!frame_is_runtime(&stack->frames[i]))
			return &stack->frames[i];
	}
	return stack->count ? &stack->frames[0] : NULL;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *frame_format(const struct frame *frame, char *buffer, size_t size)
{
	char module[STACK_TEXT / 2];

	if (frame->symbol) {
		text_clean(buffer, size, frame->symbol, STACK_TEXT);
		return buffer;
	}
	if (!frame->module) {
		snprintf(buffer, size, "0x%" PRIx64, frame->address);
		return buffer;
	}
	text_clean(module, sizeof(module), path_base(frame->module), STACK_TEXT);
	snprintf(buffer, size, "%s+0x%" PRIx64, module, frame->offset);
	return buffer;
}

char *frame_format_place(const struct frame *frame, char *buffer, size_t size)
{
	char file[STACK_TEXT / 2];

	buffer[0] = '\0';
	if (frame->file) {
		text_clean(file, sizeof(file), path_base(frame->file), STACK_TEXT);
		snprintf(buffer, size, frame->line ? "%s:%" PRIu32 : "%s", file, frame->line);
	} else if (frame->module && frame->symbol) {
		text_clean(buffer, size, path_base(frame->module), STACK_TEXT);
	}
	return buffer;
}
