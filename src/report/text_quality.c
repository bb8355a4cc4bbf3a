/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the numbers can be trusted, in words. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "report/text.h"
#include "stream/loss.h"
#include "stream/stack_status.h"

static const char *format_count(char *buffer, uint64_t count)
{
	return units_format_count(buffer, UNITS_BUFFER, count);
}

static bool anything_lost(const struct snapshot_quality *quality)
{
	for (unsigned int i = 0; i < WIRE_LOSS_COUNT; i++) {
		if (quality->lost[i])
			return true;
	}
	return quality->ledger_full || quality->alloc_over_live;
}

static void put_loss(struct text *text, uint64_t count, const char *what, const char *remedy)
{
	char line[512], number[UNITS_BUFFER];

	if (count == 0)
		return;
	snprintf(line, sizeof(line), "%s %s.%s%s%s", format_count(number, count), what,
		 remedy[0] ? " Remedy: " : "", remedy, remedy[0] ? "." : "");
	layout_put(&text->layout, STYLE_NOTICE, "!");
	layout_paragraph(&text->layout, STYLE_NOTICE, 2, line);
}

static void put_losses(struct text *text, const struct snapshot_quality *quality)
{
	for (unsigned int i = 0; i < WIRE_LOSS_COUNT; i++)
		put_loss(text, quality->lost[i], loss_causes[i].text, loss_causes[i].remedy);
	put_loss(text, quality->alloc_over_live,
		 "blocks appeared where one was live: the old one's free was missed, and it was "
		 "shown as live until then", "");
	put_loss(text, quality->ledger_full,
		 "events could not be counted, outlive had no memory left: the numbers are wrong",
		 "trace fewer processes, or sample with --sample 512K");
}

/* Why stacks end early: "3 truncated, 1 no-row". Returns `buffer`. */
static char *endings(const struct snapshot_quality *quality, char *buffer, size_t size)
{
	char number[UNITS_BUFFER];
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned int i = WIRE_STACK_COMPLETE + 1; i < WIRE_STACK_STATUS_COUNT; i++) {
		if (quality->stacks_by_status[i] && used < size)
			used += (size_t)snprintf(buffer + used, size - used, "%s%s %s",
						 used ? ", " : "",
						 format_count(number, quality->stacks_by_status[i]),
						 stack_statuses[i].name);
	}
	return buffer;
}

static void put_stacks(struct text *text, const struct snapshot_quality *quality)
{
	uint64_t cut = quality->stacks - quality->stacks_by_status[WIRE_STACK_COMPLETE];
	char some[UNITS_BUFFER], all[UNITS_BUFFER], causes[160];

	if (cut)
		layout_item(&text->layout, STYLE_PLAIN, "%s of %s stacks end early (%s)",
			    format_count(some, cut), format_count(all, quality->stacks),
			    endings(quality, causes, sizeof(causes)));
	if (quality->python_unread)
		layout_item(&text->layout, STYLE_PLAIN, "%s of %s Python stacks not read in full",
			    format_count(some, quality->python_unread),
			    format_count(all, quality->python_stacks));
	if (quality->unknown_stack_events &&
	    !(text->options->stacks && strcmp(text->options->stacks, "none") == 0))
		layout_item(&text->layout, STYLE_PLAIN, "%s allocations without a stack",
			    format_count(some, quality->unknown_stack_events));
}

/* What is missing of processes that ran before their probes stood. */
static void put_covered(struct text *text)
{
	const struct snapshot *snapshot = text->row.snapshot;
	char line[300], count[UNITS_BUFFER], time[UNITS_BUFFER];
	uint64_t worst_ns = 0, late = 0;

	for (size_t i = 0; i < snapshot->process_count; i++) {
		uint64_t after_ns = snapshot->processes[i].covered_after_ns;

		late += after_ns > 0;
		worst_ns = after_ns > worst_ns ? after_ns : worst_ns;
	}
	if (!late)
		return;
	snprintf(line, sizeof(line),
		 "Probes of %s process%s stood up to %s after %s fork, exec or first mapping of an "
		 "allocator: what %s did before that is not in these numbers.",
		 format_count(count, late), late == 1 ? "" : "es",
		 units_format_duration(time, sizeof(time), worst_ns), late == 1 ? "its" : "their",
		 late == 1 ? "it" : "they");
	layout_put(&text->layout, STYLE_NOTICE, "!");
	layout_paragraph(&text->layout, STYLE_PLAIN, 2, line);
}

/* Was less traced of a process than all, at some time? */
static bool gave_up(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->process_count; i++) {
		if (snapshot->processes[i].tier_count)
			return true;
	}
	return false;
}

void text_quality(struct text *text)
{
	const struct snapshot_quality *quality = &text->row.snapshot->quality;
	const struct report_options *options = text->options;
	bool lost = anything_lost(quality);
	char number[UNITS_BUFFER];

	layout_item(&text->layout, STYLE_PLAIN, "%s%s",
		    strcmp(options->kind, "live") == 0 ? "traced " : "recording of ",
		    units_format_duration(number, sizeof(number), options->duration_ns));
	if (options->sample_bytes)
		layout_item(&text->layout, STYLE_PLAIN, "one block sampled per %s, numbers are estimates (± 95 of 100)",
			    units_format_bytes(number, sizeof(number), options->sample_bytes));
	if (lost)
		layout_item(&text->layout, STYLE_ALARM, "not exact, see below");
	layout_item(&text->layout, STYLE_PLAIN, "%s%s events%s",
		    lost || options->sample_bytes || gave_up(text->row.snapshot) ? "" : "exact, ",
		    format_count(number, quality->events), lost ? "" : ", nothing lost");
	if (options->min_size)
		layout_item(&text->layout, STYLE_PLAIN, "only blocks of %s or more",
			    units_format_bytes(number, sizeof(number), options->min_size));
	/* Frees of blocks that were left out are among these, so they tell nothing then. */
	if (quality->unknown_frees && !options->min_size)
		layout_item(&text->layout, STYLE_PLAIN, "%s free%s of blocks from before the trace",
			    format_count(number, quality->unknown_frees),
			    quality->unknown_frees == 1 ? "" : "s");
	put_stacks(text, quality);
	text_marks(text);
	layout_end_list(&text->layout);
	put_losses(text, quality);
	put_covered(text);
}
