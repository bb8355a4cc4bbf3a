/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text longer than the screen: made whole, shown from the line that it is scrolled to. */
#ifndef OUTLIVE_TOP_LINES_H
#define OUTLIVE_TOP_LINES_H

#include "top/draw.h"

#define LINES_TEXT 512

struct line {
	enum top_style style, aside_style;
	size_t aside_at; /* column of the second text */
	char text[LINES_TEXT], aside[LINES_TEXT / 2];
};

/* All zeroes is empty. A line that there is no memory for is left out. */
struct lines {
	struct line *rows;
	size_t count, capacity;
};

/* One more line, printf-like; it can be added to until the next. NULL without memory. */
__attribute__((format(printf, 3, 4))) struct line *lines_add(struct lines *lines,
							      enum top_style style,
							      const char *format, ...);

/* A second text in the last line, from column `at` on. `line` may be NULL. */
void lines_aside(struct line *line, enum top_style style, size_t at, const char *text);

/* A paragraph broken at spaces to `width` columns, each line indented. */
void lines_wrap(struct lines *lines, enum top_style style, size_t indent, size_t width,
		const char *text);

/* Show them in the rows from `from` to before `to`, as far as the model is scrolled;
 * and release them. */
void lines_show(struct lines *lines, struct top_model *model, struct canvas *canvas, size_t from,
		size_t to);

#endif
