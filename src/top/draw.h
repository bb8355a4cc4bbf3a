/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model as a frame: header, list or text, line of keys. */
#ifndef OUTLIVE_TOP_DRAW_H
#define OUTLIVE_TOP_DRAW_H

#include "top/canvas.h"
#include "top/model.h"

/* Draw all of `canvas` anew. Refreshes the model's list where it is stale. */
void draw_frame(struct top_model *model, struct canvas *canvas);

/* --- its parts, each in a file of its own -------------------------------------- */

/* Items on one row, "a · b · c": one that does not fit whole is left out, but for the first.
 * Returns whether it is there. */
struct strip {
	struct canvas *canvas;
	size_t row, column, end;
	bool any;
};

__attribute__((format(printf, 3, 4))) bool strip_item(struct strip *strip, enum top_style style,
							const char *format, ...);

/* What it is about, how exact, how much, how fast. Returns the row below. */
size_t draw_header(struct top_model *model, struct canvas *canvas);

/* The list in the rows from `from` to before `to`, its heading first. */
void draw_table(struct top_model *model, struct canvas *canvas, size_t from, size_t to);

/* The open site; the help. As above, without a heading. */
void draw_site(struct top_model *model, struct canvas *canvas, size_t from, size_t to);
void draw_help(struct top_model *model, struct canvas *canvas, size_t from, size_t to);

#endif
