/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading DWARF's little-endian bytes without ever leaving them.
 *
 * A cursor that is asked for more than is left gives 0, stands at its end and
 * is `bad` from then on: a parser may read a whole entry and ask once.
 */
#ifndef OUTLIVE_CAPTURE_DWARF_CURSOR_H
#define OUTLIVE_CAPTURE_DWARF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "capture/dwarf_codes.h"

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	uint64_t end_vaddr; /* ELF virtual address of `end`, for pc-relative pointers */
	bool bad;
};

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static inline uint64_t cursor_fail(struct cursor *cursor)
{
	cursor->at = cursor->end;
	cursor->bad = true;
	return 0;
}

/* An unsigned number of `bytes` (1 to 8) bytes. */
static inline uint64_t cursor_fixed(struct cursor *cursor, size_t bytes)
{
	uint64_t value = 0;

	if (cursor_left(cursor) < bytes)
		return cursor_fail(cursor);
	memcpy(&value, cursor->at, bytes);
	cursor->at += bytes;
	return value;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	if (cursor->at == cursor->end)
		return (uint8_t)cursor_fail(cursor);
	return *cursor->at++;
}

static inline void cursor_skip(struct cursor *cursor, uint64_t bytes)
{
	if (cursor_left(cursor) < bytes)
		cursor_fail(cursor);
	else
		cursor->at += bytes;
}

/* The next `bytes` bytes as a cursor of their own; `cursor` moves past them. */
static inline struct cursor cursor_take(struct cursor *cursor, uint64_t bytes)
{
	struct cursor taken = *cursor;

	cursor_skip(cursor, bytes);
	taken.end_vaddr -= cursor_left(cursor);
	taken.end = cursor->at;
	if (cursor->bad)
		cursor_fail(&taken);
	return taken;
}

/* LEB128 (DWARF 5, 7.6). More than 64 bits' worth of bytes is bad, since no
 * producer pads that far and an endless number must end. */
static inline uint64_t cursor_leb128(struct cursor *cursor, bool is_signed)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		if (shift >= 64)
			return cursor_fail(cursor);
		byte = cursor_u8(cursor);
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && (byte & 0x40) && shift < 64)
		value |= ~0ULL << shift;
	return value;
}

static inline uint64_t cursor_uleb128(struct cursor *cursor)
{
	return cursor_leb128(cursor, false);
}

static inline int64_t cursor_sleb128(struct cursor *cursor)
{
	return (int64_t)cursor_leb128(cursor, true);
}

/*
 * A pointer in `encoding`: absolute or relative to its own address. The other
 * applications (text, data, function, indirect) are relative to things that no
 * .eh_frame address on x86-64 is, and are bad.
 */
static inline uint64_t cursor_pointer(struct cursor *cursor, uint8_t encoding)
{
	uint64_t here = cursor->end_vaddr - cursor_left(cursor);
	uint64_t value;

	switch (encoding & DW_EH_PE_format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		value = cursor_fixed(cursor, 8);
		break;
	case DW_EH_PE_udata4:
		value = cursor_fixed(cursor, 4);
		break;
	case DW_EH_PE_sdata4:
		value = (uint64_t)(int32_t)cursor_fixed(cursor, 4);
		break;
	case DW_EH_PE_udata2:
		value = cursor_fixed(cursor, 2);
		break;
	case DW_EH_PE_sdata2:
		value = (uint64_t)(int16_t)cursor_fixed(cursor, 2);
		break;
	case DW_EH_PE_uleb128:
		value = cursor_uleb128(cursor);
		break;
	case DW_EH_PE_sleb128:
		value = (uint64_t)cursor_sleb128(cursor);
		break;
	default:
		return cursor_fail(cursor);
	}
	switch (encoding & ~DW_EH_PE_format) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return value + here;
	default:
		return cursor_fail(cursor);
	}
}

#endif
