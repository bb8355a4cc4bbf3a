/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code objects of a running interpreter -> function, file, line.
 *
 * They are read from the target's memory when a stack is new, at once, for a
 * code object may be freed and its address given to another. So each is held
 * against the identity that the walk saw (outlive/python.h), and what was read
 * before is used again only for the same identity.
 */
#ifndef OUTLIVE_CAPTURE_PYTHON_CODE_H
#define OUTLIVE_CAPTURE_PYTHON_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/python_layout.h"
#include "outlive/wire.h"

struct python_codes; /* what has been read of one process, a bounded cache */

/* What a frame is called. Strings are UTF-8 but for 2.7, hostile, and never empty. */
struct python_name {
	const char *function, *file;
	uint32_t line; /* 0: none */
	/* The function has not begun (its arguments are being made ready), or the frame is a
	 * helper of the interpreter's own: tracebacks leave it out. */
	bool internal;
};

/* An empty cache, or NULL without memory. NULL may be freed. */
struct python_codes *python_codes_new(void);
void python_codes_free(struct python_codes *codes);

/* Before a stack: forget everything when the cache has grown too large. Names given out
 * before this call are gone after it. */
void python_codes_begin(struct python_codes *codes);

/*
 * Name one frame of process `pid`, whose interpreter has `layout`. Returns 0 and
 * *ret_name, whose strings belong to the cache; -ESTALE when another code object
 * lies there now; -EBADMSG when what lies there is none; -ENOMEM; or the -errno
 * of reading the process's memory.
 */
int python_codes_name(struct python_codes *codes, uint32_t pid, const struct python_layout *layout,
		      const struct wire_python_frame *frame, struct python_name *ret_name);

#endif
