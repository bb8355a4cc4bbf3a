/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closes links beside the tracing thread.
 *
 * The kernel waits for grace periods as a probe is taken out, some 10 to 100 ms for each
 * link, with locks held that placing probes needs as well. Events must not lie in the ring
 * meanwhile, and a new process must not wait for what is left of an ended one: so it is
 * done when no probes have been placed for a while, unless too many links wait. At the end
 * many are closed at a time.
 */
#ifndef OUTLIVE_CAPTURE_ATTACH_CLOSER_H
#define OUTLIVE_CAPTURE_ATTACH_CLOSER_H

#include "capture/attach.h"

struct attach_closer;

/* Start it. NULL: no memory, or no thread. */
struct attach_closer *attach_closer_new(void);

/* Hand a link over. Returns 0, or -ENOMEM and it stays the caller's. */
int attach_closer_add(struct attach_closer *closer, const struct attach_link *link);

/* Do not wait for quiet with those that it has now. */
void attach_closer_urge(struct attach_closer *closer);

/* Between the two it closes nothing, and not soon after. NULL is fine. */
void attach_closer_hold(struct attach_closer *closer);
void attach_closer_let_go(struct attach_closer *closer);

/* Close what is left, and end it. */
void attach_closer_finish(struct attach_closer *closer);

/* Close one link here and now. */
void attach_link_close(const struct attach_link *link);

#endif
