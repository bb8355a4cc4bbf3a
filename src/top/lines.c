/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

struct line *lines_add(struct lines *lines, enum top_style style, const char *format, ...)
{
	struct line *line;
	va_list arguments;

	if (VEC_PUSH_ROOM(lines->rows, lines->count, lines->capacity) < 0)
		return NULL;
	line = &lines->rows[lines->count++];
	*line = (struct line){ .style = style };
	va_start(arguments, format);
	vsnprintf(line->text, sizeof(line->text), format, arguments);
	va_end(arguments);
	return line;
}

void lines_aside(struct line *line, enum top_style style, size_t at, const char *text)
{
	if (!line)
		return;
	line->aside_style = style;
	line->aside_at = at;
	snprintf(line->aside, sizeof(line->aside), "%s", text);
}

void lines_wrap(struct lines *lines, enum top_style style, size_t indent, size_t width,
		const char *text)
{
	char row[LINES_TEXT] = "", word[256];
	size_t room = width > indent + 10 ? width - indent : 10;

	while (*text) {
		size_t length = strcspn(text, " ");

		snprintf(word, sizeof(word), "%.*s", (int)(length < 200 ? length : 200), text);
		text += length + strspn(text + length, " ");
		if (row[0] && text_width(row) + 1 + text_width(word) > room) {
			lines_add(lines, style, "%*s%s", (int)indent, "", row);
			row[0] = '\0';
		}
		snprintf(row + strlen(row), sizeof(row) - strlen(row), "%s%s", row[0] ? " " : "",
			 word);
	}
	if (row[0])
		lines_add(lines, style, "%*s%s", (int)indent, "", row);
}

void lines_show(struct lines *lines, struct top_model *model, struct canvas *canvas, size_t from,
		size_t to)
{
	size_t *scroll = &model->place.scroll;

	model->page = to - from;
	model->lines = lines->count;
	if (*scroll + model->page > lines->count)
		*scroll = lines->count > model->page ? lines->count - model->page : 0;
	for (size_t i = *scroll; i < lines->count && from < to; i++, from++) {
		const struct line *line = &lines->rows[i];
		size_t room = line->aside[0] ? line->aside_at - 1 : canvas->width;

		canvas_cell(canvas, from, 0, line->style, line->text,
			    room < canvas->width ? room : canvas->width, false);
		if (line->aside[0])
			canvas_put(canvas, from, line->aside_at, line->aside_style, line->aside,
				   canvas->width);
	}
	free(lines->rows);
	*lines = (struct lines){ 0 };
}
