/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from the target is hostile: nothing of it reaches a terminal unclean. */
#ifndef OUTLIVE_BASE_TEXT_H
#define OUTLIVE_BASE_TEXT_H

#include <stddef.h>

/*
 * Copy at most `length` bytes of `source` (stopping at NUL) into `buffer` of
 * `size` bytes, always NUL-terminated: control characters, DEL, C1 controls and
 * invalid UTF-8 become '?', and no character is cut in half. Returns the
 * length written, in bytes.
 */
size_t text_clean(char *buffer, size_t size, const char *source, size_t length);

/* Columns that `text` (clean UTF-8) takes on a screen, one per character. */
size_t text_width(const char *text);

/*
 * Fit `text` into `columns` of `buffer` (`size` bytes): cut in the middle with
 * "…" when it is longer. Returns `buffer`.
 */
char *text_fit(char *buffer, size_t size, const char *text, size_t columns);

#endif
