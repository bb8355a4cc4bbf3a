/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people write and read them. Sizes are powers of 1024 both ways. */
#ifndef OUTLIVE_BASE_UNITS_H
#define OUTLIVE_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parse "4096", "64K", "1.5M", "2g", "10MB", "3GiB". Returns 0 and *ret_bytes;
 * -EINVAL for anything else (empty, negative, trailing text), -ERANGE when it
 * does not fit. *ret_bytes is untouched on failure.
 */
int units_parse_size(const char *text, uint64_t *ret_bytes);

/*
 * Parse "10s", "1.5m", "200ms", "5us", "7ns", "2h"; a bare number is seconds.
 * Returns and errors as units_parse_size; nanoseconds.
 */
int units_parse_duration(const char *text, uint64_t *ret_ns);

/* Parse a decimal whole number in [low, high]. -EINVAL or -ERANGE as above. */
int units_parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value);

/* Bytes as "0 B", "812 B", "21.2 MB", "3.34 GB": three digits that count.
 * Writes at most `size` bytes, NUL included, and returns `buffer`. */
char *units_format_bytes(char *buffer, size_t size, uint64_t bytes);

/* A count with thin groups, "184 213". Returns `buffer`. */
char *units_format_count(char *buffer, size_t size, uint64_t count);

/* Nanoseconds as "812 ns", "41.2 s", "5 m 07 s", "3 h 12 m". Returns `buffer`. */
char *units_format_duration(char *buffer, size_t size, uint64_t ns);

#define UNITS_BUFFER 32 /* large enough for any of the above */

#endif
