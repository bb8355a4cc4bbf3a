/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that BPF does not see: which process is traced, what its address space
 * was when the trace began, how much of it is resident, and what was lost.
 */
#ifndef OUTLIVE_CAPTURE_SIDE_H
#define OUTLIVE_CAPTURE_SIDE_H

#include <stdint.h>

#include "stream/event.h"

/* CLOCK_MONOTONIC now: the clock of all events. */
uint64_t side_now_ns(void);

/* EVENT_PROCESS for `pid`, then an EVENT_MAP with WIRE_BEFORE_TRACE for each of its
 * mappings. Returns 0, a -errno (-ESRCH: it is gone), or what `deliver` returned. */
int side_process(uint32_t pid, event_fn deliver, void *context);

/* The EVENT_PROCESS alone, for one that runs a new program. Returns likewise. */
int side_program(uint32_t pid, event_fn deliver, void *context);

/* EVENT_RESIDENT for `pid`; nothing when it has no memory any more. `peak_bytes`: a
 * peak known otherwise, 0 none. Returns 0 or what `deliver` returned. */
int side_resident(uint32_t pid, uint64_t last_rss_bytes, uint64_t peak_bytes, event_fn deliver,
		  void *context);

#endif
