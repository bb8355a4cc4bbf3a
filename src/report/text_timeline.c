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
#include "report/timeline.h"

#define LABEL 10   /* columns left of the axis */
#define TIME 10    /* columns of one on the axis */
#define HEIGHT 6   /* lines of bars, of 8 levels each */
#define BARS_MOST 128
#define LEVELS 8
#define BAR_BYTES 4 /* of one in UTF-8, and its end */

static const char *const bars[LEVELS + 1] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

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
		.columns = width < BARS_MOST ? width : BARS_MOST,
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

/* The end of column `column`, as a share of all time. */
static double share_of(const struct chart *chart, size_t column)
{
	return (double)(column + 1) / (double)chart->columns;
}

/* The highest of the points within every column; where there are fewer points than
 * columns a point lasts until the next. The last column ends with `now`. */
static void resample(const struct chart *chart, const uint64_t *points, uint64_t now,
		     uint64_t values[BARS_MOST])
{
	double span = (double)(chart->end_ns - chart->start_ns);
	double interval = (double)chart->process->series_interval_ns;
	size_t taken = 0;
	uint64_t last = 0;

	for (size_t c = 0; c < chart->columns; c++) {
		double end = span * share_of(chart, c);
		uint64_t high = last;
		bool any = false;

		for (; taken < chart->points && (double)(taken + 1) * interval <= end; taken++) {
			last = points[taken];
			high = any && high > last ? high : last;
			any = true;
		}
		values[c] = high;
	}
	values[chart->columns - 1] = now;
}

static uint64_t highest(const uint64_t *values, size_t count)
{
	uint64_t high = 0;

	for (size_t i = 0; i < count; i++)
		high = values[i] > high ? values[i] : high;
	return high;
}

/* How many of `levels` eighths: anything at all shows. */
static unsigned int level(uint64_t value, uint64_t high, unsigned int levels)
{
	unsigned int filled = high ? (unsigned int)((double)value / (double)high * levels) : 0;

	return value && !filled ? 1 : filled < levels ? filled : levels;
}

static void put_bars(struct text *text, const struct chart *chart, const uint64_t *values,
		     uint64_t high, unsigned int line)
{
	char row[BARS_MOST * BAR_BYTES + 1];
	size_t used = 0, end = 0;

	for (size_t c = 0; c < chart->columns; c++) {
		unsigned int filled = level(values[c], high, HEIGHT * LEVELS);
		unsigned int below = (HEIGHT - 1 - line) * LEVELS;
		unsigned int here = filled > below ? filled - below : 0;
		const char *bar = bars[here < LEVELS ? here : LEVELS];

		memcpy(row + used, bar, strlen(bar));
		used += strlen(bar);
		end = here ? used : end;
	}
	row[end] = '\0';
	layout_put(&text->layout, STYLE_NAME, row);
}

static void put_area(struct text *text, const struct chart *chart)
{
	struct layout *layout = &text->layout;
	const struct snapshot_process *process = chart->process;
	uint64_t values[BARS_MOST], high;
	char label[UNITS_BUFFER];

	/* Of all blocks, also in a window: the past of a part is not kept. */
	resample(chart, process->live_bytes_series,
		 (process->whole ? process->whole : process)->counts.live_bytes, values);
	high = highest(values, chart->columns);
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
		put_bars(text, chart, values, high, line);
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
	char row[BARS_MOST * BAR_BYTES + 1], at_most[UNITS_BUFFER], at_end[UNITS_BUFFER];
	uint64_t values[BARS_MOST], high;
	char numbers[2 * UNITS_BUFFER + 32];
	size_t used = 0, end = 0;

	resample(chart, points, now, values);
	high = highest(values, chart->columns);
	snprintf(numbers, sizeof(numbers), ", now %s, at most %s",
		 units_format_bytes(at_end, sizeof(at_end), now),
		 units_format_bytes(at_most, sizeof(at_most), high));
	text_fit(row, sizeof(row), name, text->layout.width - text_width(numbers));
	layout_put(&text->layout, STYLE_PLAIN, row);
	layout_put(&text->layout, STYLE_DIM, numbers);
	layout_newline(&text->layout);
	for (size_t c = 0; c < chart->columns; c++) {
		unsigned int filled = level(values[c], high, LEVELS);

		memcpy(row + used, bars[filled], strlen(bars[filled]));
		used += strlen(bars[filled]);
		end = filled ? used : end;
	}
	row[end] = '\0';
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
