/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One site: what it holds, what kind of retention that is, who holds it, the whole stack. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "stream/stack_status.h"
#include "target/allocators.h"
#include "top/lines.h"
#include "top/list.h"
#include "top/sparkline.h"

#define HOLDERS_SHOWN 100
#define INDENT 2

static void add_name(struct lines *lines, const struct stack *stack)
{
	const struct frame *frame = stack_title(stack);
	char function[STACK_TEXT], place[STACK_TEXT];

	if (!frame) {
		lines_add(lines, TOP_NAME, "(stack not known)");
		return;
	}
	frame_format(frame, function, sizeof(function));
	frame_format_place(frame, place, sizeof(place));
	lines_add(lines, TOP_NAME, place[0] ? "%s (%s)" : "%s", function, place);
}

/* "live: 105 MB · blocks: 10 · …", every column of the table of sites. */
static void add_columns(struct lines *lines, const struct row *row, size_t width)
{
	const struct column *columns[FIELDS_MOST];
	size_t count = fields_of(FIELDS_SITES, columns);
	char text[LINES_TEXT] = "", item[64], value[UNITS_BUFFER];

	for (size_t i = 0; i < count; i++) {
		column_format(columns[i], columns[i]->get(row), value);
		snprintf(item, sizeof(item), "%.20s %.30s", columns[i]->title, value);
		if (text[0] && text_width(text) + 3 + text_width(item) > width) {
			lines_add(lines, TOP_PLAIN, "%s", text);
			text[0] = '\0';
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 text[0] ? " · " : "", item);
	}
	lines_add(lines, TOP_PLAIN, "%s", text);
}

static void add_calls(struct lines *lines, const struct snapshot_site *site)
{
	char text[LINES_TEXT] = "calls", number[UNITS_BUFFER];
	size_t begin = strlen(text), used = begin;

	for (unsigned int i = 0; i < SNAPSHOT_FUNCTIONS && used < sizeof(text); i++) {
		if (site->calls[i])
			used += (size_t)snprintf(text + used, sizeof(text) - used, " · %s %s",
						 i ? alloc_function_name((uint8_t)i) : "?",
						 units_format_count(number, sizeof(number),
								    site->calls[i]));
	}
	/* Of what is newer than a mark they are not counted. */
	if (used > begin)
		lines_add(lines, TOP_DIM, "%s", text);
}

static void add_chart(struct lines *lines, const struct row *row, size_t width)
{
	uint64_t points[SNAPSHOT_SERIES_POINTS], peak = 0;
	char bars[SPARKLINE_BUFFER], bytes[UNITS_BUFFER];
	size_t count = sparkline_of_site(row->process, row->site, points);

	for (size_t i = 0; i < count; i++)
		peak = points[i] > peak ? points[i] : peak;
	if (!peak)
		return;
	if (width > SPARKLINE_MOST + 26)
		width = SPARKLINE_MOST + 26;
	sparkline(points, count, width > 36 ? width - 26 : 10, bars);
	lines_add(lines, TOP_CHART, "%s peak %s", bars, units_format_bytes(bytes, sizeof(bytes), peak));
}

static void add_verdict(struct lines *lines, const struct row *row, size_t width)
{
	struct pattern pattern;
	enum top_style style;

	pattern_find(row->snapshot, row->process, row->site, &pattern);
	style = pattern.name == PATTERN_GROWING ? TOP_ALARM :
		pattern.name == PATTERN_PER_THREAD_SLOT ? TOP_NOTICE : TOP_PLAIN;
	lines_add(lines, TOP_PLAIN, "%s", "");
	lines_add(lines, TOP_HEAD, "VERDICT: %s", pattern_title(pattern.name));
	lines_wrap(lines, style, INDENT, width, pattern.text);
}

static void add_holders(struct lines *lines, const struct row *row)
{
	char comm[64], bytes[UNITS_BUFFER], count[UNITS_BUFFER];

	if (holders_find(row->holders, row->site) < 0 || row->holders->count == 0)
		return;
	lines_add(lines, TOP_PLAIN, "%s", "");
	lines_add(lines, TOP_HEAD, "%-24s %8s %10s %9s", "HELD BY THREAD", "TID", "LIVE", "BLOCKS");
	for (size_t i = 0; i < row->holders->count && i < HOLDERS_SHOWN; i++) {
		const struct holder *holder = &row->holders->rows[i];
		const struct snapshot_thread *thread = &row->process->threads[holder->thread];

		text_clean(comm, sizeof(comm), thread->comm, sizeof(thread->comm));
		lines_add(lines, TOP_PLAIN, "%-16s%-8s %8u %10s %9s", comm[0] ? comm : "?",
			  thread->exited ? " exited" : "", thread->tid,
			  units_format_bytes(bytes, sizeof(bytes), holder->live_bytes),
			  units_format_count(count, sizeof(count), holder->live_blocks));
	}
	if (row->holders->count > HOLDERS_SHOWN)
		lines_add(lines, TOP_DIM, "… and %zu more threads", row->holders->count - HOLDERS_SHOWN);
}

static void add_stack(struct lines *lines, const struct snapshot_site *site,
		      const struct stack *stack, size_t width)
{
	char function[STACK_TEXT], place[STACK_TEXT];

	lines_add(lines, TOP_PLAIN, "%s", "");
	lines_add(lines, TOP_HEAD, "STACK, the allocator's caller first");
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];
		enum top_style style = frame_is_runtime(frame) ? TOP_DIM : TOP_PLAIN;
		struct line *line;

		frame_format(frame, function, sizeof(function));
		frame_format_place(frame, place, sizeof(place));
		line = lines_add(lines, style, "%*s%s%s", INDENT, "", function,
				 frame->inlined ? " (inlined)" : "");
		lines_aside(line, TOP_DIM, width * 2 / 3, place);
	}
	if (!site->stack_known)
		lines_add(lines, TOP_DIM, "%*snot known: not taken, or lost on its way", INDENT, "");
	else if (site->stack_status != WIRE_STACK_COMPLETE)
		lines_add(lines, TOP_NOTICE, "%*s… this stack %s", INDENT, "",
			  stack_status_find(site->stack_status)->text);
}

void draw_site(struct top_model *model, struct canvas *canvas, size_t from, size_t to)
{
	const struct snapshot_site *site = model_site(model);
	CLEANUP_FREE struct stack *stack = malloc(sizeof(*stack));
	struct lines lines = { 0 };
	struct rate rate;
	struct row row = { .snapshot = model->snapshot, .process = model_process(model),
			   .site = site, .holders = &model->holders };

	if (!site || !stack) {
		canvas_put(canvas, from, 0, TOP_DIM,
			   model->newer ? "Nothing of this site is newer than the mark. n shows all."
					: "This site is not here any more.", canvas->width);
		return;
	}
	if (rates_of_site(&model->rates, model->snapshot, row.process, site, RATES_ALL_THREADS, &rate))
		row.rate = &rate;
	stack_resolve(model->frames, model->native, row.process, site, stack);
	add_name(&lines, stack);
	add_columns(&lines, &row, canvas->width);
	add_calls(&lines, site);
	add_chart(&lines, &row, canvas->width);
	add_verdict(&lines, &row, canvas->width);
	add_stack(&lines, site, stack, canvas->width);
	add_holders(&lines, &row);
	lines_show(&lines, model, canvas, from, to);
}
