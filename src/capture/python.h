/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Python side of a capture: interpreters are found in the traced processes
 * and made known to BPF, and the stacks it sends are named as they come.
 */
#ifndef OUTLIVE_CAPTURE_PYTHON_H
#define OUTLIVE_CAPTURE_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/binaries.h"

struct pythons; /* by slot of the traced process */

/* For `slots` processes, with `map_fd` the BPF map `pythons`. NULL without memory. */
struct pythons *pythons_new(size_t slots, int map_fd);
void pythons_free(struct pythons *pythons); /* NULL is fine */

/*
 * After binaries_scan(pid): is there an interpreter in the process in `slot` that was
 * not there at the last look? Then BPF learns of it and an EVENT_PYTHON is delivered.
 * Returns 0, a -errno, or what `deliver` returned.
 */
int pythons_look(struct pythons *pythons, uint32_t slot, uint32_t pid,
		 const struct binaries *binaries, event_fn deliver, void *context);

/* Is there an interpreter in `slot`, as far as is known? */
bool pythons_has(const struct pythons *pythons, uint32_t slot);

/* An interpreter that has come to life since: tell BPF the short way to its thread states.
 * Cheap; to be called now and then. */
void pythons_settle(struct pythons *pythons);

/* The process in `slot` runs a new program. */
void pythons_forget(struct pythons *pythons, uint32_t slot);

/*
 * Name the frames of `event`, an EVENT_PYTHON_STACK of the process in `slot`, and
 * deliver them as EVENT_PYTHON_FRAMES. Returns what `deliver` returned.
 */
int pythons_stack(struct pythons *pythons, uint32_t slot, const struct event *event,
		  event_fn deliver, void *context);

#endif
