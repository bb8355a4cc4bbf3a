/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MAX_TEXT 2048 /* bytes of one text put here */

static size_t within(size_t value)
{
	return value < 1 ? 1 : value > CANVAS_MOST ? CANVAS_MOST : value;
}

int canvas_resize(struct canvas *canvas, size_t width, size_t height)
{
	struct canvas_cell *cells;

	width = within(width);
	height = within(height);
	if (width != canvas->width || height != canvas->height) {
		cells = calloc(width * height, sizeof(*cells));
		if (!cells)
			return -ENOMEM;
		free(canvas->cells);
		canvas->cells = cells;
		canvas->width = width;
		canvas->height = height;
	}
	canvas_clear(canvas);
	return 0;
}

void canvas_clear(struct canvas *canvas)
{
	for (size_t i = 0; i < canvas->width * canvas->height; i++)
		canvas->cells[i] = (struct canvas_cell){ .text = " " };
}

void canvas_free(struct canvas *canvas)
{
	free(canvas->cells);
	*canvas = (struct canvas){ 0 };
}

/* What outlive itself draws beyond ASCII, and what stands for it there. */
static const struct {
	const char *text;
	char ascii;
} substitutes[] = {
	{ "·", '-' }, { "…", '~' }, { "×", 'x' }, { "─", '-' }, { "▾", 'v' }, { "▴", '^' },
	{ "▸", '>' }, { "▁", '_' }, { "▂", '.' }, { "▃", ':' }, { "▄", '-' }, { "▅", '=' },
	{ "▆", '+' }, { "▇", '*' }, { "█", '#' }, { "°", 'o' }, { "—", '-' }, { "≥", '>' },
};

static char substitute(const char *text, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(substitutes); i++) {
		if (strlen(substitutes[i].text) == length &&
		    memcmp(substitutes[i].text, text, length) == 0)
			return substitutes[i].ascii;
	}
	return '?';
}

/* The code point of the clean UTF-8 character at `text`, and its length. */
static wchar_t decode(const char *text, size_t *ret_length)
{
	static const unsigned char masks[] = { 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	wchar_t point = first & masks[length - 1];

	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	*ret_length = length;
	return point;
}

/* One character into `cell` (and the one right of it, if it is that wide). Returns the
 * columns it takes; more than `room` are not written. */
static size_t put_character(const struct canvas *canvas, struct canvas_cell *cell,
			    enum top_style style, const char *text, size_t *ret_length, size_t room)
{
	wchar_t point = decode(text, ret_length);
	size_t length = *ret_length;
	int width = length == 1 || canvas->ascii ? 1 : wcwidth(point);
	char plain[2] = { canvas->ascii ? substitute(text, length) : '?', '\0' };

	if ((canvas->ascii && length > 1) || (width != 1 && width != 2)) {
		text = plain;
		length = 1;
		width = 1;
	}
	if ((size_t)width > room)
		return (size_t)width;
	memcpy(cell->text, text, length);
	cell->text[length] = '\0';
	cell->style = (uint8_t)style;
	if (width == 2) {
		cell[1].text[0] = '\0';
		cell[1].style = (uint8_t)style;
	}
	return (size_t)width;
}

size_t canvas_put(struct canvas *canvas, size_t row, size_t column, enum top_style style,
		  const char *text, size_t room)
{
	char clean[MAX_TEXT];
	size_t length;

	if (row >= canvas->height || column >= canvas->width)
		return column;
	if (room > canvas->width - column)
		room = canvas->width - column;
	text_clean(clean, sizeof(clean), text, MAX_TEXT);
	for (const char *at = clean; *at && room; at += length) {
		struct canvas_cell *cell = &canvas->cells[row * canvas->width + column];
		size_t taken = put_character(canvas, cell, style, at, &length, room);

		if (taken > room)
			break;
		column += taken;
		room -= taken;
	}
	return column;
}

size_t canvas_print(struct canvas *canvas, size_t row, size_t column, enum top_style style,
		    const char *format, ...)
{
	char text[MAX_TEXT];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return canvas_put(canvas, row, column, style, text, canvas->width);
}

size_t canvas_cell(struct canvas *canvas, size_t row, size_t column, enum top_style style,
		   const char *text, size_t width, bool right)
{
	char fitted[MAX_TEXT];
	size_t used;

	text_fit(fitted, sizeof(fitted), text, width);
	used = text_width(fitted);
	canvas_put(canvas, row, column + (right && used < width ? width - used : 0), style, fitted,
		   width);
	return column + width;
}

void canvas_select(struct canvas *canvas, size_t row)
{
	for (size_t i = 0; row < canvas->height && i < canvas->width; i++)
		canvas->cells[row * canvas->width + i].selected = true;
}

void canvas_fill(struct canvas *canvas, size_t row, enum top_style style)
{
	for (size_t i = 0; row < canvas->height && i < canvas->width; i++)
		canvas->cells[row * canvas->width + i].style = (uint8_t)style;
}

char *canvas_line(const struct canvas *canvas, size_t row, char *buffer)
{
	size_t used = 0;

	for (size_t i = 0; row < canvas->height && i < canvas->width; i++) {
		const char *text = canvas->cells[row * canvas->width + i].text;
		size_t length = strlen(text);

		memcpy(buffer + used, text, length);
		used += length;
	}
	while (used && buffer[used - 1] == ' ')
		used--;
	buffer[used] = '\0';
	return buffer;
}
