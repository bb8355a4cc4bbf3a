/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WHAT IS HELD: a line for each site, then its verdict in words and its stack. */
#include <stdio.h>
#include <string.h>

#include "analysis/estimate.h"
#include "analysis/pattern.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "analysis/stack.h"
#include "report/text.h"
#include "stream/stack_status.h"
#include "target/allocators.h"

#define DEFAULT_ROWS 10
#define STACK_FRAMES 8	 /* shown unless -v */
#define NUMBER_WIDTH 3
#define INDENT 4
#define STACK_INDENT 8
#define PLACE_WIDTH 24 /* kept for the module's name beside a function's */

enum style text_verdict_style(enum pattern_name name)
{
	switch (name) {
	case PATTERN_GROWING:
		return STYLE_ALARM;
	case PATTERN_PER_THREAD_SLOT:
		return STYLE_NOTICE;
	default:
		return STYLE_PLAIN;
	}
}

char *text_site_name(const struct stack *stack, size_t width, char buffer[TEXT_SITE_NAME])
{
	const struct frame *frame = stack_title(stack);
	char function[STACK_TEXT], place[STACK_TEXT];

	if (!frame) {
		snprintf(buffer, TEXT_SITE_NAME, "(stack not known)");
		return buffer;
	}
	frame_format(frame, function, sizeof(function));
	frame_format_place(frame, place, sizeof(place));
	snprintf(buffer, TEXT_SITE_NAME, "%s (%s)", function, place);
	/* The function matters more: where both do not fit it stands alone. */
	if (!place[0] || text_width(buffer) > width)
		memcpy(buffer, function, sizeof(function));
	return buffer;
}

static void put_calls(struct text *text, const struct snapshot_site *site)
{
	char number[UNITS_BUFFER];

	for (unsigned int i = 0; i < SNAPSHOT_FUNCTIONS; i++) {
		if (site->calls[i])
			layout_item(&text->layout, STYLE_PLAIN, "%s %s",
				    i ? alloc_function_name((uint8_t)i) : "?",
				    units_format_count(number, sizeof(number), site->calls[i]));
	}
}

/* "blocks 2.0 s to 31.0 s old" */
static void put_ages(struct text *text)
{
	const struct column *oldest = column_find(&site_table, "oldest_live_age_ns");
	const struct column *newest = column_find(&site_table, "newest_live_age_ns");
	const char *plural = text->row.site->counts.live_blocks == 1 ? "" : "s";
	uint64_t low = newest->get(&text->row), high = oldest->get(&text->row);
	char from[UNITS_BUFFER], to[UNITS_BUFFER];

	if (high == COLUMN_NONE)
		return;
	column_format(newest, low, from);
	column_format(oldest, high, to);
	if (strcmp(from, to) == 0)
		layout_item(&text->layout, STYLE_PLAIN, "block%s %s old", plural, to);
	else
		layout_item(&text->layout, STYLE_PLAIN, "block%s %s to %s old", plural, from, to);
}

void text_site_use(struct text *text)
{
	if (text->options->verb != REPORT_SITES)
		return;
	layout_begin_list(&text->layout, INDENT);
	put_calls(text, text->row.site);
	put_ages(text);
	layout_end_list(&text->layout);
}

static bool same_function(const struct frame *a, const struct frame *b)
{
	if (!a->symbol || !b->symbol || strcmp(a->symbol, b->symbol) != 0)
		return false;
	/* Without a module, in a source file: a dozen __init__ may call each other. */
	if (!a->module && !b->module && a->file && b->file)
		return a->line == b->line && strcmp(a->file, b->file) == 0;
	return a->module == b->module;
}

/* One line; `times` > 1 is a function that called itself. */
static void put_frame(struct text *text, const struct frame *frame, size_t times)
{
	size_t width = text->layout.width - STACK_INDENT - PLACE_WIDTH - 2;
	char function[STACK_TEXT], place[STACK_TEXT], name[STACK_TEXT + 64];
	enum style style = frame_is_runtime(frame) ? STYLE_DIM : STYLE_PLAIN;

	frame_format(frame, function, sizeof(function));
	frame_format_place(frame, place, sizeof(place));
	if (times > 1)
		snprintf(name, sizeof(name), "%s  (%zu times)", function, times);
	else if (text->options->verbose && frame->inlined)
		snprintf(name, sizeof(name), "%s (inlined)", function);
	else if (text->options->verbose && frame->symbol)
		snprintf(name, sizeof(name), "%s+0x%llx", function,
			 (unsigned long long)frame->offset);
	else
		memcpy(name, function, sizeof(function));
	layout_to(&text->layout, STACK_INDENT);
	layout_cell(&text->layout, style, name, place[0] ? width : width + 2 + PLACE_WIDTH, false);
	if (place[0]) {
		layout_put(&text->layout, STYLE_PLAIN, "  ");
		layout_cell(&text->layout, STYLE_DIM, place, PLACE_WIDTH, false);
	}
	layout_newline(&text->layout);
}

static void put_stack_end(struct text *text, const struct snapshot_site *site, size_t left)
{
	char line[160];

	if (left) {
		snprintf(line, sizeof(line), "… %zu more frame%s (-v shows all)", left,
			 left == 1 ? "" : "s");
		layout_paragraph(&text->layout, STYLE_DIM, STACK_INDENT, line);
	} else if (site->stack_known && site->stack_status != WIRE_STACK_COMPLETE) {
		snprintf(line, sizeof(line), "… this stack %s",
			 stack_status_find(site->stack_status)->text);
		layout_paragraph(&text->layout, STYLE_NOTICE, STACK_INDENT, line);
	}
}

void text_site_stack(struct text *text, const struct stack *stack)
{
	const struct snapshot_site *site = text->row.site;
	bool verbose = text->options->verbose;
	size_t count = stack->count, lines = 0, i = 0, end;

	if (!verbose && site->stack_status == WIRE_STACK_COMPLETE)
		count = frames_without_start(stack->frames, count);
	/* How the allocator was reached is folded away: the site begins with its title. */
	if (!verbose && count)
		i = (size_t)(stack_title(stack) - stack->frames);
	if (i >= count)
		i = 0;
	while (i < count && (verbose || lines < STACK_FRAMES || i + 1 == count)) {
		for (end = i + 1; !verbose && end < count; end++) {
			if (!same_function(&stack->frames[i], &stack->frames[end]))
				break;
		}
		put_frame(text, &stack->frames[i], end - i);
		lines++;
		i = end;
	}
	put_stack_end(text, site, count - i);
}

/* The table's line. Verdicts stand in it when threads lead, else before the sentence. */
static void put_line(struct text *text, size_t number, const struct stack *stack,
		     const struct pattern *pattern, const struct text_columns *columns)
{
	char label[32], name[TEXT_SITE_NAME];
	size_t width;

	snprintf(label, sizeof(label), "%*zu ", NUMBER_WIDTH - 1, number);
	layout_put(&text->layout, STYLE_PLAIN, label);
	width = columns->name_width - text->layout.column;
	layout_cell(&text->layout, STYLE_NAME, text_site_name(stack, width, name), width, false);
	text_table_cells(text, columns, &text->row);
	if (text->options->verb == REPORT_THREADS) {
		layout_put(&text->layout, STYLE_PLAIN, "  ");
		layout_put(&text->layout, text_verdict_style(pattern->name),
			   pattern_title(pattern->name));
	}
	layout_newline(&text->layout);
}

/* "≈ 12.3 MB ± 1.10 MB, by 143 sampled blocks": how sure that is. */
void text_site_estimate(struct text *text)
{
	const struct snapshot_site *site = text->row.site;
	struct estimate estimate = estimate_live(&site->sampled, site->counts.live_bytes);
	char bytes[UNITS_BUFFER], blocks[UNITS_BUFFER], range[ESTIMATE_TEXT], line[192];

	if (!site->sampled.bytes ||
	    !estimate_text(&estimate, site->counts.live_bytes, range)[0])
		return;
	snprintf(line, sizeof(line), "≈ %s %s, by %s sampled block%s",
		 units_format_bytes(bytes, sizeof(bytes), site->counts.live_bytes), range,
		 units_format_count(blocks, sizeof(blocks), site->sampled.live_blocks),
		 site->sampled.live_blocks == 1 ? "" : "s");
	layout_paragraph(&text->layout, STYLE_PLAIN, INDENT, line);
}

static int put_site(struct text *text, size_t number, const struct text_columns *columns)
{
	const struct snapshot_site *site = text->row.site;
	char sentence[sizeof(((struct pattern *)0)->text) + 64];
	struct pattern pattern;
	struct stack stack;
	int r;

	pattern_find(text->row.snapshot, text->row.process, site, &pattern);
	stack_resolve(text->options->frames, text->options->native, text->row.process, site, &stack);
	put_line(text, number, &stack, &pattern, columns);
	text_site_estimate(text);
	if (text->options->verb == REPORT_THREADS)
		snprintf(sentence, sizeof(sentence), "%s", pattern.text);
	else
		snprintf(sentence, sizeof(sentence), "%s: %s", pattern_title(pattern.name),
			 pattern.text);
	layout_paragraph(&text->layout, text_verdict_style(pattern.name), INDENT, sentence);
	text_site_use(text);
	r = holders_find(text->row.holders, site);
	if (r < 0)
		return r;
	text_holders(text, INDENT);
	text_site_stack(text, &stack);
	return 0;
}

static void put_rest(struct text *text, size_t count, uint64_t live_bytes)
{
	char bytes[UNITS_BUFFER], number[UNITS_BUFFER], line[128];

	if (count == 0)
		return;
	layout_newline(&text->layout);
	snprintf(line, sizeof(line), "… and %s more site%s, %s",
		 units_format_count(number, sizeof(number), count), count == 1 ? "" : "s",
		 units_format_bytes(bytes, sizeof(bytes), live_bytes));
	layout_paragraph(&text->layout, STYLE_DIM, 0, line);
}

/* Sites without live blocks are of interest only to who sorts by something else. */
static bool is_wanted(const struct row *row, const struct column *column)
{
	uint64_t value = column ? column->get(row) : 0;

	return row->site->counts.live_blocks || (value && value != COLUMN_NONE);
}

int text_site_table(struct text *text)
{
	bool verdicts = text->options->verb == REPORT_THREADS;
	const struct column *column = text_sort_column(text, &site_table);
	size_t limit = text->options->rows ? text->options->rows : DEFAULT_ROWS;
	size_t count, wanted = 0;
	struct text_columns columns;
	CLEANUP_FREE uint32_t *order = NULL;
	uint64_t rest_bytes = 0;
	int r;

	r = table_sort(&site_table, column, &text->row, &order, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		site_table.select(&text->row, order[i]);
		if (is_wanted(&text->row, column))
			order[wanted++] = order[i];
	}
	limit = text_shown(wanted, limit);
	text_table_heading(text, &site_table, "WHAT IS HELD", verdicts ? TEXT_VERDICT_WIDTH + 2 : 0,
			   &columns);
	if (verdicts)
		layout_put(&text->layout, STYLE_HEADING, "  VERDICT");
	layout_newline(&text->layout);
	for (size_t i = 0; i < wanted; i++) {
		site_table.select(&text->row, order[i]);
		if (i >= limit) {
			rest_bytes += text->row.site->counts.live_bytes;
			continue;
		}
		if (i)
			layout_newline(&text->layout);
		r = put_site(text, i + 1, &columns);
		if (r < 0)
			return r;
	}
	put_rest(text, wanted - limit, rest_bytes);
	return 0;
}
