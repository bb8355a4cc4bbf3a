/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF ring buffer, and the map that takes the frees it had no room for. */
#ifndef OUTLIVE_CAPTURE_RING_H
#define OUTLIVE_CAPTURE_RING_H

#include "stream/event.h"

struct outlive_bpf;
struct ring;

/* Map the ring of a loaded skeleton. Returns 0 or a -errno; release with ring_close. */
int ring_open(struct outlive_bpf *skeleton, struct ring **ret_ring);
void ring_close(struct ring *ring); /* NULL is fine */

/*
 * Deliver what is in the ring, then the frees of the overflow map. When there is
 * nothing, sleep up to `timeout_ms` and look again; a ring that fills meanwhile
 * ends the sleep. A busy ring is left after RING_BATCH records, so that the caller
 * can look to its other duties.
 *
 * Returns the number of events delivered, what `deliver` returned when negative,
 * or a -errno. Records that make no sense are counted and skipped.
 */
int ring_poll(struct ring *ring, event_fn deliver, void *context, int timeout_ms);

/* How far the ring has been filled and emptied so far, bytes since the beginning. */
uint64_t ring_produced(const struct ring *ring);
uint64_t ring_consumed(const struct ring *ring);

#define RING_BATCH 200000

#endif
