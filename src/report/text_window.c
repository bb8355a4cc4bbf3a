/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Only blocks made between mark A (12.3 s) and mark B (14.0 s) and still alive at the end." */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sentence.h"
#include "base/units.h"
#include "report/text.h"

#define MARKS_SHOWN 4 /* by name */

const char *text_moment(const struct snapshot *snapshot, const char *mark, uint64_t time_ns,
			char buffer[TEXT_MOMENT])
{
	uint64_t since = time_ns > snapshot->start_ns ? time_ns - snapshot->start_ns : 0;
	char time[UNITS_BUFFER];

	units_format_duration(time, sizeof(time), since);
	if (mark[0])
		snprintf(buffer, TEXT_MOMENT, "mark %s (%s)", mark, time);
	else
		snprintf(buffer, TEXT_MOMENT, "%s", time);
	return buffer;
}

static void say_ages(struct sentence *sentence, const struct snapshot_window *window)
{
	char older[UNITS_BUFFER], newer[UNITS_BUFFER];

	units_format_duration(older, sizeof(older), window->older_ns);
	units_format_duration(newer, sizeof(newer), window->newer_ns);
	if (window->older_ns && window->newer_ns)
		say(sentence, " %s to %s old", older, newer);
	else if (window->older_ns)
		say(sentence, " older than %s", older);
	else
		say(sentence, " newer than %s", newer);
}

static void say_between(struct sentence *sentence, const struct snapshot *snapshot)
{
	const struct snapshot_window *window = &snapshot->window;
	bool from = window->from_ns > snapshot->start_ns, to = window->to_ns != UINT64_MAX;
	char first[TEXT_MOMENT], last[TEXT_MOMENT];

	text_moment(snapshot, window->from, window->from_ns, first);
	text_moment(snapshot, window->to, window->to_ns, last);
	if (from && to)
		say(sentence, " made between %s and %s", first, last);
	else if (from)
		say(sentence, " made since %s", first);
	else if (to)
		say(sentence, " made before %s", last);
}

void text_window(struct text *text)
{
	const struct snapshot *snapshot = text->row.snapshot;
	const struct snapshot_window *window = &snapshot->window;
	struct sentence sentence = { .length = 0 };
	char at[TEXT_MOMENT] = "the end";

	if (!window->set && !window->at_set)
		return;
	if (window->at_set)
		text_moment(snapshot, window->at, snapshot->now_ns, at);
	if (window->set) {
		say(&sentence, "Only blocks");
		if (window->older_ns || window->newer_ns)
			say_ages(&sentence, window);
		else
			say_between(&sentence, snapshot);
		say(&sentence, " and alive at %s. Verdicts speak of all blocks of a call path.", at);
	} else {
		say(&sentence, "As of %s: what came later is left out.", at);
	}
	layout_paragraph(&text->layout, STYLE_NOTICE, 0, sentence.text);
}

void text_marks(struct text *text)
{
	const struct snapshot *snapshot = text->row.snapshot;
	struct sentence sentence = { .length = 0 };
	char time[UNITS_BUFFER];
	uint64_t more;

	if (!snapshot->mark_count)
		return;
	for (size_t i = 0; i < snapshot->mark_count && i < MARKS_SHOWN; i++) {
		const struct snapshot_mark *mark = &snapshot->marks[i];
		uint64_t since = mark->time_ns > snapshot->start_ns ? mark->time_ns - snapshot->start_ns
								    : 0;

		say(&sentence, "%s%s (%s)", i ? ", " : snapshot->mark_count == 1 ? "mark " : "marks ",
		    mark->name, units_format_duration(time, sizeof(time), since));
	}
	more = snapshot->mark_count + snapshot->marks_left_out;
	if (more > MARKS_SHOWN)
		say(&sentence, " and %" PRIu64 " more", more - MARKS_SHOWN);
	layout_item(&text->layout, STYLE_PLAIN, "%s", sentence.text);
}

void text_window_empty(struct text *text)
{
	const struct snapshot_counts *counts = &text->row.process->counts;
	struct sentence sentence = { .length = 0 };
	char blocks[UNITS_BUFFER], bytes[UNITS_BUFFER];

	units_format_count(blocks, sizeof(blocks), counts->allocated_blocks);
	units_format_bytes(bytes, sizeof(bytes), counts->allocated_bytes);
	if (!text->row.snapshot->window.made_known)
		say(&sentence, "No block of that age is alive.");
	else if (counts->allocated_blocks)
		say(&sentence, "Nothing of that time is alive: of %s block%s (%s) made in it, every "
		    "one is gone.", blocks, counts->allocated_blocks == 1 ? "" : "s", bytes);
	else
		say(&sentence, "No block was made in that time.");
	layout_paragraph(&text->layout, STYLE_HEADING, 0, sentence.text);
}
