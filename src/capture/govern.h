/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrying out what the governor decides (governor.h). Private to this folder. */
#ifndef OUTLIVE_CAPTURE_GOVERN_H
#define OUTLIVE_CAPTURE_GOVERN_H

#include "capture/poll.h"

/* After load: measure what a probe costs, if there is a limit to keep. Returns 0 or a -errno
 * with `error` filled. */
int govern_calibrate(struct capture *capture, struct error *error);

/* How much is traced of a new process: as of `parent`, or with NULL what was asked for. */
void govern_begin(const struct capture *capture, struct traced *traced,
		  const struct traced *parent);

/* At the start of the trace: tell how little is traced, where that was asked for. Returns 0 or
 * what the receiver of events returned. */
int govern_announce(struct capture *capture, const struct traced *traced);

/* Are probes to be in this process? */
bool govern_wants_probes(const struct traced *traced);

/* The row of the process as BPF is to see it. */
struct scope_process govern_row(const struct capture *capture, const struct traced *traced);

/*
 * Look at all processes, some 100 times a second, and give up what costs too much. Returns 0
 * or what the receiver of events returned.
 */
int govern_tick(struct capture *capture);

#endif
