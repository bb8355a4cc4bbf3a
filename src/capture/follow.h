/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the capture does as processes come, change and go: it meets new ones and judges
 * whether they are wanted, gives children their probes, and forgets those that ended.
 * Private to this folder.
 */
#ifndef OUTLIVE_CAPTURE_FOLLOW_H
#define OUTLIVE_CAPTURE_FOLLOW_H

#include "capture/poll.h"

/* Tell what a sampled process called so far, if that is more than was told. Returns 0 or what
 * the receiver of events returned. */
int follow_calls(struct capture *capture, struct traced *traced);

/* event_fn, `context` is the capture: an event on its way to the receiver. */
int follow_event(const struct event *event, void *context);

/* After the events of a poll: look at processes that changed, forget those that ended.
 * Returns as look_at(). */
int follow_settle(struct capture *capture);

/* Meet the processes of the scope that came since it was listed. Returns as look_at(). */
int follow_present(struct capture *capture);

#endif
