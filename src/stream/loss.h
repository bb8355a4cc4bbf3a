/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why something was not seen: one row per cause, for JSON and for people. */
#ifndef OUTLIVE_STREAM_LOSS_H
#define OUTLIVE_STREAM_LOSS_H

#include "outlive/wire.h"

struct loss_cause {
	const char *name;   /* JSON field of `quality`: "lost_allocs" */
	const char *text;   /* follows the count: "allocations dropped, …" */
	const char *remedy; /* what to do about it, one sentence without a full stop */
};

/* Row i is cause i of enum wire_loss. */
extern const struct loss_cause loss_causes[WIRE_LOSS_COUNT];

#endif
