/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording that a live trace writes: its file, its names, its end. */
#ifndef OUTLIVE_CLI_RECORD_H
#define OUTLIVE_CLI_RECORD_H

#include "cli/live.h"
#include "cli/options.h"

struct recorder;

#define RECORD_SAID 512

struct record {
	const struct options *options;
	const char *path;
	struct recorder *recorder; /* NULL until the trace begins */
};

/* Have `watch` write the events of the trace to be to `path`. The file is made when the
 * probes are in place: a trace that cannot begin costs no older recording. */
void record_watch(struct record *record, const struct options *options, const char *path,
		  struct live_watch *watch);

/*
 * After the trace, or when nothing more is to be recorded of it: add the names of what
 * `view` shows and close the file. `view` may be without a snapshot when the trace failed.
 * What the file holds is told in `said` (one clean line of RECORD_SAID bytes; "" when there
 * is no recording). Returns 0, or a -errno with `error` filled when it is not whole.
 */
int record_close(struct record *record, const struct view *view, char said[RECORD_SAID],
		 struct error *error);

/* The same, and what it holds is said on standard error. */
int record_finish(struct record *record, const struct view *view, struct error *error);

#endif
