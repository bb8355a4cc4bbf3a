/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/where.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "top/identity.h"

#define NAMES_AT_ONCE 512 /* found for a filter in one drawing */
#define NAME_TEXT 1100	  /* bytes of a row's name */

enum fields_table list_fields(enum top_view view)
{
	static const enum fields_table tables[VIEW_LISTS] = {
		[VIEW_PROCESSES] = FIELDS_PROCESSES,
		[VIEW_THREADS] = FIELDS_THREADS,
		[VIEW_SITES] = FIELDS_SITES,
	};

	return tables[view];
}

/* --- one row ------------------------------------------------------------------ */

static void select_process(struct top_model *model, struct list_row *row, uint32_t index)
{
	row->row.process = model_process_at(model, index);
	/* What it did last is no rate. */
	if (!row->row.process->exited &&
	    rates_of_process(&model->rates, model->snapshot, row->row.process, &row->rate))
		row->row.rate = &row->rate;
}

static void select_thread(struct top_model *model, struct list_row *row, uint32_t index)
{
	row->row.thread = &row->row.process->threads[index];
	if (rates_of_thread(&model->rates, model->snapshot, row->row.process, row->row.thread,
			    &row->rate))
		row->row.rate = &row->rate;
}

/* The site as if the one thread were alone: what it holds, and how old that is. */
static void take_share(struct list_row *row, const struct snapshot_site *site, uint32_t thread)
{
	struct snapshot_site *share = &row->share;
	uint64_t oldest_ns = 0, newest_ns = 0;

	*share = *site;
	rates_thread_share(site, thread, &share->counts);
	for (size_t i = 0; i < site->class_count; i++) {
		for (size_t j = 0; j < site->classes[i].cell_count; j++) {
			const struct snapshot_cell *cell = &site->classes[i].cells[j];

			if (cell->thread != thread || !cell->oldest_live_ns)
				continue;
			if (!oldest_ns || cell->oldest_live_ns < oldest_ns)
				oldest_ns = cell->oldest_live_ns;
			if (cell->newest_live_ns > newest_ns)
				newest_ns = cell->newest_live_ns;
		}
	}
	if (oldest_ns) {
		share->oldest_live_ns = oldest_ns;
		share->newest_live_ns = newest_ns;
	}
	row->row.site = share;
}

static void select_site(struct top_model *model, struct list_row *row, uint32_t index,
			uint32_t thread)
{
	const struct snapshot_site *site = &row->row.process->sites[index];

	row->site = site;
	if (thread == RATES_ALL_THREADS)
		row->row.site = site;
	else
		take_share(row, site, thread);
	if (rates_of_site(&model->rates, model->snapshot, row->row.process, site, thread,
			  &row->rate))
		row->row.rate = &row->rate;
}

/* Whose rows they are: found once for all of them. */
struct scope {
	const struct snapshot_process *process;
	uint32_t thread;
};

static struct scope scope_of(const struct top_model *model)
{
	return (struct scope){ model_process(model), model_thread(model) };
}

static void select_index(struct top_model *model, const struct scope *scope, uint32_t index,
			 struct list_row *row)
{
	row->row = (struct row){
		.snapshot = model->snapshot,
		.process = scope->process,
		.holders = &model->holders,
	};
	if (model->place.view == VIEW_PROCESSES)
		select_process(model, row, index);
	else if (model->place.view == VIEW_THREADS)
		select_thread(model, row, index);
	else
		select_site(model, row, index, scope->thread);
}

void list_select(struct top_model *model, const struct top_entry *entry, struct list_row *ret_row)
{
	const struct scope scope = scope_of(model);

	select_index(model, &scope, entry->index, ret_row);
}

/* --- what it is called -------------------------------------------------------- */

static char *name_of(const char *comm, size_t length, bool exited, char *buffer, size_t size)
{
	char clean[64];

	text_clean(clean, sizeof(clean), comm, length);
	snprintf(buffer, size, "%s%s", clean[0] ? clean : "?", exited ? " (exited)" : "");
	return buffer;
}

char *list_name(struct top_model *model, const struct row *row, size_t width, char *buffer,
		size_t size)
{
	const struct label *label;

	if (row->thread)
		return name_of(row->thread->comm, sizeof(row->thread->comm), row->thread->exited,
			       buffer, size);
	if (!row->site)
		return name_of(row->process->comm, 64, row->process->exited, buffer, size);
	label = labels_get(model->labels, row->process, row->site, true);
	if (!label) {
		snprintf(buffer, size, "?");
		return buffer;
	}
	snprintf(buffer, size, label->place[0] ? "%s (%s)" : "%s", label->function, label->place);
	/* The function matters more: where both do not fit it stands alone. */
	if (text_width(buffer) > width)
		snprintf(buffer, size, "%s", label->function);
	return buffer;
}

/* --- which rows, in which order ----------------------------------------------- */

static size_t count_rows(const struct top_model *model, const struct snapshot_process *process)
{
	if (model->place.view == VIEW_PROCESSES)
		return model->snapshot->process_count;
	if (!process)
		return 0;
	return model->place.view == VIEW_THREADS ? process->thread_count : process->site_count;
}

bool list_ended(const struct row *row)
{
	return row->thread ? row->thread->exited : !row->site && row->process->exited;
}

static bool took_part(const struct snapshot_counts *counts)
{
	return counts->live_blocks || counts->allocated_blocks || counts->freed_blocks;
}

static const struct snapshot_counts *counts_of(const struct row *row)
{
	return row->thread ? &row->thread->counts :
	       row->site   ? &row->site->counts :
			     &row->process->counts;
}

static uint64_t identify(const struct row *row)
{
	return row->thread ? identity_of_thread(row->thread) :
	       row->site   ? identity_of_site(row->process, row->site) :
			     identity_of_process(row->process);
}

/* Has the place, the user or a pid of a process this text in it? */
static bool lives_in(const struct snapshot_process *process, const char *text)
{
	const struct snapshot_home *home = &process->home;
	char user[WHERE_BUFFER], pid[32];

	snprintf(pid, sizeof(pid), "%u", process->pid);
	return (home->cgroup && strcasestr(home->cgroup, text)) ||
	       (home->container && strcasestr(home->container, text)) ||
	       strcasestr(where_user(home, user), text) || strcmp(pid, text) == 0;
}

/* Does the filter let it through? `left` names may still be found for that. */
static bool passes(struct top_model *model, const struct row *row, size_t *left)
{
	char name[NAME_TEXT];
	const struct label *label;

	if (!model->filter[0])
		return true;
	if (row->site) {
		label = labels_get(model->labels, row->process, row->site, false);
		if (!label && *left) {
			(*left)--;
			label = labels_get(model->labels, row->process, row->site, true);
		}
		model->unnamed = model->unnamed || !label;
		return label && strcasestr(label->all, model->filter);
	}
	if (strcasestr(list_name(model, row, sizeof(name), name, sizeof(name)), model->filter))
		return true;
	return !row->thread && lives_in(row->process, model->filter);
}

static int compare(const void *left, const void *right)
{
	const struct top_entry *a = left, *b = right;

	if (a->ended != b->ended)
		return a->ended ? 1 : -1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* The places of the rows until now, for an order that is frozen. */
static void remember(const struct top_model *model, struct map *places)
{
	for (size_t i = 0; i < model->entry_count && model->frozen; i++) {
		if (map_set(places, model->entries[i].id, (uint32_t)i) < 0)
			return;
	}
}

static void add_row(struct top_model *model, const struct scope *scope, uint32_t index,
		    const struct map *places, size_t *left)
{
	const struct top_sort *sort = &model->sort[model->place.view];
	struct list_row row;
	uint32_t place;

	select_index(model, scope, index, &row);
	/* Threads and sites are many, and most may have no part in it. */
	if (model->place.view != VIEW_PROCESSES && !took_part(counts_of(&row.row)))
		return;
	if (model->hide_ended && list_ended(&row.row)) {
		model->hidden++;
		return;
	}
	if (!passes(model, &row.row, left)) {
		model->left_out++;
		return;
	}
	model->entries[model->entry_count] = (struct top_entry){
		.id = identify(&row.row),
		.live_bytes = counts_of(&row.row)->live_bytes,
		.ended = model->place.view == VIEW_PROCESSES && !model->frozen && list_ended(&row.row),
		.index = index,
	};
	if (model->frozen && map_get(places, model->entries[model->entry_count].id, &place))
		model->entries[model->entry_count].rank = UINT64_MAX - place;
	else if (!model->frozen)
		model->entries[model->entry_count].rank =
			column_rank(sort->column, sort->column->get(&row.row), sort->reversed);
	model->entry_count++;
}

void list_refresh(struct top_model *model)
{
	const struct scope scope = scope_of(model);
	size_t count = model->snapshot ? count_rows(model, scope.process) : 0;
	size_t left = NAMES_AT_ONCE;
	struct map places = { 0 };

	remember(model, &places);
	model->entry_count = model->left_out = model->hidden = 0;
	model->unnamed = false;
	if (vec_reserve((void **)&model->entries, &model->entry_capacity, count + 1,
			sizeof(*model->entries)) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		add_row(model, &scope, (uint32_t)i, &places, &left);
	qsort(model->entries, model->entry_count, sizeof(*model->entries), compare);
	map_free(&places);
	model->stale = model->unnamed;
}
