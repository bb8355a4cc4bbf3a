/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first lines: which process, can I trust the numbers, how much is it, does it grow. */
#include <stdio.h>
#include <string.h>

#include "analysis/where.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "stream/loss.h"
#include "top/draw.h"
#include "top/fields.h"
#include "top/sparkline.h"

#define LOSS_ROWS 2	/* causes named, when there is room */
#define CHART_LEAST 8	/* columns */
#define LOW 16		/* a screen of fewer rows has none to spare */

/* The header is about all blocks, also where only newer ones are listed. */
static const struct snapshot_process *whole_of(const struct snapshot_process *process)
{
	return process && process->whole ? process->whole : process;
}

/* All processes summed up, or the one in question. */
struct totals {
	struct snapshot_counts counts;
	uint64_t resident, peak, mapped;
	struct rate rate;
	bool rated;
};

static void add_process(const struct top_model *model, const struct snapshot_process *process,
			struct totals *totals)
{
	struct rate rate;

	totals->counts.live_bytes += process->counts.live_bytes;
	totals->counts.live_blocks += process->counts.live_blocks;
	totals->resident += process->exited ? 0 : process->rss_bytes;
	totals->peak += process->peak_rss_bytes;
	totals->mapped += process->mappings.live_bytes;
	if (rates_of_process(&model->rates, model->snapshot, process, &rate)) {
		totals->rate.allocated += rate.allocated;
		totals->rate.freed += rate.freed;
		totals->rate.growth += rate.growth;
		totals->rated = true;
	}
}

static struct totals sum_up(const struct top_model *model)
{
	const struct snapshot_process *process = whole_of(model_process(model));
	const struct snapshot *snapshot = model->snapshot;
	struct totals totals = { 0 };
	size_t running = 0;

	if (process) {
		add_process(model, process, &totals);
		return totals;
	}
	/* What ended gave its memory back. */
	for (size_t i = 0; i < snapshot->process_count; i++)
		running += !snapshot->processes[i].exited;
	for (size_t i = 0; i < snapshot->process_count; i++) {
		if (!snapshot->processes[i].exited || !running)
			add_process(model, whole_of(&snapshot->processes[i]), &totals);
	}
	return totals;
}

/* --- the first line --------------------------------------------------------------- */

static uint64_t count_losses(const struct snapshot_quality *quality)
{
	uint64_t lost = quality->alloc_over_live + quality->ledger_full;

	for (size_t i = 0; i < WIRE_LOSS_COUNT; i++)
		lost += quality->lost[i];
	return lost;
}

static void item_processes(const struct snapshot *snapshot, struct strip *strip)
{
	uint64_t ended = snapshot->past.processes, count = snapshot->process_count + ended;
	char number[UNITS_BUFFER];

	for (size_t i = 0; i < snapshot->process_count; i++)
		ended += snapshot->processes[i].exited;
	strip_item(strip, TOP_TITLE, "%s process%s",
		   units_format_count(number, sizeof(number), count), count == 1 ? "" : "es");
	if (ended)
		strip_item(strip, TOP_PLAIN, "%s ended",
			   units_format_count(number, sizeof(number), ended));
}

static void item_name(const struct top_model *model, struct strip *strip)
{
	const struct snapshot_process *process = model_process(model);
	char comm[64], place[WHERE_BUFFER];

	if (!process) {
		item_processes(model->snapshot, strip);
		return;
	}
	text_clean(comm, sizeof(comm), process->comm, sizeof(comm));
	strip_item(strip, TOP_TITLE, "%s (%u)", comm[0] ? comm : "?", process->pid);
	if (process->exited)
		strip_item(strip, TOP_NOTICE, "exited");
	if (where_renumbered(process))
		strip_item(strip, TOP_PLAIN, "pid %u inside", process->home.inner_pid);
	if (process->home.container && process->home.container[0])
		strip_item(strip, TOP_PLAIN, "container %s", where_short(&process->home, place));
}

/* Right: the state of the picture. Returns where it begins. */
static size_t draw_state(const struct top_model *model, struct canvas *canvas)
{
	const char *words[] = { model->state, model->ended && !model->once ? "ended" : "",
				model->paused ? "PAUSED" : "" };
	char text[128] = "";
	size_t used = 0, column;

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (words[i][0])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? ", " : "", words[i]);
	}
	if (!used || text_width(text) + 20 > canvas->width)
		return canvas->width;
	column = canvas->width - text_width(text);
	canvas_put(canvas, 0, column, TOP_NOTICE, text, canvas->width);
	return column - 1;
}

/* Were blocks sampled, or processes given up? */
static bool is_partial(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->process_count; i++) {
		if (snapshot->processes[i].sampled.bytes || snapshot->processes[i].tier_count)
			return true;
	}
	return false;
}

static void draw_first(const struct top_model *model, struct canvas *canvas)
{
	struct strip strip = { .canvas = canvas, .end = draw_state(model, canvas) };
	const struct snapshot *snapshot = model->snapshot;
	const struct snapshot_quality *quality = &snapshot->quality;
	char time[UNITS_BUFFER], events[UNITS_BUFFER];
	const char *exact = is_partial(snapshot) ? "not all traced" : "exact";
	uint64_t lost = count_losses(quality);

	item_name(model, &strip);
	strip_item(&strip, TOP_PLAIN, "%s %s", model->recording ? "at" : "traced",
		   units_format_duration(time, sizeof(time), snapshot->now_ns - snapshot->start_ns));
	if (lost)
		strip_item(&strip, TOP_ALARM, "NOT EXACT");
	else if (!strip_item(&strip, TOP_PLAIN, "%s, nothing lost", exact))
		strip_item(&strip, TOP_PLAIN, "%s", exact);
	strip_item(&strip, TOP_PLAIN, "%s events",
		   units_format_count(events, sizeof(events), quality->events));
	if (quality->unknown_frees)
		strip_item(&strip, TOP_PLAIN, "%s free%s of older blocks",
			   units_format_count(events, sizeof(events), quality->unknown_frees),
			   quality->unknown_frees == 1 ? "" : "s");
}

/* --- how much, how fast ------------------------------------------------------------ */

static void draw_amounts(const struct totals *totals, struct canvas *canvas, size_t row)
{
	struct strip strip = { .canvas = canvas, .row = row, .end = canvas->width };
	char a[UNITS_BUFFER], b[UNITS_BUFFER];

	strip_item(&strip, TOP_TITLE, "live %s in %s block%s",
		   units_format_bytes(a, sizeof(a), totals->counts.live_bytes),
		   units_format_count(b, sizeof(b), totals->counts.live_blocks),
		   totals->counts.live_blocks == 1 ? "" : "s");
	if (totals->resident)
		strip_item(&strip, TOP_PLAIN, "resident %s (peak %s)",
			   units_format_bytes(a, sizeof(a), totals->resident),
			   units_format_bytes(b, sizeof(b), totals->peak));
	if (totals->mapped)
		strip_item(&strip, TOP_PLAIN, "mapped %s",
			   units_format_bytes(a, sizeof(a), totals->mapped));
}

/* Live bytes over time, flush right behind `from`, with its peak. */
static void draw_chart(const struct top_model *model, struct canvas *canvas, size_t row, size_t from)
{
	const struct snapshot_process *process = model_process(model);
	uint64_t points[SNAPSHOT_SERIES_POINTS], peak = 0;
	char bars[SPARKLINE_BUFFER], bytes[UNITS_BUFFER], label[64];
	size_t count, width, room;

	if (!process && model->snapshot->process_count == 1)
		process = &model->snapshot->processes[0];
	count = process ? sparkline_of_process(whole_of(process), points) : 0;
	for (size_t i = 0; i < count; i++)
		peak = points[i] > peak ? points[i] : peak;
	snprintf(label, sizeof(label), " peak %s", units_format_bytes(bytes, sizeof(bytes), peak));
	room = canvas->width > from + 2 + strlen(label) ? canvas->width - from - 2 - strlen(label) : 0;
	width = room > count ? count : room;
	if (!peak || width < CHART_LEAST)
		return;
	from = canvas->width - strlen(label) - width;
	canvas_put(canvas, row, from, TOP_CHART, sparkline(points, count, width, bars), width);
	canvas_put(canvas, row, from + width, TOP_DIM, label, strlen(label));
}

static void draw_rates(const struct top_model *model, const struct totals *totals,
		       struct canvas *canvas, size_t row)
{
	struct strip strip = { .canvas = canvas, .row = row, .end = canvas->width };
	const struct column *growth = fields_find(FIELDS_PROCESSES, "growth_rate");
	char a[UNITS_BUFFER];

	if (totals->rated) {
		strip_item(&strip, TOP_PLAIN, "growth %s",
			   column_format(growth, column_change(totals->rate.growth), a));
		strip_item(&strip, TOP_PLAIN, "allocated %s/s",
			   units_format_bytes(a, sizeof(a), totals->rate.allocated));
		strip_item(&strip, TOP_PLAIN, "freed %s/s",
			   units_format_bytes(a, sizeof(a), totals->rate.freed));
	} else {
		strip_item(&strip, TOP_DIM, "rates come with the next picture");
	}
	draw_chart(model, canvas, row, strip.column);
}

/* --- what was lost ------------------------------------------------------------------ */

static bool draw_loss(struct canvas *canvas, size_t row, uint64_t count, const char *what)
{
	char number[UNITS_BUFFER];

	if (count == 0)
		return false;
	canvas_print(canvas, row, 0, TOP_ALARM, "! %s %s",
		     units_format_count(number, sizeof(number), count), what);
	return true;
}

static size_t draw_losses(const struct top_model *model, struct canvas *canvas, size_t row)
{
	const struct snapshot_quality *quality = &model->snapshot->quality;
	size_t last = row + (canvas->height < LOW ? 1 : LOSS_ROWS);

	row += draw_loss(canvas, row, quality->ledger_full,
			 "events could not be counted for want of memory: the numbers are wrong");
	for (size_t i = 0; i < WIRE_LOSS_COUNT && row < last; i++)
		row += draw_loss(canvas, row, quality->lost[i], loss_causes[i].text);
	if (row < last)
		row += draw_loss(canvas, row, quality->alloc_over_live,
				 "blocks appeared where one was live: its free was missed");
	return row;
}

size_t draw_header(struct top_model *model, struct canvas *canvas)
{
	struct totals totals;
	size_t row = 0;

	if (!model->snapshot) {
		canvas_put(canvas, 0, 0, TOP_TITLE, "outlive: waiting for the first picture",
			   canvas->width);
		return 1;
	}
	totals = sum_up(model);
	draw_first(model, canvas);
	draw_amounts(&totals, canvas, ++row);
	draw_rates(model, &totals, canvas, ++row);
	row = draw_losses(model, canvas, row + 1);
	return canvas->height < LOW ? row : row + 1;
}
