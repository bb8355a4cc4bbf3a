/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The columns of the screen's tables: those of the reports (analysis/columns.h) and
 * what only a live screen can show, how fast it changes.
 */
#ifndef OUTLIVE_TOP_FIELDS_H
#define OUTLIVE_TOP_FIELDS_H

#include <stddef.h>

#include "analysis/columns.h"

enum fields_table { FIELDS_PROCESSES, FIELDS_THREADS, FIELDS_SITES, FIELDS_TABLES };

#define FIELDS_MOST 16

/* The columns of a table in order of importance: as many are shown as fit. Returns
 * their number, at most FIELDS_MOST. */
size_t fields_of(enum fields_table table, const struct column *ret_columns[FIELDS_MOST]);

/* The column called `name` (or titled so, in any case) in `table`, or NULL. */
const struct column *fields_find(enum fields_table table, const char *name);

#endif
