/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One row of the table of options, and how the values of options are taken. */
#ifndef OUTLIVE_CLI_OPTION_ROW_H
#define OUTLIVE_CLI_OPTION_ROW_H

#include "cli/options.h"

/* Takes the value of an option, which lives as long as the program; returns 0, or -EINVAL
 * with `error` saying what the option takes. */
typedef int (*option_set_fn)(struct options *options, const char *value, struct error *error);

struct option_row {
	const char *name;  /* "--name" */
	char letter;	   /* "-x"; 0 none */
	const char *value; /* what its value is called in help; NULL: takes none */
	unsigned int verbs;
	bool live; /* it says how to trace: of no use with a recording */
	const char *help;
	option_set_fn set; /* NULL: sets a flag */
	size_t flag;	   /* where in struct options the bool is that becomes true */
};

/* A verb may have a row of its own for a name that other verbs use too. */
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* What is traced, and how (option_trace.c). */
int option_set_pids(struct options *options, const char *value, struct error *error);
int option_set_cgroup(struct options *options, const char *value, struct error *error);
int option_set_comm(struct options *options, const char *value, struct error *error);
int option_set_exclude(struct options *options, const char *value, struct error *error);
int option_set_user(struct options *options, const char *value, struct error *error);
int option_set_duration(struct options *options, const char *value, struct error *error);
int option_set_stacks(struct options *options, const char *value, struct error *error);
int option_set_buffer(struct options *options, const char *value, struct error *error);
int option_set_unwind_memory(struct options *options, const char *value, struct error *error);
int option_set_tier(struct options *options, const char *value, struct error *error);
int option_set_max_overhead(struct options *options, const char *value, struct error *error);
int option_set_sample(struct options *options, const char *value, struct error *error);
int option_set_min_size(struct options *options, const char *value, struct error *error);
int option_set_record(struct options *options, const char *value, struct error *error);
int option_set_max_file(struct options *options, const char *value, struct error *error);

/* What is shown of it, and where (option_view.c). */
int option_set_output(struct options *options, const char *value, struct error *error);
int option_set_rows(struct options *options, const char *value, struct error *error);
int option_set_sort(struct options *options, const char *value, struct error *error);
int option_set_diff_sort(struct options *options, const char *value, struct error *error);
int option_set_screen_sort(struct options *options, const char *value, struct error *error);
int option_set_interval(struct options *options, const char *value, struct error *error);

/* Moments: marks and windows (option_window.c). */
int option_set_from(struct options *options, const char *value, struct error *error);
int option_set_to(struct options *options, const char *value, struct error *error);
int option_set_at(struct options *options, const char *value, struct error *error);
int option_set_older_than(struct options *options, const char *value, struct error *error);
int option_set_newer_than(struct options *options, const char *value, struct error *error);
int option_set_mark_every(struct options *options, const char *value, struct error *error);
int option_set_mark_fd(struct options *options, const char *value, struct error *error);

#endif
