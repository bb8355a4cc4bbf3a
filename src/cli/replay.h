/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording in, a view out: the same as a live trace from another source. */
#ifndef OUTLIVE_CLI_REPLAY_H
#define OUTLIVE_CLI_REPLAY_H

#include "cli/live.h"

/*
 * Read the recording at `path` to its end, or until `watch` ends it or the user
 * interrupts. What is missing of it is in
 * view->damage, and said on standard error unless there is a screen. Returns 0 with
 * view->snapshot, or a -errno with `error` filled. view_end() releases either way.
 */
int replay_run(const char *path, const struct live_watch *watch, struct view *view,
	       struct error *error);

#endif
