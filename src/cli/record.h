/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording that a live trace writes: its file, its names, its end. */
#ifndef OUTLIVE_CLI_RECORD_H
#define OUTLIVE_CLI_RECORD_H

#include "cli/live.h"
#include "cli/options.h"

struct recorder;

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
 * After the trace: add the names of what `view` shows, close the file and say on standard
 * error what it holds. `view` may be without a snapshot when the trace failed. Returns 0,
 * or a -errno with `error` filled when the recording is not whole.
 */
int record_finish(struct record *record, const struct view *view, struct error *error);

#endif
