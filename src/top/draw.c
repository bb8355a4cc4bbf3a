/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "top/list.h"

bool strip_item(struct strip *strip, enum top_style style, const char *format, ...)
{
	char text[256];
	size_t gap = strip->any ? 3 : 0;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (strip->column + gap >= strip->end ||
	    (strip->any && strip->column + gap + text_width(text) > strip->end))
		return false;
	if (gap)
		strip->column = canvas_put(strip->canvas, strip->row, strip->column, TOP_DIM, " · ", gap);
	strip->column = canvas_put(strip->canvas, strip->row, strip->column, style, text,
				   strip->end - strip->column);
	strip->any = true;
	return true;
}

/* --- which part of it all is shown ---------------------------------------------- */

static void item_scope(struct top_model *model, struct strip *strip, const char *what)
{
	const struct snapshot_process *process = model_process(model);
	uint32_t thread = model_thread(model);
	char comm[64];

	if (thread == RATES_ALL_THREADS) {
		strip_item(strip, TOP_TITLE, "%s", what);
		return;
	}
	text_clean(comm, sizeof(comm), process->threads[thread].comm, WIRE_COMM_BYTES);
	strip_item(strip, TOP_TITLE, "%s of thread %s (%u)", what, comm[0] ? comm : "?",
		   process->threads[thread].tid);
}

static void item_list(struct top_model *model, struct strip *strip)
{
	static const char *const titles[] = { "Processes", "Threads", "Sites" };
	const struct top_sort *sort = &model->sort[model->place.view];
	char shown[UNITS_BUFFER], all[UNITS_BUFFER];
	size_t total = model->entry_count + model->left_out;

	item_scope(model, strip, titles[model->place.view]);
	units_format_count(shown, sizeof(shown), model->entry_count);
	units_format_count(all, sizeof(all), total);
	if (model->filter[0] || model->filtering)
		strip_item(strip, TOP_NOTICE, "%s of %s with \"%s\"%s", shown, all, model->filter,
			   model->unnamed ? ", looking" : "");
	else
		strip_item(strip, TOP_PLAIN, "%s", all);
	strip_item(strip, TOP_PLAIN, "by %s %s", sort->column->title,
		   sort->column->descending != sort->reversed ? "▾" : "▴");
	if (model->hidden)
		strip_item(strip, TOP_NOTICE, "%s that ended hidden",
			   units_format_count(shown, sizeof(shown), model->hidden));
	if (model->frozen)
		strip_item(strip, TOP_NOTICE, "order frozen");
}

/* With a mark: when it was set, and whether only what is newer is shown. */
static void item_mark(const struct top_model *model, struct strip *strip)
{
	const struct snapshot *snapshot = model->snapshot;
	char when[UNITS_BUFFER];

	if (!snapshot || !snapshot->window.set)
		return;
	units_format_duration(when, sizeof(when), snapshot->window.from_ns - snapshot->start_ns);
	strip_item(strip, model->newer ? TOP_NOTICE : TOP_DIM, "%s %s",
		   model->newer ? "only newer than the mark at" : "mark at", when);
}

static void draw_scope(struct top_model *model, struct canvas *canvas, size_t row)
{
	struct strip strip = { .canvas = canvas, .row = row, .end = canvas->width };

	if (model->place.view == VIEW_HELP)
		strip_item(&strip, TOP_TITLE, "Help");
	else if (model->place.view == VIEW_SITE)
		/* All of it, also where it is one of those of a thread. */
		strip_item(&strip, TOP_TITLE, "Site");
	else
		item_list(model, &strip);
	if (model->place.view != VIEW_HELP)
		item_mark(model, &strip);
}

/* --- the foot ------------------------------------------------------------------- */

static void draw_keys(struct top_model *model, struct canvas *canvas, size_t row)
{
	size_t column = 0;

	for (size_t i = 0; i < key_row_count; i++) {
		const struct key_row *key = &key_rows[i];
		char name[16];

		if (!key->hint || !keys_apply(key, model->recording))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(key->name, " "), key->name);
		if (column + strlen(name) + 1 + strlen(key->hint) > canvas->width)
			break;
		column = canvas_put(canvas, row, column, TOP_KEYS, name, canvas->width);
		column = canvas_put(canvas, row, column + 1, TOP_DIM, key->hint, canvas->width) + 2;
	}
}

static void draw_foot(struct top_model *model, struct canvas *canvas, size_t row)
{
	size_t column;

	if (model->filtering) {
		column = canvas_put(canvas, row, 0, TOP_KEYS, "filter: ", canvas->width);
		column = canvas_put(canvas, row, column, TOP_PLAIN, model->filter, canvas->width);
		column = canvas_put(canvas, row, column, TOP_KEYS, "_", canvas->width);
		canvas_put(canvas, row, column + 2, TOP_DIM, "Enter keeps it, Esc drops it",
			   canvas->width);
	} else if (model->message[0]) {
		canvas_put(canvas, row, 0, TOP_NOTICE, model->message, canvas->width);
	} else {
		draw_keys(model, canvas, row);
	}
}

void draw_frame(struct top_model *model, struct canvas *canvas)
{
	size_t row, foot = canvas->height - 1;

	canvas_clear(canvas);
	if (model->stale && model->place.view < VIEW_LISTS)
		list_refresh(model);
	row = draw_header(model, canvas);
	draw_scope(model, canvas, row++);
	if (foot > row && model->place.view == VIEW_HELP)
		draw_help(model, canvas, row, foot);
	else if (foot > row && model->place.view == VIEW_SITE)
		draw_site(model, canvas, row, foot);
	else if (foot > row)
		draw_table(model, canvas, row, foot);
	if (foot >= row && !model->once)
		draw_foot(model, canvas, foot);
}
