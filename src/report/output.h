/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a renderer writes: a stream that remembers its first error, so no call needs a check. */
#ifndef OUTLIVE_REPORT_OUTPUT_H
#define OUTLIVE_REPORT_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

struct output {
	FILE *file;
	int error; /* the first failure, -errno; everything after it is dropped */
};

/* Write `length` bytes of `text`, or all of a NUL-terminated one. */
void output_bytes(struct output *output, const char *text, size_t length);
void output_text(struct output *output, const char *text);

/* Flush. Returns 0 or the -errno of the first write that failed. */
int output_finish(struct output *output);

#endif
