/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/layout.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define MAX_LINE 2048 /* bytes of one cell or item */

/* Select Graphic Rendition, ECMA-48 §8.3.117. */
static const char *const style_codes[] = {
	[STYLE_PLAIN] = "",	    [STYLE_HEADING] = "\033[1m", [STYLE_NAME] = "\033[1;36m",
	[STYLE_DIM] = "\033[2m",    [STYLE_NOTICE] = "\033[33m", [STYLE_ALARM] = "\033[1;31m",
	[STYLE_GOOD] = "\033[1;32m",
};

void layout_put(struct layout *layout, enum style style, const char *text)
{
	bool coloured = layout->colour && style != STYLE_PLAIN;

	if (!*text)
		return;
	for (; layout->padding; layout->padding--)
		output_text(&layout->output, " ");
	if (coloured)
		output_text(&layout->output, style_codes[style]);
	output_text(&layout->output, text);
	if (coloured)
		output_text(&layout->output, "\033[0m");
	layout->column += text_width(text);
}

void layout_to(struct layout *layout, size_t column)
{
	if (column > layout->column) {
		layout->padding += column - layout->column;
		layout->column = column;
	}
}

void layout_cell(struct layout *layout, enum style style, const char *text, size_t width,
		 bool right)
{
	size_t end = layout->column + width, used;
	char fitted[MAX_LINE];

	text_fit(fitted, sizeof(fitted), text, width);
	used = text_width(fitted);
	if (right)
		layout_to(layout, end - used);
	layout_put(layout, style, fitted);
	if (!right)
		layout_to(layout, end);
}

void layout_newline(struct layout *layout)
{
	output_text(&layout->output, "\n");
	layout->column = layout->padding = 0;
}

/* May a line end at the space `text[i]`? Not within "184 213", "21.2 MB", "5 %" or
 * "main (17)". */
static bool breakable(const char *text, size_t i)
{
	const char *next = text + i + 1;

	if (next[0] == '(' && isdigit((unsigned char)next[1]))
		return false;
	if (i == 0 || !isdigit((unsigned char)text[i - 1]))
		return true;
	if (isdigit((unsigned char)*next) || *next == '%')
		return false;
	if (strchr("KMGTPE", *next) && *next)
		next++;
	return *next != 'B';
}

/* Bytes of the word at `text`: up to where a line may end. */
static size_t word_length(const char *text)
{
	size_t i = 0;

	while (text[i] && (text[i] != ' ' || !breakable(text, i)))
		i++;
	return i;
}

void layout_paragraph(struct layout *layout, enum style style, size_t indent, const char *text)
{
	char word[MAX_LINE], fitted[MAX_LINE];
	bool first = true;

	while (*text) {
		size_t length = word_length(text), take;

		take = length < sizeof(word) ? length : sizeof(word) - 1;
		memcpy(word, text, take);
		word[take] = '\0';
		text += length;
		text += strspn(text, " ");
		if (!first && layout->column + 1 + text_width(word) > layout->width) {
			layout_newline(layout);
			first = true;
		}
		if (first)
			layout_to(layout, indent);
		else
			layout_to(layout, layout->column + 1);
		text_fit(fitted, sizeof(fitted), word, layout->width - layout->column);
		layout_put(layout, style, fitted);
		first = false;
	}
	if (!first)
		layout_newline(layout);
}

void layout_begin_list(struct layout *layout, size_t indent)
{
	layout->indent = indent;
	layout->listing = false;
}

void layout_item(struct layout *layout, enum style style, const char *format, ...)
{
	char item[MAX_LINE], fitted[MAX_LINE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(item, sizeof(item), format, arguments);
	va_end(arguments);
	text_fit(fitted, sizeof(fitted), item, layout->width - layout->indent);
	if (layout->listing && layout->column + 3 + text_width(fitted) > layout->width)
		layout_newline(layout);
	else if (layout->listing)
		layout_put(layout, STYLE_DIM, " · ");
	layout_to(layout, layout->indent);
	layout_put(layout, style, fitted);
	layout->listing = true;
}

void layout_end_list(struct layout *layout)
{
	if (layout->listing)
		layout_newline(layout);
	layout->listing = false;
}
