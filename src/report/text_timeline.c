/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chart of a process: live bytes as bars over time, marks below them, and
 * one line each for resident memory and for the sites that held most.
 *
 *   LIVE OVER TIME
 *   105 MB ┤      ▄▆███████
 *          ┤   ▂▆██████████
 *      0 B ┼▁▄█████████████
 *          0 ns       41.2 s
 *              ▲ login
 *   resident memory, now 301 MB, at most 301 MB
 *           ▂▂▅▅▇███████
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "report/chart.h"
#include "report/timeline.h"

#define LABEL 10   /* columns left of the axis */
#define TIME 10    /* columns of one on the axis */
#define HEIGHT 6   /* lines of bars, of 8 levels each */

/* The time that columns stand for. */
struct chart {
	const struct snapshot_process *process;
	uint64_t origin_ns, start_ns, end_ns; /* origin: of the trace */
	size_t columns, points;
};

static bool make_chart(const struct text *text, struct chart *ret_chart)
{
	const struct snapshot_process *process = text->row.process;
	size_t width = text->layout.width - LABEL - 1;
	struct chart chart = {
		.process = process,
		.origin_ns = text->row.snapshot->start_ns,
		.start_ns = process->series_start_ns,
		.end_ns = text->row.snapshot->now_ns,
		.columns = width < CHART_COLUMNS_MOST ? width : CHART_COLUMNS_MOST,
		.points = process->series_count < SNAPSHOT_SERIES_POINTS ? process->series_count
									 : SNAPSHOT_SERIES_POINTS,
	};

	if (process->exited && process->last_ns < chart.end_ns)
		chart.end_ns = process->last_ns;
	if (!chart.points || !process->series_interval_ns || chart.end_ns <= chart.start_ns)
		return false;
	*ret_chart = chart;
	return true;
}

static void resample(const struct chart *chart, const uint64_t *points, uint64_t now,
		     uint64_t values[CHART_COLUMNS_MOST])
{
	const struct chart_course course = {
		.points = points,
		.count = chart->points,
		.interval_ns = chart->process->series_interval_ns,
		.now = now,
		.length_ns = chart->end_ns - chart->start_ns,
	};

	chart_resample(&course, course.length_ns, chart->columns, values);
}

static void put_area(struct text *text, const struct chart *chart)
{
	struct layout *layout = &text->layout;
	const struct snapshot_process *process = chart->process;
	char label[UNITS_BUFFER], row[CHART_ROW_BYTES];
	uint64_t values[CHART_COLUMNS_MOST], high;

	/* Of all blocks, also in a window: the past of a part is not kept. */
	resample(chart, process->live_bytes_series,
		 (process->whole ? process->whole : process)->counts.live_bytes, values);
	high = chart_highest(values, chart->columns);
	for (unsigned int line = 0; line < HEIGHT; line++) {
		label[0] = '\0';
		if (line == 0)
			units_format_bytes(label, sizeof(label), high);
		else if (line == HEIGHT / 2)
			units_format_bytes(label, sizeof(label), high / 2);
		else if (line + 1 == HEIGHT)
			units_format_bytes(label, sizeof(label), 0);
		layout_cell(layout, STYLE_PLAIN, label, LABEL - 1, true);
		layout_put(layout, STYLE_DIM, label[0] ? " ┤" : " │");
		chart_area_line(values, chart->columns, high, HEIGHT - 1 - line, HEIGHT, row);
		layout_put(layout, STYLE_NAME, row);
		layout_newline(layout);
	}
}

/* Beginning, middle and end, since the trace began. */
static void put_times(struct text *text, const struct chart *chart)
{
	uint64_t span = chart->end_ns - chart->start_ns, first = chart->start_ns - chart->origin_ns;
	size_t middle = chart->columns / 2;
	char time[UNITS_BUFFER];

	layout_to(&text->layout, LABEL + 1);
	layout_cell(&text->layout, STYLE_DIM, units_format_duration(time, sizeof(time), first),
		    middle - TIME, false);
	layout_cell(&text->layout, STYLE_DIM,
		    units_format_duration(time, sizeof(time), first + span / 2), TIME, true);
	layout_cell(&text->layout, STYLE_DIM,
		    units_format_duration(time, sizeof(time), first + span),
		    chart->columns - middle, true);
	layout_newline(&text->layout);
}

/* Arrows where marks are, with their names as far as there is room. */
static void put_marks(struct text *text, const struct chart *chart)
{
	const struct snapshot *snapshot = text->row.snapshot;
	struct layout *layout = &text->layout;
	size_t edge = LABEL + 1 + chart->columns;
	bool any = false;

	for (size_t i = 0; i < snapshot->mark_count; i++) {
		uint64_t time_ns = snapshot->marks[i].time_ns, span = chart->end_ns - chart->start_ns;
		size_t column;

		if (time_ns < chart->start_ns || time_ns > chart->end_ns)
			continue;
		column = LABEL + 1 +
			 (size_t)((double)(time_ns - chart->start_ns) / (double)span *
				  (double)(chart->columns - 1));
		if (any && column < layout->column)
			continue;
		layout_to(layout, column);
		layout_put(layout, STYLE_NOTICE, "▲");
		if (layout->column + 2 + text_width(snapshot->marks[i].name) <= edge) {
			layout_put(layout, STYLE_NOTICE, " ");
			layout_put(layout, STYLE_NOTICE, snapshot->marks[i].name);
			layout_to(layout, layout->column + 1);
		}
		any = true;
	}
	if (any)
		layout_newline(layout);
}

/* "render (app.py:41), now 12.0 MB, at most 105 MB", and below it how it went, on a scale of
 * its own. */
static void put_line(struct text *text, const struct chart *chart, const char *name,
		     const uint64_t *points, uint64_t now)
{
	char row[CHART_ROW_BYTES], at_most[UNITS_BUFFER], at_end[UNITS_BUFFER];
	uint64_t values[CHART_COLUMNS_MOST], high;
	char numbers[2 * UNITS_BUFFER + 32];

	resample(chart, points, now, values);
	high = chart_highest(values, chart->columns);
	snprintf(numbers, sizeof(numbers), ", now %s, at most %s",
		 units_format_bytes(at_end, sizeof(at_end), now),
		 units_format_bytes(at_most, sizeof(at_most), high));
	text_fit(row, sizeof(row), name, text->layout.width - text_width(numbers));
	layout_put(&text->layout, STYLE_PLAIN, row);
	layout_put(&text->layout, STYLE_DIM, numbers);
	layout_newline(&text->layout);
	chart_area_line(values, chart->columns, high, 0, 1, row);
	layout_to(&text->layout, LABEL + 1);
	layout_put(&text->layout, STYLE_NAME, row);
	layout_newline(&text->layout);
}

static void put_sites(struct text *text, const struct chart *chart)
{
	size_t sites[TIMELINE_SITES], count = timeline_largest(&text->row, sites);
	char name[TEXT_SITE_NAME];
	struct timeline timeline;
	struct stack stack;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_site *site = &chart->process->sites[sites[i]];

		timeline_of_site(chart->process, site, &timeline);
		stack_resolve(text->options->frames, text->options->native, chart->process, site,
			      &stack);
		put_line(text, chart, text_site_name(&stack, SIZE_MAX, name), timeline.bytes,
			 (site->whole ? site->whole : site)->counts.live_bytes);
	}
}

void timeline_text(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	struct chart chart;

	if (!process->live_bytes_series || !process->resident_series || !make_chart(text, &chart))
		return;
	layout_newline(&text->layout);
	layout_put(&text->layout, STYLE_HEADING,
		   process->whole ? "ALL BLOCKS LIVE OVER TIME" : "LIVE OVER TIME");
	layout_newline(&text->layout);
	put_area(text, &chart);
	put_times(text, &chart);
	put_marks(text, &chart);
	if (process->rss_bytes)
		put_line(text, &chart, "resident memory", process->resident_series,
			 process->rss_bytes);
	put_sites(text, &chart);
}
