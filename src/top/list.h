/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the list in view: chosen, sorted, filtered; and each of them on demand. */
#ifndef OUTLIVE_TOP_LIST_H
#define OUTLIVE_TOP_LIST_H

#include "top/fields.h"
#include "top/model.h"

/* One row, with room for what it points at. Do not copy. */
struct list_row {
	struct row row;
	struct rate rate;
	const struct snapshot_site *site; /* with the shares of all threads */
	struct snapshot_site share;	  /* as the one thread has it */
};

/*
 * Bring model->entries up to date. Names for a filter are found a few hundred at a
 * time: model->unnamed says that there are more. Without memory the list is empty.
 */
void list_refresh(struct top_model *model);

/* Make `ret_row` the process, thread or site that `entry` stands for. */
void list_select(struct top_model *model, const struct top_entry *entry, struct list_row *ret_row);

/* What the row is called, clean, in `buffer`; `place` behind it where it fits `width`. */
char *list_name(struct top_model *model, const struct row *row, size_t width, char *buffer,
		size_t size);

/* Is it a process or thread that has ended? */
bool list_ended(const struct row *row);

/* The table of columns of a list view. */
enum fields_table list_fields(enum top_view view);

#endif
