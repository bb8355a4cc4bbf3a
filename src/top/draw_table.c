/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes, threads, sites: one table of them, whatever they are. */
#include <stdio.h>
#include <string.h>

#include "analysis/where.h"
#include "base/units.h"
#include "top/draw.h"
#include "top/list.h"
#include "top/sparkline.h"

#define NAME_LEAST 22	 /* columns of a name; on a narrow screen … */
#define NAME_NARROW 14	 /* … so many */
#define NARROW 60
#define VERDICT_WIDTH 15 /* of the longest pattern_title */
#define VERDICT_LEAST 70 /* a screen less wide has no verdicts in the list */
#define CHART_WIDTH 12
#define CHART_LEAST 116
#define PLACE_WIDTH 20 /* where a process lives */
#define PLACE_LEAST 100
#define NAME_TEXT 1100

struct shape {
	const struct column *columns[FIELDS_MOST];
	size_t count;
	size_t name_width;
	bool verdict, chart, place;
};

static enum top_style verdict_style(enum pattern_name name)
{
	return name == PATTERN_GROWING ? TOP_ALARM :
	       name == PATTERN_PER_THREAD_SLOT ? TOP_NOTICE : TOP_PLAIN;
}

/* As many columns as fit, the one that is sorted by among them. */
static struct shape choose(const struct top_model *model, size_t width)
{
	const struct column *all[FIELDS_MOST], *sorted = model->sort[model->place.view].column;
	size_t known = fields_of(list_fields(model->place.view), all);
	size_t used = width < NARROW ? NAME_NARROW : NAME_LEAST;
	struct shape shape = { .verdict = model->place.view == VIEW_SITES && width >= VERDICT_LEAST };
	bool seen = false;

	shape.chart = model->place.view == VIEW_SITES && width >= CHART_LEAST;
	shape.place = model->place.view == VIEW_PROCESSES && width >= PLACE_LEAST;
	used += shape.place ? PLACE_WIDTH + 2 : 0;
	used += shape.verdict ? VERDICT_WIDTH + 2 : 0;
	used += shape.chart ? CHART_WIDTH + 2 : 0;
	for (size_t i = 0; i < known && used + 1 + all[i]->width <= width; i++) {
		used += 1 + (size_t)all[i]->width;
		shape.columns[shape.count++] = all[i];
		seen = seen || all[i] == sorted;
	}
	if (!seen && shape.count) {
		used -= shape.columns[shape.count - 1]->width;
		used += sorted->width;
		shape.columns[shape.count - 1] = sorted;
	}
	shape.name_width = (width < NARROW ? NAME_NARROW : NAME_LEAST) + (width > used ? width - used : 0);
	return shape;
}

static void draw_heading(const struct top_model *model, struct canvas *canvas, size_t row,
			 const struct shape *shape)
{
	static const char *const titles[] = { "PROCESS", "THREAD", "SITE" };
	const struct column *sorted = model->sort[model->place.view].column;
	size_t column;

	canvas_fill(canvas, row, TOP_HEAD);
	column = canvas_cell(canvas, row, 0, TOP_HEAD, titles[model->place.view], shape->name_width,
			     false);
	for (size_t i = 0; i < shape->count; i++)
		column = canvas_cell(canvas, row, column + 1,
				     shape->columns[i] == sorted ? TOP_SORTED : TOP_HEAD,
				     shape->columns[i]->title, shape->columns[i]->width,
				     shape->columns[i]->right);
	if (shape->chart)
		column = canvas_cell(canvas, row, column + 2, TOP_HEAD, "OVER TIME", CHART_WIDTH,
				     false);
	if (shape->verdict)
		canvas_cell(canvas, row, column + 2, TOP_HEAD, "VERDICT", VERDICT_WIDTH, false);
	if (shape->place)
		canvas_cell(canvas, row, column + 2, TOP_HEAD, "IN", PLACE_WIDTH, false);
}

static size_t draw_row_chart(const struct list_row *row, struct canvas *canvas, size_t at,
			     size_t column)
{
	uint64_t points[SNAPSHOT_SERIES_POINTS];
	char bars[SPARKLINE_BUFFER];
	size_t count = sparkline_of_site(row->row.process, row->site, points);

	canvas_put(canvas, at, column, TOP_CHART, sparkline(points, count, CHART_WIDTH, bars),
		   CHART_WIDTH);
	return column + CHART_WIDTH;
}

static void draw_row(struct top_model *model, struct canvas *canvas, size_t at,
		     const struct shape *shape, const struct list_row *list_row)
{
	const struct row *row = &list_row->row;
	char name[NAME_TEXT], value[UNITS_BUFFER], place[WHERE_BUFFER];
	enum pattern_name verdict;
	size_t column;

	enum top_style style = list_ended(row) ? TOP_DIM : TOP_PLAIN;

	list_name(model, row, shape->name_width, name, sizeof(name));
	column = canvas_cell(canvas, at, 0, style == TOP_DIM ? TOP_DIM : TOP_NAME, name,
			     shape->name_width, false);
	for (size_t i = 0; i < shape->count; i++) {
		const struct column *field = shape->columns[i];

		column_format(field, field->get(row), value);
		column = canvas_cell(canvas, at, column + 1, style, value, field->width,
				     field->right);
	}
	if (shape->place)
		canvas_cell(canvas, at, column + 2, style, where_short(&row->process->home, place),
			    PLACE_WIDTH, false);
	if (shape->chart)
		column = draw_row_chart(list_row, canvas, at, column + 2);
	if (!shape->verdict)
		return;
	/* Of the site as a whole, also where one thread's share of it is shown. */
	verdict = verdicts_get(&model->verdicts, model->snapshot, row->process, list_row->site);
	canvas_cell(canvas, at, column + 2, verdict_style(verdict), pattern_title(verdict),
		    VERDICT_WIDTH, false);
}

static void draw_empty(const struct top_model *model, struct canvas *canvas, size_t row)
{
	const char *text = "Nothing was allocated yet.";

	if (!model->snapshot)
		return;
	if (model->left_out)
		text = model->unnamed ? "Looking for it in the names ..." :
					"No row has this text. Esc drops the filter.";
	else if (model->hidden)
		text = "All have ended. x shows them.";
	else if (model->newer)
		text = "Nothing that is newer than the mark. n shows all.";
	else if (model->place.process && !model_process(model))
		text = "This process is not here any more.";
	canvas_put(canvas, row, 0, TOP_DIM, text, canvas->width);
}

void draw_table(struct top_model *model, struct canvas *canvas, size_t from, size_t to)
{
	const struct shape shape = choose(model, canvas->width);
	size_t cursor = model_cursor(model), *scroll = &model->place.scroll;
	struct list_row row;

	draw_heading(model, canvas, from++, &shape);
	if (model->most_rows && from + model->most_rows < to)
		to = from + model->most_rows;
	model->page = to > from ? to - from : 1;
	if (cursor < *scroll)
		*scroll = cursor;
	if (cursor >= *scroll + model->page)
		*scroll = cursor - model->page + 1;
	if (*scroll + model->page > model->entry_count)
		*scroll = model->entry_count > model->page ? model->entry_count - model->page : 0;
	if (model->entry_count == 0)
		draw_empty(model, canvas, from);
	for (size_t i = *scroll; i < model->entry_count && from < to; i++, from++) {
		list_select(model, &model->entries[i], &row);
		draw_row(model, canvas, from, &shape, &row);
		if (i == cursor)
			canvas_select(canvas, from);
	}
}
