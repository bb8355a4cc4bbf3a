/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The diff for a person: what is compared, one sentence that says what became of live
 * memory and where, the totals, how it went over time, and the call paths that made
 * the difference.
 */
#include "report/text_diff.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/sentence.h"
#include "base/units.h"

#define DEFAULT_WIDTH 80
#define LABEL_WIDTH 8  /* "before  " */
#define TOTAL_WIDTH 22 /* of a total's name */
#define VALUE_WIDTH 10
#define SHARE_WIDTH 8
#define UNEQUAL 1.1 /* a run so many times longer than the other is one to mention */
#define MOST 0.5    /* of the change: a call path that made so much of it is named */

static const char *const side_names[DIFF_SIDES] = { "before", "after" };

void text_diff_side(struct text_diff *text, unsigned int side)
{
	text->text.options = &text->report->sides[side];
	text->text.row.snapshot = text->report->diff->sides[side].snapshot;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
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
		 units_format_bytes(number, sizeof(number), magnitude(change)));
	return buffer;
}

char *text_diff_count(char *buffer, int64_t change)
{
	char number[UNITS_BUFFER];

	snprintf(buffer, UNITS_BUFFER, "%s%.30s", sign(change),
		 units_format_count(number, sizeof(number), magnitude(change)));
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

/* --- in one sentence -------------------------------------------------------- */

/* "1 call path appeared, 2 grew; 96 are as before". */
static void say_changes(struct sentence *sentence, const struct diff_process *process)
{
	static const struct {
		enum diff_change change;
		const char *one, *many;
	} kinds[] = {
		{ DIFF_APPEARED, "appeared", "appeared" },
		{ DIFF_GREW, "grew", "grew" },
		{ DIFF_SHRANK, "shrank", "shrank" },
		{ DIFF_VANISHED, "vanished", "vanished" },
		{ DIFF_SAME, "is as before", "are as before" },
	};
	bool first = true;

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		size_t count = process->changes[kinds[i].change];
		char number[UNITS_BUFFER];

		if (!count)
			continue;
		say(sentence, "%s%s %s%s", first ? "" : kinds[i].change == DIFF_SAME ? "; " : ", ",
		    units_format_count(number, sizeof(number), count),
		    !first ? "" : count == 1 ? "call path " : "call paths ",
		    count == 1 ? kinds[i].one : kinds[i].many);
		first = false;
	}
	if (!first)
		say(sentence, ".");
}

/* ": +20.1 MB at leak (shop.c:88)" if one call path made most of the change. */
static void say_culprit(struct sentence *sentence, struct text_diff *text, int64_t change)
{
	const struct diff_row *row = NULL;
	char name[TEXT_SITE_NAME], bytes[UNITS_BUFFER];
	const struct diff_part *part;
	unsigned int side;
	struct stack stack;

	for (size_t i = 0; i < text->process->row_count; i++) {
		int64_t of_row = diff_row_bytes(&text->process->rows[i]);

		if ((change > 0) == (of_row > 0) &&
		    (!row || magnitude(of_row) > magnitude(diff_row_bytes(row))))
			row = &text->process->rows[i];
	}
	if (!row || (double)magnitude(diff_row_bytes(row)) < MOST * (double)magnitude(change))
		return;
	side = diff_row_side(row);
	part = &row->parts[side];
	text_diff_side(text, side);
	stack_resolve(text->text.options->frames, text->text.options->native, part->process,
		      part->site, &stack);
	say(sentence, ": %s at %.200s", text_diff_bytes(bytes, diff_row_bytes(row)),
	    text_site_name(&stack, 60, name));
}

static void put_headline(struct text_diff *text)
{
	uint64_t before = text->process->sides[DIFF_BEFORE].counts.live_bytes;
	uint64_t after = text->process->sides[DIFF_AFTER].counts.live_bytes;
	int64_t change = diff_of(before, after);
	char a[UNITS_BUFFER], b[UNITS_BUFFER], c[UNITS_BUFFER];
	struct sentence sentence = { .length = 0 };

	units_format_bytes(a, sizeof(a), before);
	units_format_bytes(b, sizeof(b), after);
	if (change)
		say(&sentence, "Live memory %s by %s, from %s to %s", change > 0 ? "grew" : "shrank",
		    units_format_bytes(c, sizeof(c), magnitude(change)), a, b);
	else
		say(&sentence, "Live memory is the same, %s", a);
	if (change)
		say_culprit(&sentence, text, change);
	say(&sentence, ".");
	layout_paragraph(&text->text.layout,
			 change > 0 ? STYLE_ALARM : change < 0 ? STYLE_GOOD : STYLE_HEADING, 0,
			 sentence.text);
	sentence = (struct sentence){ .length = 0 };
	say_changes(&sentence, text->process);
	if (sentence.length)
		layout_paragraph(&text->text.layout, STYLE_PLAIN, 0, sentence.text);
}

/* Of sampled blocks: how sure it is. */
static void put_interval(struct text_diff *text)
{
	struct estimate_change change = diff_process_interval(text->process);
	char low[UNITS_BUFFER], high[UNITS_BUFFER], line[160];

	if (!diff_is_sampled(text->process))
		return;
	snprintf(line, sizeof(line), "Blocks were sampled: the change lies between %s and %s (95 of 100)%s.",
		 text_diff_bytes(low, change.low), text_diff_bytes(high, change.high),
		 change.low <= 0 && change.high >= 0 ? ", so it may be chance" : "");
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
	put_headline(text);
	put_interval(text);
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
