/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The diff in one sentence: what became of live memory, and where. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/sentence.h"
#include "base/units.h"
#include "report/text_diff.h"

#define MOST 0.5 /* of the change: a call path that made so much of it is named */

/* Those that did not change; of the many that hold nothing nobody wants to hear. */
static size_t count_same(const struct diff_process *process)
{
	size_t count = 0;

	for (size_t i = 0; i < process->row_count; i++)
		count += process->rows[i].change == DIFF_SAME &&
			 process->rows[i].parts[DIFF_AFTER].counts.live_blocks;
	return count;
}

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
		size_t count = kinds[i].change == DIFF_SAME ? count_same(process)
							    : process->changes[kinds[i].change];
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
		    (!row || llabs(of_row) > llabs(diff_row_bytes(row))))
			row = &text->process->rows[i];
	}
	if (!row || (double)llabs(diff_row_bytes(row)) < MOST * (double)llabs(change))
		return;
	side = diff_row_side(row);
	part = &row->parts[side];
	text_diff_side(text, side);
	stack_resolve(text->text.options->frames, text->text.options->native, part->process,
		      part->site, &stack);
	say(sentence, ": %s at %.200s", text_diff_bytes(bytes, diff_row_bytes(row)),
	    text_site_name(&stack, 60, name));
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

void text_diff_headline(struct text_diff *text)
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
		    units_format_bytes(c, sizeof(c), (uint64_t)llabs(change)), a, b);
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
	put_interval(text);
}
