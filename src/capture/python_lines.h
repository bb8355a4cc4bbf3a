/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line tables of CPython code objects: instruction -> source line. */
#ifndef OUTLIVE_CAPTURE_PYTHON_LINES_H
#define OUTLIVE_CAPTURE_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

enum python_lines {
	PYTHON_LINES_UNSIGNED,	/* 2.7 co_lnotab, Objects/lnotab_notes.txt */
	PYTHON_LINES_SIGNED,	/* 3.6 to 3.9 co_lnotab: line deltas are signed */
	PYTHON_LINES_RANGES,	/* 3.10 co_linetable: the same file there, and PEP 626 */
	PYTHON_LINES_LOCATIONS, /* 3.11 on: Objects/locations.md (code_objects.md), PEP 657 */
};

#define PYTHON_MAX_LINE 100000000u /* a greater number is none */

/*
 * The line of the instruction at byte `offset` of a function's code; an offset
 * before the first instruction (a frame that has not begun) is the first line's.
 * `table` of `size` bytes comes from the target and may hold anything. Returns 0
 * when the instruction has no line, or the table none for it.
 */
uint32_t python_line(enum python_lines format, const uint8_t *table, size_t size,
		     uint32_t first_line, int64_t offset);

#endif
