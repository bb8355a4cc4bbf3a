/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/identity.h"
#include "top/list.h"

int model_begin(struct top_model *model)
{
	model->labels = labels_new(model->frames, model->native);
	if (!model->labels)
		return -ENOMEM;
	for (size_t i = 0; i < VIEW_LISTS; i++)
		model->sort[i].column = fields_find(list_fields((enum top_view)i), "live_bytes");
	model->place.view = VIEW_SITES;
	model->stale = true;
	return 0;
}

void model_end(struct top_model *model)
{
	snapshot_free(model->snapshot);
	rates_clear(&model->rates);
	labels_free(model->labels);
	verdicts_clear(&model->verdicts);
	holders_free(&model->holders);
	free(model->entries);
	*model = (struct top_model){ 0 };
}

/* --- snapshots ---------------------------------------------------------------- */

/* The process at hand is known by another identity from now on. */
static void follow(struct top_model *model, const struct snapshot_process *process)
{
	uint64_t before = model->place.process;

	model->place.process = identity_of_process(process);
	for (size_t i = 0; i < model->depth; i++) {
		if (model->path[i].process == before)
			model->path[i].process = model->place.process;
	}
}

/* A process may have been shown before its start time was known. */
static void learn_start(struct top_model *model, const struct snapshot *snapshot)
{
	const struct snapshot_process *process = model_process(model);

	if (!process || process->start_ns)
		return;
	for (size_t i = 0; i < snapshot->process_count; i++) {
		if (snapshot->processes[i].pid == process->pid) {
			follow(model, &snapshot->processes[i]);
			return;
		}
	}
}

/* At first: the one process, or the choice of several, also when they become several. The
 * one process also when another has come in its place. */
static void arrive(struct top_model *model, bool first)
{
	const struct snapshot *snapshot = model->snapshot;

	if (snapshot->process_count > 1 && (first || !model->touched) &&
	    model->place.view != VIEW_PROCESSES)
		model->place = (struct top_place){ .view = VIEW_PROCESSES };
	if (snapshot->process_count == 1 && !model_process(model) &&
	    model->place.view != VIEW_PROCESSES)
		follow(model, &snapshot->processes[0]);
}

void model_take(struct top_model *model, struct snapshot *snapshot)
{
	struct snapshot *last = model->snapshot;
	bool first = !last;

	learn_start(model, snapshot);
	/* Back in time: what was is not what was before. Of the same moment (a recording held
	 * still) it is the last one again. */
	if (last && last->now_ns < snapshot->now_ns)
		rates_keep(&model->rates, last);
	else if (!last || last->now_ns != snapshot->now_ns)
		rates_clear(&model->rates);
	snapshot_free(last);
	model->snapshot = snapshot;
	verdicts_clear(&model->verdicts);
	model->stale = true;
	arrive(model, first);
}

const struct snapshot_process *model_process_at(const struct top_model *model, size_t index)
{
	const struct snapshot_process *process = &model->snapshot->processes[index];

	return process->whole && !model->newer ? process->whole : process;
}

const struct snapshot_process *model_process(const struct top_model *model)
{
	const struct snapshot *snapshot = model->snapshot;

	for (size_t i = 0; snapshot && model->place.process && i < snapshot->process_count; i++) {
		if (identity_of_process(&snapshot->processes[i]) == model->place.process)
			return model_process_at(model, i);
	}
	return NULL;
}

uint32_t model_thread(const struct top_model *model)
{
	const struct snapshot_process *process = model_process(model);

	for (size_t i = 0; process && model->place.thread && i < process->thread_count; i++) {
		if (identity_of_thread(&process->threads[i]) == model->place.thread)
			return (uint32_t)i;
	}
	return RATES_ALL_THREADS;
}

const struct snapshot_site *model_site(const struct top_model *model)
{
	const struct snapshot_process *process = model_process(model);
	uint32_t id = model->place.site;

	if (model->place.view != VIEW_SITE || !process)
		return NULL;
	/* In a window the sites that made nothing are left out; the order stays. */
	for (size_t i = id < process->site_count ? id : process->site_count; i--;) {
		if (process->sites[i].id == id)
			return &process->sites[i];
	}
	return NULL;
}

/* --- the cursor --------------------------------------------------------------- */

size_t model_cursor(const struct top_model *model)
{
	for (size_t i = 0; i < model->entry_count && model->place.cursor; i++) {
		if (model->entries[i].id == model->place.cursor)
			return i;
	}
	return 0;
}

static bool is_list(const struct top_model *model)
{
	return model->place.view < VIEW_LISTS;
}

/* Keys may come faster than drawings. */
static void refresh(struct top_model *model)
{
	if (model->stale && is_list(model))
		list_refresh(model);
}

/* `by` rows, or lines of a text, down (negative: up). */
static void move(struct top_model *model, long by)
{
	bool list = is_list(model);
	size_t count, last;
	long at;

	refresh(model);
	count = list ? model->entry_count : model->lines;
	last = list ? (count ? count - 1 : 0) : (count > model->page ? count - model->page : 0);
	at = list ? (long)model_cursor(model) : (long)model->place.scroll;
	at = by > (long)last - at ? (long)last : by < -at ? 0 : at + by;
	if (!list)
		model->place.scroll = (size_t)at;
	else if (count)
		model->place.cursor = at ? model->entries[at].id : 0;
}

/* --- places ------------------------------------------------------------------- */

static void go(struct top_model *model, struct top_place place)
{
	if (model->depth == TOP_DEPTH) {
		memmove(&model->path[0], &model->path[1], (TOP_DEPTH - 1) * sizeof(model->path[0]));
		model->depth--;
	}
	memcpy(model->place.filter, model->filter, sizeof(model->filter));
	model->path[model->depth++] = model->place;
	/* A text that chose processes says nothing about what is in them. */
	if (model->place.view == VIEW_PROCESSES)
		model->filter[0] = '\0';
	model->place = place;
	model->entry_count = 0;
	model->stale = true;
}

static void go_back(struct top_model *model)
{
	if (model->filter[0] && is_list(model)) {
		model->filter[0] = '\0';
	} else if (model->depth) {
		model->place = model->path[--model->depth];
		memcpy(model->filter, model->place.filter, sizeof(model->filter));
		model->entry_count = 0;
	}
	model->stale = true;
}

static void open_row(struct top_model *model)
{
	struct top_place place = model->place;
	struct list_row row;
	size_t at;

	if (!is_list(model) || !model->snapshot)
		return;
	refresh(model);
	at = model_cursor(model);
	if (at >= model->entry_count)
		return;
	list_select(model, &model->entries[at], &row);
	/* The list goes on without the row it was opened from: come back to that one. */
	model->place.cursor = model->entries[at].id;
	place.cursor = 0;
	place.scroll = 0;
	place.process = identity_of_process(row.row.process);
	if (place.view == VIEW_PROCESSES) {
		place.view = VIEW_THREADS;
	} else if (place.view == VIEW_THREADS) {
		place.view = VIEW_SITES;
		place.thread = identity_of_thread(row.row.thread);
	} else {
		place.view = VIEW_SITE;
		place.site = row.row.site->id;
	}
	go(model, place);
}

/* To a list by its key: of the process at hand, else of the one under the cursor. */
static void open_list(struct top_model *model, enum top_view view)
{
	struct top_place place = { .view = view, .process = model->place.process };
	size_t at;

	refresh(model);
	at = model_cursor(model);
	if (view == VIEW_PROCESSES)
		place.process = 0;
	else if (!place.process && at < model->entry_count && model->snapshot)
		place.process = identity_of_process(
			&model->snapshot->processes[model->entries[at].index]);
	if (model->place.view == view && model->place.thread == 0)
		return;
	go(model, place);
}

static void open_help(struct top_model *model)
{
	if (model->place.view == VIEW_HELP)
		go_back(model);
	else
		go(model, (struct top_place){ .view = VIEW_HELP, .process = model->place.process });
}

/* --- order and filter --------------------------------------------------------- */

static void sort_by(struct top_model *model, int step)
{
	const struct column *columns[FIELDS_MOST];
	struct top_sort *sort;
	size_t count, at = 0;

	if (!is_list(model))
		return;
	sort = &model->sort[model->place.view];
	count = fields_of(list_fields(model->place.view), columns);
	while (at + 1 < count && columns[at] != sort->column)
		at++;
	sort->column = columns[(at + count + (size_t)step) % count];
	sort->reversed = false;
	model->frozen = false;
	model->stale = true;
}

static void reverse(struct top_model *model)
{
	if (!is_list(model))
		return;
	model->sort[model->place.view].reversed ^= true;
	model->frozen = false;
	model->stale = true;
}

/* UTF-8 of a code point, appended. */
static void type(struct top_model *model, uint32_t point)
{
	size_t used = strlen(model->filter);
	char *at = model->filter + used;

	if (used + 4 >= sizeof(model->filter))
		return;
	if (point < 0x80) {
		*at++ = (char)point;
	} else if (point < 0x800) {
		*at++ = (char)(0xc0 | point >> 6);
		*at++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*at++ = (char)(0xe0 | point >> 12);
		*at++ = (char)(0x80 | (point >> 6 & 0x3f));
		*at++ = (char)(0x80 | (point & 0x3f));
	} else {
		*at++ = (char)(0xf0 | point >> 18);
		*at++ = (char)(0x80 | (point >> 12 & 0x3f));
		*at++ = (char)(0x80 | (point >> 6 & 0x3f));
		*at++ = (char)(0x80 | (point & 0x3f));
	}
	*at = '\0';
}

static void erase(struct top_model *model)
{
	size_t used = strlen(model->filter);

	while (used && ((unsigned char)model->filter[used - 1] & 0xc0) == 0x80)
		used--;
	if (used)
		used--;
	model->filter[used] = '\0';
}

static void edit_filter(struct top_model *model, uint32_t key)
{
	if (key == TOP_KEY_ENTER || key == '\n')
		model->filtering = false;
	else if (key == TOP_KEY_BACKSPACE || key == '\b')
		erase(model);
	else if (key == TOP_KEY_ESCAPE) {
		model->filtering = false;
		model->filter[0] = '\0';
	} else if (key >= 0x20 && key < TOP_KEY_UP) {
		type(model, key);
	}
	model->place.cursor = 0;
	model->stale = true;
}

static void show_newer(struct top_model *model)
{
	model->stale = true;
	if (model->newer || model->marked)
		model->newer ^= true;
	else
		snprintf(model->message, sizeof(model->message), "There is no mark yet: m sets one");
}

/* --- keys --------------------------------------------------------------------- */

static void act(struct top_model *model, enum top_action action)
{
	long page = model->page > 1 ? (long)model->page - 1 : 1;

	switch (action) {
	case ACTION_HELP: open_help(model); break;
	case ACTION_UP: move(model, -1); break;
	case ACTION_DOWN: move(model, 1); break;
	case ACTION_PAGE_UP: move(model, -page); break;
	case ACTION_PAGE_DOWN: move(model, page); break;
	case ACTION_HOME: move(model, -INT32_MAX); break;
	case ACTION_END: move(model, INT32_MAX); break;
	case ACTION_OPEN: open_row(model); break;
	case ACTION_BACK: go_back(model); break;
	case ACTION_PROCESSES: open_list(model, VIEW_PROCESSES); break;
	case ACTION_THREADS: open_list(model, VIEW_THREADS); break;
	case ACTION_SITES: open_list(model, VIEW_SITES); break;
	case ACTION_SORT_NEXT: sort_by(model, 1); break;
	case ACTION_SORT_PREVIOUS: sort_by(model, -1); break;
	case ACTION_REVERSE: reverse(model); break;
	case ACTION_ENDED: model->hide_ended ^= true; model->stale = true; break;
	case ACTION_FREEZE: model->frozen ^= true; model->stale = true; break;
	case ACTION_PAUSE: model->paused ^= true; break;
	case ACTION_NEWER: show_newer(model); break;
	case ACTION_FILTER: model->filtering = is_list(model); break;
	default: break;
	}
}

enum top_action model_key(struct top_model *model, uint32_t key)
{
	enum top_action action;

	model->message[0] = '\0';
	model->touched = true;
	if (model->filtering) {
		edit_filter(model, key);
		return ACTION_NONE;
	}
	action = keys_action(key, model->recording);
	act(model, action);
	return action;
}
