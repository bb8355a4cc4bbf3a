/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WHAT CHANGED: a line and a bar for each call path, then the stacks of the first ones. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "report/text_diff.h"

#define DEFAULT_ROWS 10
#define STACKS 3 /* shown unless -v */
#define INDENT 4
#define NUMBER_WIDTH 3
#define VALUE_WIDTH 9
#define CHANGE_WIDTH 10
#define BAR 6 /* cells of the longest bar, to either side */
#define BARS_WIDTH (2 * BAR + 1)

/* As many bytes as before, but now they grow, or no longer: that is news. Between the other
 * verdicts a few events more or less decide. */
bool text_diff_wanted(const struct diff_row *row)
{
	return row->change != DIFF_SAME ||
	       (row->verdict_changed && (row->parts[DIFF_BEFORE].verdict == PATTERN_GROWING ||
					 row->parts[DIFF_AFTER].verdict == PATTERN_GROWING));
}

/* What the row is called by, and its stack. */
static const struct diff_part *choose_part(struct text_diff *text, const struct diff_row *row,
					   struct stack *ret_stack)
{
	unsigned int side = diff_row_side(row);
	const struct diff_part *part = &row->parts[side];

	text_diff_side(text, side);
	stack_resolve(text->text.options->frames, text->text.options->native, part->process,
		      part->site, ret_stack);
	return part;
}

static const char *format_live(char *buffer, const struct snapshot_counts *counts)
{
	return counts->live_blocks ? units_format_bytes(buffer, UNITS_BUFFER, counts->live_bytes) :
				     "-";
}

/* A bar from the middle, to the right for more and to the left for less; half a cell is
 * the least. */
static void put_bar(struct text_diff *text, int64_t change, double longest)
{
	struct layout *layout = &text->text.layout;
	double size = change < 0 ? -(double)change : (double)change;
	size_t halves = change && longest > 0 ? (size_t)(size / longest * 2 * BAR + 0.5) : 0;
	size_t middle = layout->column + BAR;
	char bar[BAR * 3 + 1] = "";

	halves = change && !halves ? 1 : halves;
	if (change < 0)
		layout_to(layout, middle - (halves + 1) / 2);
	if (change < 0 && halves % 2)
		strcat(bar, "▐");
	for (size_t i = 0; i < halves / 2; i++)
		strcat(bar, "█");
	if (change > 0 && halves % 2)
		strcat(bar, "▌");
	if (change < 0)
		layout_put(layout, STYLE_GOOD, bar);
	layout_to(layout, middle);
	layout_put(layout, STYLE_DIM, "│");
	if (change > 0)
		layout_put(layout, STYLE_ALARM, bar);
}

static void put_line(struct text_diff *text, size_t number, const struct diff_row *row,
		     double longest)
{
	struct layout *layout = &text->text.layout;
	size_t name_width = layout->width - 2 * VALUE_WIDTH - CHANGE_WIDTH - BARS_WIDTH - 4;
	char label[32], name[TEXT_SITE_NAME], value[UNITS_BUFFER];
	int64_t change = diff_row_bytes(row);
	struct stack stack;

	choose_part(text, row, &stack);
	snprintf(label, sizeof(label), "%*zu ", NUMBER_WIDTH - 1, number);
	layout_put(layout, STYLE_PLAIN, label);
	name_width -= layout->column;
	layout_cell(layout, STYLE_NAME, text_site_name(&stack, name_width, name), name_width, false);
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		layout_to(layout, layout->column + 1);
		layout_cell(layout, STYLE_PLAIN, format_live(value, &row->parts[side].counts),
			    VALUE_WIDTH, true);
	}
	layout_to(layout, layout->column + 1);
	layout_cell(layout, STYLE_HEADING, text_diff_bytes(value, change), CHANGE_WIDTH, true);
	layout_to(layout, layout->column + 1);
	put_bar(text, change, longest);
	layout_newline(layout);
}

/* "growing by 1.14 MB/s", "static". */
static void format_verdict(const struct text_diff *text, const struct diff_row *row,
			   unsigned int side, char *buffer, size_t size)
{
	const struct diff_part *part = &row->parts[side];
	char rate[UNITS_BUFFER];
	struct pattern pattern;

	pattern_find(text->report->diff->sides[side].snapshot, part->process, part->site, &pattern);
	if (pattern.name == PATTERN_GROWING)
		snprintf(buffer, size, "growing by %s/s",
			 units_format_bytes(rate, sizeof(rate), text_diff_whole(pattern.growth_bytes_per_s)));
	else
		snprintf(buffer, size, "%s", pattern_title(pattern.name));
}

/* Of sampled blocks: "+1.2 MB to +1.9 MB". */
static void put_interval(struct text_diff *text, const struct diff_row *row)
{
	struct estimate_change change = diff_row_interval(row);
	bool chance = change.low <= 0 && change.high >= 0;
	char low[UNITS_BUFFER], high[UNITS_BUFFER];

	if (diff_is_sampled(text->process))
		layout_item(&text->text.layout, chance ? STYLE_NOTICE : STYLE_PLAIN, "%s to %s%s",
			    text_diff_bytes(low, change.low), text_diff_bytes(high, change.high),
			    chance ? ", may be chance" : "");
}

/* "appeared · growing by 1.14 MB/s", "grew · static → growing by …", "vanished · was static" */
static void put_words(struct text_diff *text, const struct diff_row *row)
{
	struct layout *layout = &text->text.layout;
	const struct diff_part *before = &row->parts[DIFF_BEFORE], *after = &row->parts[DIFF_AFTER];
	int64_t blocks = diff_of(before->counts.live_blocks, after->counts.live_blocks);
	char was[64] = "", is[64] = "", number[UNITS_BUFFER];
	size_t stacks = before->site_count > after->site_count ? before->site_count
							       : after->site_count;

	if (before->counts.live_blocks)
		format_verdict(text, row, DIFF_BEFORE, was, sizeof(was));
	if (after->counts.live_blocks)
		format_verdict(text, row, DIFF_AFTER, is, sizeof(is));
	layout_begin_list(layout, INDENT);
	layout_item(layout, STYLE_PLAIN, "%s", diff_change_name(row->change));
	put_interval(text, row);
	if (was[0] && is[0] && strcmp(was, is) != 0)
		layout_item(layout, text_verdict_style(after->verdict), "%s → %s", was, is);
	else if (is[0])
		layout_item(layout, text_verdict_style(after->verdict), "%s", is);
	else if (was[0])
		layout_item(layout, STYLE_PLAIN, "was %s", was);
	if (blocks)
		layout_item(layout, STYLE_PLAIN, "%s block%s", text_diff_count(number, blocks),
			    blocks == 1 || blocks == -1 ? "" : "s");
	if (row->change == DIFF_APPEARED && before->counts.allocated_blocks)
		layout_item(layout, STYLE_PLAIN, "before, all of it was freed");
	if (row->change == DIFF_VANISHED && after->counts.allocated_blocks)
		layout_item(layout, STYLE_PLAIN, "now all of it is freed");
	if (stacks > 1)
		layout_item(layout, STYLE_DIM, "%zu stacks with these names", stacks);
	layout_end_list(layout);
}

static void put_stack(struct text_diff *text, size_t number, const struct diff_row *row)
{
	struct layout *layout = &text->text.layout;
	char line[80 + sizeof(((struct pattern *)0)->text)], name[TEXT_SITE_NAME];
	const struct diff_part *part;
	struct pattern pattern;
	struct stack stack;

	part = choose_part(text, row, &stack);
	pattern_find(text->text.row.snapshot, part->process, part->site, &pattern);
	snprintf(line, sizeof(line), "%*zu ", NUMBER_WIDTH - 1, number);
	layout_put(layout, STYLE_PLAIN, line);
	layout_put(layout, STYLE_NAME,
		   text_site_name(&stack, layout->width - layout->column, name));
	layout_newline(layout);
	if (part->site_count > 1)
		snprintf(line, sizeof(line), "Of %zu stacks with these names, on the largest: %s",
			 part->site_count, pattern.text);
	else
		snprintf(line, sizeof(line), "%s", pattern.text);
	layout_paragraph(layout, text_verdict_style(pattern.name), INDENT, line);
	text->text.row.site = part->site;
	text_site_stack(&text->text, &stack);
}

static void put_heading(struct text_diff *text)
{
	struct layout *layout = &text->text.layout;

	layout_newline(layout);
	layout_cell(layout, STYLE_HEADING, "WHAT CHANGED",
		    layout->width - 2 * VALUE_WIDTH - CHANGE_WIDTH - BARS_WIDTH - 4, false);
	layout_cell(layout, STYLE_HEADING, "BEFORE", VALUE_WIDTH + 1, true);
	layout_cell(layout, STYLE_HEADING, "AFTER", VALUE_WIDTH + 1, true);
	layout_cell(layout, STYLE_HEADING, "CHANGE", CHANGE_WIDTH + 1, true);
	layout_cell(layout, STYLE_DIM, "less │ more", BARS_WIDTH, true);
	layout_newline(layout);
}

static void put_rest(struct text_diff *text, size_t count, const uint64_t bytes[DIFF_SIDES])
{
	char change[UNITS_BUFFER], number[UNITS_BUFFER], line[128];

	if (!count)
		return;
	snprintf(line, sizeof(line), "… and %s more call path%s, %s in all (-n shows more)",
		 units_format_count(number, sizeof(number), count), count == 1 ? "" : "s",
		 text_diff_bytes(change, diff_of(bytes[DIFF_BEFORE], bytes[DIFF_AFTER])));
	layout_paragraph(&text->text.layout, STYLE_DIM, 0, line);
}

static double longest_of(const struct diff_process *process)
{
	double longest = 0;

	for (size_t i = 0; i < process->row_count; i++) {
		double change = (double)diff_row_bytes(&process->rows[i]);

		change = change < 0 ? -change : change;
		longest = change > longest ? change : longest;
	}
	return longest;
}

static void put_stacks(struct text_diff *text, size_t limit)
{
	size_t number = 0;

	layout_newline(&text->text.layout);
	layout_put(&text->text.layout, STYLE_HEADING, "CALL PATHS");
	layout_newline(&text->text.layout);
	for (size_t i = 0; i < text->process->row_count && number < limit; i++) {
		if (text_diff_wanted(&text->process->rows[i]))
			put_stack(text, ++number, &text->process->rows[i]);
	}
}

void text_diff_rows(struct text_diff *text)
{
	const struct diff_process *process = text->process;
	const struct report_options *look = &text->report->sides[DIFF_AFTER];
	size_t limit = look->rows ? look->rows : DEFAULT_ROWS, wanted = 0, shown = 0;
	double longest = longest_of(process);
	uint64_t rest[DIFF_SIDES] = { 0 };

	for (size_t i = 0; i < process->row_count; i++)
		wanted += text_diff_wanted(&process->rows[i]);
	if (!wanted)
		return;
	limit = text_shown(wanted, limit);
	put_heading(text);
	for (size_t i = 0; i < process->row_count; i++) {
		const struct diff_row *row = &process->rows[i];

		if (!text_diff_wanted(row))
			continue;
		if (shown == limit) {
			rest[DIFF_BEFORE] += row->parts[DIFF_BEFORE].counts.live_bytes;
			rest[DIFF_AFTER] += row->parts[DIFF_AFTER].counts.live_bytes;
			continue;
		}
		put_line(text, ++shown, row, longest);
		put_words(text, row);
	}
	put_rest(text, wanted - shown, rest);
	put_stacks(text, look->verbose || shown < STACKS ? shown : STACKS);
}
