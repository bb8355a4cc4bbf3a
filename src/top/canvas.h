/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame of the screen before it is shown: a grid of characters with styles.
 *
 * All views draw here and nowhere else. The terminal copies the grid, top --once
 * prints it, tests compare it: all three see the very same frame. Whatever is put
 * here comes out as one printable character per cell: names from the target cannot
 * carry control sequences, nor characters that a terminal would draw wider or
 * narrower than the place they were given.
 */
#ifndef OUTLIVE_TOP_CANVAS_H
#define OUTLIVE_TOP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum top_style {
	TOP_PLAIN,
	TOP_TITLE,  /* what this is all about */
	TOP_HEAD,   /* headings of columns */
	TOP_SORTED, /* the one that is sorted by */
	TOP_NAME,
	TOP_DIM,
	TOP_CHART,
	TOP_NOTICE,
	TOP_ALARM,
	TOP_KEYS, /* the line of keys */
	TOP_STYLE_COUNT
};

struct canvas_cell {
	char text[5]; /* one UTF-8 character; "" right of one that is two columns wide */
	uint8_t style;
	bool selected; /* in the row of the cursor */
};

#define CANVAS_MOST 1000 /* columns and rows; a larger terminal is used in part */

struct canvas {
	size_t width, height;
	bool ascii; /* the terminal knows nothing else */
	struct canvas_cell *cells;
};

/*
 * Make the canvas `width` × `height` (1 … CANVAS_MOST each, others are brought
 * there) and empty. All zeroes is a canvas without cells. Returns 0 or -ENOMEM,
 * then it is as before. Release with canvas_free.
 */
int canvas_resize(struct canvas *canvas, size_t width, size_t height);
void canvas_clear(struct canvas *canvas);
void canvas_free(struct canvas *canvas);

/*
 * Text at a place, at most `room` columns of it and never beyond the row's end; a
 * place outside the canvas takes nothing. Characters that cannot be shown become '?',
 * or what is nearest in ASCII. Returns the column behind it.
 */
size_t canvas_put(struct canvas *canvas, size_t row, size_t column, enum top_style style,
		  const char *text, size_t room);

/* The same, printf-like, up to the row's end. */
__attribute__((format(printf, 5, 6))) size_t canvas_print(struct canvas *canvas, size_t row,
							   size_t column, enum top_style style,
							   const char *format, ...);

/* A cell of a table: cut in the middle to `width` columns, flush right when `right`.
 * Returns the column behind the cell. */
size_t canvas_cell(struct canvas *canvas, size_t row, size_t column, enum top_style style,
		   const char *text, size_t width, bool right);

/* The cursor is on this row; the whole of it shows that. */
void canvas_select(struct canvas *canvas, size_t row);

/* The whole row in one style, what is there already keeps its characters. */
void canvas_fill(struct canvas *canvas, size_t row, enum top_style style);

#define CANVAS_LINE(width) ((width) * 4 + 1)

/* The row as text without spaces at its end, in `buffer` of CANVAS_LINE(width) bytes. */
char *canvas_line(const struct canvas *canvas, size_t row, char *buffer);

#endif
