/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/python_lines.h"

#include <stdbool.h>

#define UNIT_BYTES 2 /* one code unit, since 3.6 */

/* Arithmetic on hostile numbers wraps instead of being undefined; the result is checked. */
static uint32_t checked(uint64_t line)
{
	return line <= PYTHON_MAX_LINE ? (uint32_t)line : 0;
}

/* Pairs {bytes of code, lines}: the line changes after that many bytes. */
static uint32_t line_by_steps(const uint8_t *table, size_t size, bool is_signed, uint64_t line,
			      int64_t offset)
{
	int64_t at = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		at += table[i];
		if (at > offset)
			break;
		line += is_signed ? (uint64_t)(int8_t)table[i + 1] : table[i + 1];
	}
	return checked(line);
}

/* Pairs {bytes of code, lines}: that many bytes are on a line that lies so far from the
 * last one; -128: they are on no line. */
static uint32_t line_by_ranges(const uint8_t *table, size_t size, uint64_t line, int64_t offset)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		int8_t delta = (int8_t)table[i + 1];

		end += table[i];
		if (delta != -128)
			line += (uint64_t)delta;
		if (offset < end)
			return delta == -128 ? 0 : checked(line);
	}
	return 0;
}

/* Six bits a byte, least first; bit 6: more follow. *at stays within `size`. */
static uint64_t read_varint(const uint8_t *table, size_t size, size_t *at)
{
	uint64_t value = 0;
	unsigned int shift = 0;

	while (*at < size) {
		uint8_t byte = table[(*at)++];

		if (shift < 60)
			value |= (uint64_t)(byte & 63) << shift;
		shift += 6;
		if (!(byte & 64))
			break;
	}
	return value;
}

static uint64_t read_signed(const uint8_t *table, size_t size, size_t *at)
{
	uint64_t value = read_varint(table, size, at);

	return value & 1 ? -(value >> 1) : value >> 1;
}

/* Entries {1 | kind (4 bits) | units of code - 1 (3 bits), …}. Column numbers follow in
 * bytes whose top bit is clear: the next set one begins the next entry. */
static uint32_t line_by_locations(const uint8_t *table, size_t size, uint64_t line,
				  int64_t offset)
{
	int64_t end = 0;
	size_t at = 0;

	while (at < size) {
		uint8_t head = table[at++];
		unsigned int kind = head >> 3 & 15;

		if (!(head & 128))
			return 0;
		end += ((head & 7) + 1) * UNIT_BYTES;
		if (kind == 13 || kind == 14)
			line += read_signed(table, size, &at);
		else if (kind >= 10 && kind <= 12)
			line += kind - 10;
		if (offset < end)
			return kind == 15 ? 0 : checked(line);
		while (at < size && !(table[at] & 128))
			at++;
	}
	return 0;
}

uint32_t python_line(enum python_lines format, const uint8_t *table, size_t size,
		     uint32_t first_line, int64_t offset)
{
	if (offset < 0)
		return checked(first_line);
	switch (format) {
	case PYTHON_LINES_UNSIGNED:
	case PYTHON_LINES_SIGNED:
		return line_by_steps(table, size, format == PYTHON_LINES_SIGNED, first_line,
				     offset);
	case PYTHON_LINES_RANGES:
		return line_by_ranges(table, size, first_line, offset);
	default:
		return line_by_locations(table, size, first_line, offset);
	}
}
