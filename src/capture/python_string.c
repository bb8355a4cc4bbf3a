/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/python_string.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/memory.h"

/* PyVarObject.ob_size, PyASCIIObject.length and .state (Include/cpython/unicodeobject.h). */
#define SIZE_OFFSET 16
#define LENGTH_OFFSET 16
#define STATE_OFFSET 32
#define HEAD_BYTES 40

/* Of PyASCIIObject.state, from where `kind` begins. */
#define KIND_MASK 7u
#define COMPACT_BIT (1u << 3)
#define ASCII_BIT (1u << 4)

/* How many bits of `state` lie before `kind`: `interned` has two, and in 3.14 sixteen. */
static const unsigned int kind_shifts[] = { 2, 16 };

int python_bytes_read(uint32_t pid, const struct python_layout *layout, uint64_t address,
		      size_t most, uint8_t **ret_bytes, size_t *ret_size)
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint64_t size;
	int result = memory_read(pid, address + SIZE_OFFSET, &size, sizeof(size));

	if (result < 0)
		return result;
	if (size > most)
		return -EBADMSG;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	if (size)
		result = memory_read(pid, address + layout->bytes_data, bytes, size);
	if (result < 0)
		return result;
	bytes[size] = '\0';
	*ret_bytes = bytes;
	*ret_size = size;
	bytes = NULL;
	return 0;
}

/* 2.7: a string is a bytes object. */
static int read_old_string(uint32_t pid, const struct python_layout *layout, uint64_t address,
			   char **ret_text)
{
	uint8_t *bytes;
	size_t size;
	int result = python_bytes_read(pid, layout, address, PYTHON_MAX_STRING, &bytes, &size);

	if (result < 0)
		return result;
	if (size == 0 || memchr(bytes, '\0', size)) {
		free(bytes);
		return -EBADMSG;
	}
	*ret_text = (char *)bytes;
	return 0;
}

/* Append `character` as UTF-8. What is no character (surrogates: bytes of a file name
 * that had no meaning) becomes '?'. */
static char *put_utf8(char *to, uint32_t character)
{
	if (character >= 0x110000 || (character >= 0xd800 && character < 0xe000))
		character = '?';
	if (character < 0x80) {
		*to++ = (char)character;
	} else if (character < 0x800) {
		*to++ = (char)(0xc0 | character >> 6);
		*to++ = (char)(0x80 | (character & 63));
	} else if (character < 0x10000) {
		*to++ = (char)(0xe0 | character >> 12);
		*to++ = (char)(0x80 | (character >> 6 & 63));
		*to++ = (char)(0x80 | (character & 63));
	} else {
		*to++ = (char)(0xf0 | character >> 18);
		*to++ = (char)(0x80 | (character >> 12 & 63));
		*to++ = (char)(0x80 | (character >> 6 & 63));
		*to++ = (char)(0x80 | (character & 63));
	}
	return to;
}

static uint32_t character_at(const uint8_t *data, unsigned int width, size_t index)
{
	uint32_t character = 0;

	memcpy(&character, data + index * width, width); /* little-endian, as x86-64 is */
	return character;
}

/* The UTF-8 of `length` characters of `width` bytes; NULL without memory or when one is NUL. */
static int encode(const uint8_t *data, unsigned int width, size_t length, char **ret_text)
{
	char *text = malloc(length * 4 + 1), *to = text;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		uint32_t character = character_at(data, width, i);

		if (!character) {
			free(text);
			return -EBADMSG;
		}
		to = put_utf8(to, character);
	}
	*to = '\0';
	*ret_text = text;
	return 0;
}

/* Width of a character in bytes and whether all are ASCII, from the `state` word.
 * Returns false when no string has such a state. */
static bool decode_state(uint32_t state, unsigned int *ret_width, bool *ret_ascii)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kind_shifts); i++) {
		uint32_t rest = state >> kind_shifts[i];
		unsigned int width = rest & KIND_MASK;

		if ((width == 1 || width == 2 || width == 4) && rest & COMPACT_BIT) {
			*ret_width = width;
			*ret_ascii = rest & ASCII_BIT;
			return width == 1 || !*ret_ascii;
		}
	}
	return false;
}

int python_string_read(uint32_t pid, const struct python_layout *layout, uint64_t address,
		       char **ret_text)
{
	uint8_t head[HEAD_BYTES], data[PYTHON_MAX_STRING * 4];
	unsigned int width;
	uint64_t length;
	uint32_t state;
	bool ascii;
	int result;

	if (!layout->string_ascii)
		return read_old_string(pid, layout, address, ret_text);
	result = memory_read(pid, address, head, sizeof(head));
	if (result < 0)
		return result;
	memcpy(&length, head + LENGTH_OFFSET, sizeof(length));
	memcpy(&state, head + STATE_OFFSET, sizeof(state));
	if (length == 0 || length > INT64_MAX || !decode_state(state, &width, &ascii))
		return -EBADMSG;
	if (length > PYTHON_MAX_STRING)
		length = PYTHON_MAX_STRING;
	result = memory_read(pid,
			     address + (ascii ? layout->string_ascii : layout->string_compact),
			     data, length * width);
	if (result < 0)
		return result;
	return encode(data, width, length, ret_text);
}
