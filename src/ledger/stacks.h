/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stacks received of one process: id -> frames. */
#ifndef OUTLIVE_LEDGER_STACKS_H
#define OUTLIVE_LEDGER_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define STACKS_MAX (1u << 20)
#define STACKS_MAX_FRAMES (1u << 24) /* of all stacks together: 128 MB */

struct stack {
	size_t first; /* of `count` in stacks.frames */
	uint32_t count;
	uint8_t status, flags; /* enum wire_stack_status, wire_stack_flag */
};

/* All zeroes is an empty table. */
struct stacks {
	struct stack *rows;
	size_t count, capacity;
	uint64_t *frames;
	size_t frame_count, frame_capacity;
	struct map by_id;
};

void stacks_free(struct stacks *stacks);

/*
 * Keep a stack; `frames` need no alignment. Returns 1 when it is new, 0 when it
 * is there already or the table is full (it then stays unknown), -ENOMEM.
 */
int stacks_add(struct stacks *stacks, uint64_t id, const void *frames, uint32_t count,
	       uint8_t status, uint8_t flags);

/* Add `by` to all frames in [start, end): what lies there now is another matter (modules.h). A
 * frame is a return address, and so belongs to the byte before. Returns whether there were any. */
bool stacks_move(struct stacks *stacks, uint64_t start, uint64_t end, uint64_t by);

/* The stack `id`, or NULL. */
const struct stack *stacks_find(const struct stacks *stacks, uint64_t id);

#endif
