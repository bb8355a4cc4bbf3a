/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unwind table of a file is made of, and how to tell that two are made of the same. */
#ifndef OUTLIVE_CAPTURE_UNWIND_SOURCE_H
#define OUTLIVE_CAPTURE_UNWIND_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "capture/stack_starts.h"

/* Beside the program headers, which the image has. */
struct unwind_source {
	struct elf_part part; /* .eh_frame */
	struct stack_start starts[STACK_STARTS_MOST];
	size_t start_count;
};

/*
 * A hash of it all, of which equal ones give equal tables. It is keyed with random bytes of
 * this run, so that nobody can make a file that passes for another; a build-id proves
 * nothing, for a file says of itself what it likes.
 */
struct unwind_print {
	uint64_t low, high;
};

/* Read it. Returns 0 and *ret_source, whose part.bytes are the caller's to free, or the -errno
 * of elf_image_eh_frame. */
int unwind_source_read(const struct elf_image *image, struct unwind_source *ret_source);

struct unwind_print unwind_source_print(const struct elf_image *image,
					const struct unwind_source *source);

#endif
