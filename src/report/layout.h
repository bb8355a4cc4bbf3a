/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text on a screen of a given width: paragraphs, lists and table cells. Nothing
 * written here is wider than the screen. Text must be clean (base/text.h).
 */
#ifndef OUTLIVE_REPORT_LAYOUT_H
#define OUTLIVE_REPORT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "report/output.h"

enum style {
	STYLE_PLAIN,
	STYLE_HEADING,
	STYLE_NAME,
	STYLE_DIM,
	STYLE_NOTICE,
	STYLE_ALARM,
	STYLE_GOOD,
};

struct layout {
	struct output output;
	size_t width; /* of the screen, columns; at least LAYOUT_MIN_WIDTH */
	bool colour;
	size_t column; /* where the current line stands */
	size_t padding; /* spaces of it not yet written: none are at a line's end */
	size_t indent; /* of the current list */
	bool listing;  /* the current list has items */
};

#define LAYOUT_MIN_WIDTH 60

/* Text in a style; the line stays open. */
void layout_put(struct layout *layout, enum style style, const char *text);

/* The same, cut to `width` columns and padded to them, on the left when `right`. */
void layout_cell(struct layout *layout, enum style style, const char *text, size_t width,
		 bool right);

/* Spaces up to `column` of the line. */
void layout_to(struct layout *layout, size_t column);
void layout_newline(struct layout *layout);

/* `text` broken at spaces into lines indented by `indent`; numbers stay whole. Ends the line. */
void layout_paragraph(struct layout *layout, enum style style, size_t indent, const char *text);

/*
 * A list "a · b · c" that breaks between items: begin it at a line's start, add
 * items (printf-like), and end it with layout_end_list. An empty one writes nothing.
 */
void layout_begin_list(struct layout *layout, size_t indent);
__attribute__((format(printf, 3, 4))) void layout_item(struct layout *layout, enum style style,
							 const char *format, ...);
void layout_end_list(struct layout *layout);

#endif
