/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of it: live bytes before and after, side by side, on one scale of bytes
 * and one of time.
 *
 *   LIVE OVER TIME   before                         after
 *   25.4 MB ┤                    ▁▄▇█              ┤
 *           │             ▁▃▆████████              │
 *           │      ▁▄▆███████████████              │
 *       0 B ┤ ▁▄█████████████████████              ┤ ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
 *            0 ns               60.0 s               0 ns        48.2 s
 */
#include "base/units.h"
#include "report/chart.h"
#include "report/text_diff.h"

#define LABEL 9	 /* columns left of the first axis */
#define AXIS 2	 /* of an axis */
#define GAP 3	 /* between the two */
#define HEIGHT 5 /* lines of bars */
#define TIME 8	 /* columns of one on the axis */

struct picture {
	size_t columns;
	uint64_t span_ns, high;
	struct chart_course courses[DIFF_SIDES];
	uint64_t values[DIFF_SIDES][CHART_COLUMNS_MOST];
	size_t covered[DIFF_SIDES];
};

static bool find_course(const struct snapshot *snapshot, const struct diff_program *program,
			struct chart_course *ret_course)
{
	const struct snapshot_process *process = program->process;
	uint64_t end_ns;

	if (program->process_count != 1 || !process->live_bytes_series || !process->series_count)
		return false;
	end_ns = process->exited && process->last_ns < snapshot->now_ns ? process->last_ns
									: snapshot->now_ns;
	if (!process->series_interval_ns || end_ns <= process->series_start_ns)
		return false;
	*ret_course = (struct chart_course){
		.points = process->live_bytes_series,
		.count = process->series_count < SNAPSHOT_SERIES_POINTS ? process->series_count
									: SNAPSHOT_SERIES_POINTS,
		.interval_ns = process->series_interval_ns,
		.now = process->counts.live_bytes,
		.length_ns = end_ns - process->series_start_ns,
	};
	return true;
}

static bool make_picture(const struct text_diff *text, struct picture *picture)
{
	size_t room = (text->text.layout.width - LABEL - 2 * AXIS - GAP) / 2;

	*picture = (struct picture){
		.columns = room < CHART_COLUMNS_MOST ? room : CHART_COLUMNS_MOST,
	};
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		if (!find_course(text->report->diff->sides[side].snapshot,
				 &text->process->sides[side], &picture->courses[side]))
			return false;
		if (picture->courses[side].length_ns > picture->span_ns)
			picture->span_ns = picture->courses[side].length_ns;
	}
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		uint64_t high;

		picture->covered[side] = chart_resample(&picture->courses[side], picture->span_ns,
							picture->columns, picture->values[side]);
		high = chart_highest(picture->values[side], picture->columns);
		picture->high = high > picture->high ? high : picture->high;
	}
	return picture->high > 0;
}

/* Where the bars of a side begin. */
static size_t left_of(const struct picture *picture, unsigned int side)
{
	return LABEL + AXIS + side * (picture->columns + GAP + AXIS);
}

static void put_heading(struct text_diff *text, const struct picture *picture)
{
	struct layout *layout = &text->text.layout;

	layout_newline(layout);
	layout_to(layout, left_of(picture, DIFF_BEFORE));
	layout_put(layout, STYLE_HEADING, "LIVE BEFORE");
	layout_to(layout, left_of(picture, DIFF_AFTER));
	layout_put(layout, STYLE_HEADING, "AFTER");
	layout_newline(layout);
}

static void put_line(struct text_diff *text, const struct picture *picture, unsigned int line)
{
	struct layout *layout = &text->text.layout;
	char label[UNITS_BUFFER] = "", row[CHART_ROW_BYTES];
	bool labelled = line == 0 || line == HEIGHT - 1;

	if (labelled)
		units_format_bytes(label, sizeof(label), line ? picture->high : 0);
	layout_cell(layout, STYLE_PLAIN, label, LABEL, true);
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		layout_to(layout, left_of(picture, side) - AXIS);
		layout_put(layout, STYLE_DIM, labelled ? " ┤" : " │");
		layout_put(layout, side == DIFF_BEFORE ? STYLE_DIM : STYLE_NAME,
			   chart_area_line(picture->values[side], picture->columns, picture->high,
					   line, HEIGHT, row));
	}
	layout_newline(layout);
}

/* The end of each, below it. */
static void put_times(struct text_diff *text, const struct picture *picture)
{
	struct layout *layout = &text->text.layout;
	char time[UNITS_BUFFER];

	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		size_t end = picture->covered[side] > TIME ? picture->covered[side] : TIME;

		layout_to(layout, left_of(picture, side));
		layout_cell(layout, STYLE_DIM,
			    units_format_duration(time, sizeof(time),
						  picture->courses[side].length_ns),
			    end, true);
	}
	layout_newline(layout);
}

void text_diff_chart(struct text_diff *text)
{
	struct picture picture;

	if (text->report->diff->one_trace || !make_picture(text, &picture))
		return;
	put_heading(text, &picture);
	for (unsigned int line = HEIGHT; line > 0; line--)
		put_line(text, &picture, line - 1);
	put_times(text, &picture);
}
