/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tables of threads and of sites have in common. */
#include "base/cleanup.h"
#include "base/units.h"
#include "report/text.h"

size_t text_shown(size_t count, size_t limit)
{
	return count <= limit + 1 ? count : limit;
}

const struct column *text_sort_column(const struct text *text, const struct table *table)
{
	return text->options->sort ? column_find(table, text->options->sort) : NULL;
}

static void choose_columns(const struct text *text, const struct column *const *all, size_t known,
			   const struct column *sorted, size_t reserved,
			   struct text_columns *ret_columns)
{
	size_t width = text->layout.width, used = TEXT_NAME_WIDTH + reserved, count = 0;
	bool seen = !sorted;

	for (; count < known && count < ARRAY_LENGTH(ret_columns->shown); count++) {
		const struct column *column = all[count];

		if (used + 1 + column->width > width)
			break;
		used += 1 + (size_t)column->width;
		ret_columns->shown[count] = column;
		seen = seen || column == sorted;
	}
	if (!seen && count) {
		used -= ret_columns->shown[count - 1]->width;
		used += sorted->width;
		ret_columns->shown[count - 1] = sorted;
	}
	ret_columns->count = count;
	ret_columns->name_width = TEXT_NAME_WIDTH + width - used;
}

void text_columns_heading(struct text *text, const struct column *const *all, size_t known,
			  const struct column *sorted, const char *title, size_t reserved,
			  struct text_columns *ret_columns)
{
	struct layout *layout = &text->layout;

	choose_columns(text, all, known, sorted, reserved, ret_columns);
	layout_cell(layout, STYLE_HEADING, title, ret_columns->name_width, false);
	for (size_t i = 0; i < ret_columns->count; i++) {
		const struct column *column = ret_columns->shown[i];

		layout_to(layout, layout->column + 1);
		layout_cell(layout, STYLE_HEADING, column->title, column->width, column->right);
	}
}

void text_table_heading(struct text *text, const struct table *table, const char *title,
			size_t reserved, struct text_columns *ret_columns)
{
	const struct column *all[TEXT_COLUMNS];
	size_t known = 0;

	for (; known < table->column_count && known < TEXT_COLUMNS; known++)
		all[known] = &table->columns[known];
	text_columns_heading(text, all, known, text_sort_column(text, table), title, reserved,
			     ret_columns);
}

void text_table_cells(struct text *text, const struct text_columns *columns,
		      const struct row *row)
{
	struct layout *layout = &text->layout;
	char value[UNITS_BUFFER];

	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = columns->shown[i];

		layout_to(layout, layout->column + 1);
		layout_cell(layout, STYLE_PLAIN, column_format(column, column->get(row), value),
			    column->width, column->right);
	}
}
