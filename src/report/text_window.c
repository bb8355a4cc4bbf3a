/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Only blocks made between mark A (12.3 s) and mark B (14.0 s) and still alive at the end." */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "report/text.h"

#define MOMENT_BYTES (SNAPSHOT_MARK_BYTES + UNITS_BUFFER + 16)

struct words {
	char text[512];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	size_t left = sizeof(words->text) - words->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(words->text + words->used, left, format, arguments);
	va_end(arguments);
	if (length > 0)
		words->used += (size_t)length < left ? (size_t)length : left - 1;
}

/* "mark A (12.3 s)", or "12.3 s" of the trace. */
static const char *moment(const struct snapshot *snapshot, const char *mark, uint64_t time_ns,
			  char buffer[MOMENT_BYTES])
{
	uint64_t since = time_ns > snapshot->start_ns ? time_ns - snapshot->start_ns : 0;
	char time[UNITS_BUFFER];

	units_format_duration(time, sizeof(time), since);
	if (mark[0])
		snprintf(buffer, MOMENT_BYTES, "mark %s (%s)", mark, time);
	else
		snprintf(buffer, MOMENT_BYTES, "%s", time);
	return buffer;
}

static void say_ages(struct words *words, const struct snapshot_window *window)
{
	char older[UNITS_BUFFER], newer[UNITS_BUFFER];

	units_format_duration(older, sizeof(older), window->older_ns);
	units_format_duration(newer, sizeof(newer), window->newer_ns);
	if (window->older_ns && window->newer_ns)
		say(words, " %s to %s old", older, newer);
	else if (window->older_ns)
		say(words, " older than %s", older);
	else
		say(words, " newer than %s", newer);
}

static void say_between(struct words *words, const struct snapshot *snapshot)
{
	const struct snapshot_window *window = &snapshot->window;
	bool from = window->from_ns > snapshot->start_ns, to = window->to_ns != UINT64_MAX;
	char first[MOMENT_BYTES], last[MOMENT_BYTES];

	moment(snapshot, window->from, window->from_ns, first);
	moment(snapshot, window->to, window->to_ns, last);
	if (from && to)
		say(words, " made between %s and %s", first, last);
	else if (from)
		say(words, " made since %s", first);
	else if (to)
		say(words, " made before %s", last);
}

void text_window(struct text *text)
{
	const struct snapshot *snapshot = text->row.snapshot;
	const struct snapshot_window *window = &snapshot->window;
	struct words words = { .used = 0 };
	char at[MOMENT_BYTES] = "the end";

	if (!window->set && !window->at_set)
		return;
	if (window->at_set)
		moment(snapshot, window->at, snapshot->now_ns, at);
	if (window->set) {
		say(&words, "Only blocks");
		if (window->older_ns || window->newer_ns)
			say_ages(&words, window);
		else
			say_between(&words, snapshot);
		say(&words, " and alive at %s. Verdicts speak of all blocks of a call path.", at);
	} else {
		say(&words, "As of %s: what came later is left out.", at);
	}
	layout_paragraph(&text->layout, STYLE_NOTICE, 0, words.text);
}

void text_window_empty(struct text *text)
{
	const struct snapshot_counts *counts = &text->row.process->counts;
	struct words words = { .used = 0 };
	char blocks[UNITS_BUFFER], bytes[UNITS_BUFFER];

	units_format_count(blocks, sizeof(blocks), counts->allocated_blocks);
	units_format_bytes(bytes, sizeof(bytes), counts->allocated_bytes);
	if (!text->row.snapshot->window.made_known)
		say(&words, "No block of that age is alive.");
	else if (counts->allocated_blocks)
		say(&words, "Nothing of that time is alive: of %s block%s (%s) made in it, every "
		    "one is gone.", blocks, counts->allocated_blocks == 1 ? "" : "s", bytes);
	else
		say(&words, "No block was made in that time.");
	layout_paragraph(&text->layout, STYLE_HEADING, 0, words.text);
}
