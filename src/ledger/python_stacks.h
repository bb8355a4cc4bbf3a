/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Python parts of the stacks of one process: stack id -> frames with their names. */
#ifndef OUTLIVE_LEDGER_PYTHON_STACKS_H
#define OUTLIVE_LEDGER_PYTHON_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "stream/event.h"

#define PYTHON_STACKS_MAX (1u << 20)
#define PYTHON_STACKS_MAX_FRAMES (1u << 24)
#define PYTHON_STACKS_MAX_TEXT (64u << 20) /* bytes of all names together */
#define PYTHON_NO_TEXT UINT32_MAX

struct python_frame {
	uint32_t function, file; /* offsets into python_stacks.text; PYTHON_NO_TEXT: not known */
	uint32_t line;
	uint8_t flags; /* enum wire_python_frame_flag */
	bool internal; /* see struct event_python_frame */
};

struct python_stack {
	size_t first; /* of `count` in python_stacks.frames */
	uint32_t count;
	uint32_t status; /* enum wire_python_status */
};

/* All zeroes is an empty table. */
struct python_stacks {
	struct python_stack *rows;
	size_t count, capacity;
	struct python_frame *frames;
	size_t frame_count, frame_capacity;
	char *text; /* names, each once, NUL-terminated */
	size_t text_bytes, text_capacity;
	struct map by_id;
	struct map by_text; /* hash of a name -> its offset in text */
};

void python_stacks_free(struct python_stacks *stacks);

/*
 * Keep the Python part of a stack (EVENT_PYTHON_FRAMES). Returns 1 when it is new, 0 when
 * it is there already or the table is full (the stack is then shown native), -ENOMEM.
 */
int python_stacks_add(struct python_stacks *stacks, const struct event *event);

/* The Python part of the stack `id`, or NULL. */
const struct python_stack *python_stacks_find(const struct python_stacks *stacks, uint64_t id);

#endif
