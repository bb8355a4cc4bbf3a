/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where events come from: the live ring or a file. */
#ifndef OUTLIVE_STREAM_SOURCE_H
#define OUTLIVE_STREAM_SOURCE_H

#include "stream/event.h"

struct source {
	/*
	 * Deliver what is there, waiting up to timeout_ms for something. Returns
	 * the number of events delivered (0: nothing came), -EPIPE when there
	 * will never be more, the callback's error, or another -errno.
	 */
	int (*poll)(struct source *source, event_fn deliver, void *context, int timeout_ms);

	/* Release the source. What was not polled is lost. */
	void (*close)(struct source *source);
};

#endif
