/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String and bytes objects of a running interpreter. */
#ifndef OUTLIVE_CAPTURE_PYTHON_STRING_H
#define OUTLIVE_CAPTURE_PYTHON_STRING_H

#include <stddef.h>
#include <stdint.h>

#include "capture/python_layout.h"

#define PYTHON_MAX_STRING 4096 /* characters; what is longer is cut: PATH_MAX */

/*
 * Read the string object at `address` of process `pid` as UTF-8 (2.7: as the
 * bytes it has). Returns 0 and *ret_text, not empty, which the caller frees;
 * -EBADMSG when no such object lies there; -ENOMEM; or the -errno of reading.
 */
int python_string_read(uint32_t pid, const struct python_layout *layout, uint64_t address,
		       char **ret_text);

/*
 * Read the bytes object at `address`. Returns 0 with *ret_bytes (caller frees) and
 * *ret_size; -EBADMSG when it claims more than `most` bytes; others as above.
 */
int python_bytes_read(uint32_t pid, const struct python_layout *layout, uint64_t address,
		      size_t most, uint8_t **ret_bytes, size_t *ret_size);

#endif
