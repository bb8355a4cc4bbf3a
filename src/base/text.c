/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 character at `s` (RFC 3629 ranges), or 0 when it is invalid
 * or does not end within `left` bytes. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3
			: s[0] < 0xf5 ? 4 : 0;
	unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (s[i] < (i == 1 ? low : 0x80) || s[i] > (i == 1 ? high : 0xbf))
			return 0;
	}
	return length;
}

/* Characters that a terminal may act on: C0, DEL, C1, bidirectional overrides. */
static bool is_control(const unsigned char *s, size_t length)
{
	if (length == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (length == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	if (length == 3 && s[0] == 0xe2)
		return (s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
		       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
	return false;
}

size_t text_clean(char *buffer, size_t size, const char *source, size_t length)
{
	const unsigned char *s = (const unsigned char *)source;
	size_t left = strnlen(source, length);
	size_t used = 0;

	if (size == 0)
		return 0;
	while (left) {
		size_t step = utf8_length(s, left);
		bool good = step && !is_control(s, step);
		size_t take = good ? step : 1;

		if (used + take >= size)
			break;
		if (good)
			memcpy(buffer + used, s, step);
		else
			buffer[used] = '?';
		used += take;
		s += step ? step : 1;
		left -= step ? step : 1;
	}
	buffer[used] = '\0';
	return used;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Bytes of the first `columns` characters of `text`. */
static size_t bytes_of(const char *text, size_t columns)
{
	size_t i = 0;

	while (text[i] && columns) {
		i++;
		while (((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
		columns--;
	}
	return i;
}

char *text_fit(char *buffer, size_t size, const char *text, size_t columns)
{
	size_t width = text_width(text);
	size_t head, tail, cut;

	if (size == 0)
		return buffer;
	buffer[0] = '\0';
	if (width <= columns) {
		if (strlen(text) < size)
			memcpy(buffer, text, strlen(text) + 1);
		return buffer;
	}
	if (columns == 0)
		return buffer;
	head = bytes_of(text, (columns - 1) / 2);
	tail = bytes_of(text, width - (columns - 1 - (columns - 1) / 2));
	cut = strlen(text + tail);
	if (head + 3 + cut + 1 > size)
		return buffer;
	memcpy(buffer, text, head);
	memcpy(buffer + head, "…", 3);
	memcpy(buffer + head + 3, text + tail, cut + 1);
	return buffer;
}
