/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a stack walk ended, in words. */
#ifndef OUTLIVE_STREAM_STACK_STATUS_H
#define OUTLIVE_STREAM_STACK_STATUS_H

#include <stdint.h>

#include "outlive/wire.h"

struct stack_status {
	const char *name; /* for JSON: "no-row" */
	const char *text; /* for people: why the frames end where they end */
};

/* Row i is status i of enum wire_stack_status. */
extern const struct stack_status stack_statuses[WIRE_STACK_STATUS_COUNT];

/* The row of `status`, which may come from a newer version: then a row named
 * "unknown". Never NULL. */
const struct stack_status *stack_status_find(uint8_t status);

#endif
