/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames of a site, named; and what to call the site. */
#ifndef OUTLIVE_ANALYSIS_STACK_H
#define OUTLIVE_ANALYSIS_STACK_H

#include <stddef.h>

#include "analysis/frames.h"
#include "ledger/snapshot.h"

/* Frames of a stack with all that was inlined, and its Python frames; a deeper one loses
 * inlined frames. */
#define STACK_FRAMES_MAX (5 * WIRE_MAX_FRAMES + FRAMES_OF_ADDRESS_MAX)

struct stack {
	size_t count;
	struct frame frames[STACK_FRAMES_MAX]; /* innermost first; native and Python ones */
};

/*
 * Name the frames of `site` with `frames` (NULL: modules and addresses only), Python
 * frames among them; `native`: the interpreter's own C frames too. A lost stack has none.
 */
void stack_resolve(struct frames *frames, bool native, const struct snapshot_process *process,
		   const struct snapshot_site *site, struct stack *ret_stack);

/* The frame that a site is called by: the innermost that is not runtime, or the
 * innermost of all; NULL in an empty stack. What lies before it is the allocator's. */
const struct frame *stack_title(const struct stack *stack);

/* The last part of a path. */
const char *path_base(const char *path);

/* "render", or without a name "libx.so+0x1f", "0x7f…". Clean; at most `size`
 * bytes of `buffer`; returns `buffer`. */
char *frame_format(const struct frame *frame, char *buffer, size_t size);

/* Where that is: "app.c:41", "libx.so", or "" when frame_format has said it. As above. */
char *frame_format_place(const struct frame *frame, char *buffer, size_t size);

#define STACK_TEXT 512 /* room for either; longer names lose their end */

#endif
