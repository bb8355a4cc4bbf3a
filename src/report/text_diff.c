/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The diff for a person: what is compared, one sentence that says what became of live
 * memory and where, the totals, how it went over time, and the call paths that made
 * the difference.
 */
#include "report/text_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

#define DEFAULT_WIDTH 80
#define LABEL_WIDTH 8  /* "before  " */
#define TOTAL_WIDTH 22 /* of a total's name */
#define VALUE_WIDTH 10
#define SHARE_WIDTH 8
#define UNEQUAL 1.1 /* a run so many times longer than the other is one to mention */

static const char *const side_names[DIFF_SIDES] = { "before", "after" };

void text_diff_side(struct text_diff *text, unsigned int side)
{
	text->text.options = &text->report->sides[side];
	text->text.row.snapshot = text->report->diff->sides[side].snapshot;
}

static const char *sign(int64_t change)
{
	return change > 0 ? "+" : change < 0 ? "-" : "";
}

uint64_t text_diff_whole(double value)
{
	/* 2^64 as a double is the first that does not fit. */
	return !(value > 0) ? 0 : value < 18446744073709551616.0 ? (uint64_t)value : UINT64_MAX;
}

char *text_diff_bytes(char *buffer, int64_t change)
{
	char number[UNITS_BUFFER];

	snprintf(buffer, UNITS_BUFFER, "%s%.30s", sign(change),
		 units_format_bytes(number, sizeof(number), (uint64_t)llabs(change)));
	return buffer;
}

char *text_diff_count(char *buffer, int64_t change)
{
	char number[UNITS_BUFFER];

	snprintf(buffer, UNITS_BUFFER, "%s%.30s", sign(change),
		 units_format_count(number, sizeof(number), (uint64_t)llabs(change)));
	return buffer;
}

/* --- what is compared ------------------------------------------------------ */

static void put_file(struct text_diff *text, unsigned int side)
{
	char name[256];

	text_clean(name, sizeof(name), text->report->files[side], strlen(text->report->files[side]));
	layout_item(&text->text.layout, STYLE_NAME, "%s", name);
}

static void put_moment(struct text_diff *text)
{
	const struct snapshot *snapshot = text->text.row.snapshot;
	char moment[TEXT_MOMENT];

	if (snapshot->window.at_set)
		layout_item(&text->text.layout, STYLE_NAME, "%s",
			    text_moment(snapshot, snapshot->window.at, snapshot->now_ns, moment));
	else if (text->report->diff->one_trace)
		layout_item(&text->text.layout, STYLE_NAME, "the end");
}

static void put_processes(struct text_diff *text)
{
	const struct snapshot *snapshot = text->text.row.snapshot;
	char name[128];

	if (snapshot->process_count == 1)
		layout_item(&text->text.layout, STYLE_HEADING, "%s",
			    text_process_name(&snapshot->processes[0], name, sizeof(name)));
	else
		layout_item(&text->text.layout, STYLE_HEADING, "%zu processes",
			    snapshot->process_count);
}

/* "before  old.outlive · shopd (4242) · recording of 60 s · exact, …" */
static void put_side(struct text_diff *text, unsigned int side)
{
	struct layout *layout = &text->text.layout;

	text_diff_side(text, side);
	layout_put(layout, STYLE_HEADING, side_names[side]);
	layout_begin_list(layout, LABEL_WIDTH);
	/* Of one trace everything is told once. */
	if (!text->report->diff->one_trace || side == DIFF_BEFORE)
		put_file(text, side);
	put_moment(text);
	if (text->report->diff->one_trace && side == DIFF_BEFORE) {
		layout_end_list(layout);
		return;
	}
	put_processes(text);
	text_quality(&text->text);
}

/* What grows with time grew less in a shorter run: say so. */
static void put_lengths(struct text_diff *text)
{
	const struct diff_side *sides = text->report->diff->sides;
	double before = (double)sides[DIFF_BEFORE].duration_ns;
	double after = (double)sides[DIFF_AFTER].duration_ns;
	char a[UNITS_BUFFER], b[UNITS_BUFFER], line[160];

	if (text->report->diff->one_trace || !(before > 0) || !(after > 0) ||
	    (before < UNEQUAL * after && after < UNEQUAL * before))
		return;
	snprintf(line, sizeof(line),
		 "The runs are of %s and %s: what grows with time had less of it in the %s one. "
		 "Compare rates.",
		 units_format_duration(a, sizeof(a), sides[DIFF_BEFORE].duration_ns),
		 units_format_duration(b, sizeof(b), sides[DIFF_AFTER].duration_ns),
		 before < after ? "first" : "second");
	layout_paragraph(&text->text.layout, STYLE_NOTICE, 0, line);
}

/* --- totals ----------------------------------------------------------------- */

/* "6.0 ×", "+12 %", "-81 %"; nothing to say of 0 and of what stayed. */
static char *format_share(char *buffer, size_t size, uint64_t before, uint64_t after)
{
	double share = before ? (double)after / (double)before : 0;

	buffer[0] = '\0';
	if (!before || before == after)
		return buffer;
	if (share >= 10)
		snprintf(buffer, size, "× %.0f", share);
	else if (share >= 2)
		snprintf(buffer, size, "× %.1f", share);
	else
		snprintf(buffer, size, "%+.*f %%", share > 0.99 && share < 1.01 ? 1 : 0,
			 100 * (share - 1));
	return buffer;
}

static void put_cells(struct text_diff *text, const char *name, enum style style,
		      const char *before, const char *after, const char *change, const char *share)
{
	struct layout *layout = &text->text.layout;

	layout_cell(layout, style, name, TOTAL_WIDTH, false);
	layout_cell(layout, style, before, VALUE_WIDTH, true);
	layout_cell(layout, style, after, VALUE_WIDTH, true);
	layout_cell(layout, style, change, VALUE_WIDTH, true);
	layout_cell(layout, style, share, SHARE_WIDTH, true);
	layout_newline(layout);
}

static void put_bytes(struct text_diff *text, const char *name, enum style style, uint64_t before,
		      uint64_t after)
{
	char a[UNITS_BUFFER], b[UNITS_BUFFER], c[UNITS_BUFFER], share[UNITS_BUFFER];

	put_cells(text, name, style, units_format_bytes(a, sizeof(a), before),
		  units_format_bytes(b, sizeof(b), after),
		  text_diff_bytes(c, diff_of(before, after)),
		  format_share(share, sizeof(share), before, after));
}

static void put_known_bytes(struct text_diff *text, const char *name, uint64_t before,
			    uint64_t after)
{
	char a[UNITS_BUFFER], b[UNITS_BUFFER];

	if (before && after)
		put_bytes(text, name, STYLE_PLAIN, before, after);
	else if (before || after)
		put_cells(text, name, STYLE_PLAIN,
			  before ? units_format_bytes(a, sizeof(a), before) : "-",
			  after ? units_format_bytes(b, sizeof(b), after) : "-", "", "");
}

static void put_blocks(struct text_diff *text, uint64_t before, uint64_t after)
{
	char a[UNITS_BUFFER], b[UNITS_BUFFER], c[UNITS_BUFFER], share[UNITS_BUFFER];

	put_cells(text, "live blocks", STYLE_PLAIN, units_format_count(a, sizeof(a), before),
		  units_format_count(b, sizeof(b), after),
		  text_diff_count(c, diff_of(before, after)),
		  format_share(share, sizeof(share), before, after));
}

static uint64_t per_second(uint64_t bytes, uint64_t duration_ns)
{
	return duration_ns ? text_diff_whole((double)bytes / ((double)duration_ns / 1e9)) : 0;
}

static void put_totals(struct text_diff *text)
{
	const struct diff_program *before = &text->process->sides[DIFF_BEFORE];
	const struct diff_program *after = &text->process->sides[DIFF_AFTER];
	const struct diff *diff = text->report->diff;

	put_cells(text, "", STYLE_HEADING, "BEFORE", "AFTER", "CHANGE", "");
	put_bytes(text, "live", STYLE_HEADING, before->counts.live_bytes, after->counts.live_bytes);
	put_blocks(text, before->counts.live_blocks, after->counts.live_blocks);
	put_known_bytes(text, "resident", before->rss_bytes, after->rss_bytes);
	put_known_bytes(text, "resident at most", before->peak_rss_bytes, after->peak_rss_bytes);
	if (diff->one_trace)
		put_bytes(text, "allocated so far", STYLE_PLAIN, before->counts.allocated_bytes,
			  after->counts.allocated_bytes);
	else
		put_bytes(text, "allocated per second", STYLE_PLAIN,
			  per_second(before->counts.allocated_bytes,
				     diff->sides[DIFF_BEFORE].duration_ns),
			  per_second(after->counts.allocated_bytes,
				     diff->sides[DIFF_AFTER].duration_ns));
}

/* "── shopd, 4 processes before, 2 after ──────" */
static void put_rule(struct text_diff *text)
{
	const struct diff_program *sides = text->process->sides;
	struct layout *layout = &text->text.layout;
	char name[64], line[160];

	text_clean(name, sizeof(name), text->process->name, strlen(text->process->name));
	if (text->report->diff->one_trace && sides[DIFF_AFTER].process_count)
		text_process_name(sides[DIFF_AFTER].process, line, sizeof(line));
	else if (sides[DIFF_BEFORE].process_count == sides[DIFF_AFTER].process_count)
		snprintf(line, sizeof(line), "%s, %zu process%s", name[0] ? name : "?",
			 sides[DIFF_AFTER].process_count,
			 sides[DIFF_AFTER].process_count == 1 ? "" : "es");
	else
		snprintf(line, sizeof(line), "%s, %zu process%s before, %zu after",
			 name[0] ? name : "?", sides[DIFF_BEFORE].process_count,
			 sides[DIFF_BEFORE].process_count == 1 ? "" : "es",
			 sides[DIFF_AFTER].process_count);
	layout_newline(layout);
	layout_put(layout, STYLE_DIM, "── ");
	layout_put(layout, STYLE_HEADING, line);
	layout_put(layout, STYLE_PLAIN, " ");
	while (layout->column < layout->width)
		layout_put(layout, STYLE_DIM, "─");
	layout_newline(layout);
}

static void put_process(struct text_diff *text)
{
	layout_newline(&text->text.layout);
	text_diff_headline(text);
	layout_newline(&text->text.layout);
	put_totals(text);
	text_diff_chart(text);
	text_diff_rows(text);
}

/* Programs in which nothing at all happened are not worth a heading. */
static bool has_changed(const struct diff_process *process)
{
	for (size_t i = 0; i < process->row_count; i++) {
		if (text_diff_wanted(&process->rows[i]))
			return true;
	}
	return process->sides[DIFF_BEFORE].process_count != process->sides[DIFF_AFTER].process_count;
}

static void put_many(struct text_diff *text)
{
	const struct diff *diff = text->report->diff;
	size_t same = 0;
	char line[96];

	for (size_t i = 0; i < diff->process_count; i++) {
		text->process = &diff->processes[i];
		if (!has_changed(text->process)) {
			same++;
			continue;
		}
		put_rule(text);
		put_process(text);
	}
	if (!same)
		return;
	snprintf(line, sizeof(line), "%zu %s %s as before.", same,
		 diff->one_trace ? same == 1 ? "process" : "processes" :
		 same == 1	 ? "program" : "programs",
		 same == 1 ? "is" : "are");
	layout_newline(&text->text.layout);
	layout_paragraph(&text->text.layout, STYLE_PLAIN, 0, line);
}

int diff_text(FILE *file, const struct diff_report *report)
{
	const struct report_options *look = &report->sides[DIFF_AFTER];
	size_t width = look->width ? look->width : DEFAULT_WIDTH;
	struct text_diff text = {
		.text.layout = {
			.output = { .file = file },
			.width = width < LAYOUT_MIN_WIDTH ? LAYOUT_MIN_WIDTH : width,
			.colour = look->colour,
		},
		.report = report,
	};

	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		put_side(&text, side);
	put_lengths(&text);
	if (report->diff->process_count == 1) {
		text.process = &report->diff->processes[0];
		put_process(&text);
	} else {
		put_many(&text);
	}
	return output_finish(&text.text.layout.output);
}
