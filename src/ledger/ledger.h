/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger: what is live, whose it is, and where it came from.
 *
 * Events go in (ledger_apply), a snapshot comes out (ledger_snapshot). The
 * ledger knows no clock and no /proc: time is the events' time, so a recording
 * replayed gives what the live run gave.
 */
#ifndef OUTLIVE_LEDGER_LEDGER_H
#define OUTLIVE_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"
#include "ledger/window.h"
#include "stream/event.h"

struct ledger;

/* A new, empty ledger, or NULL without memory. Release with ledger_free. */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/*
 * Of which blocks, and of which moment, all snapshots are to be from now on. Marks are
 * found as they come. Best before the first event: what a window's blocks were and were
 * freed is counted from here on only (exactly for a window that begins here or later). Events later than wish->at are not applied,
 * but for those that only name or describe what is there.
 */
void ledger_set_window(struct ledger *ledger, const struct window_wish *wish);

/*
 * Apply one event. Returns 0, or -ENOMEM (the event is then not applied and
 * counted in quality.ledger_full). Hostile or senseless events (frees of
 * unknown blocks, sizes near 2^64, ranges that wrap) are counted, never fatal.
 */
int ledger_apply(struct ledger *ledger, const struct event *event);

/*
 * Apply `count` events in order, as ledger_apply() would one by one, but faster:
 * while one is applied, memory that the next ones need is already on its way.
 * Returns 0, or -ENOMEM when at least one was not applied.
 */
int ledger_apply_batch(struct ledger *ledger, const struct event *events, size_t count);

/*
 * Everything the reports need, as of `now_ns` (ages are relative to it; give
 * the time of the last event or of the end of the trace). The snapshot is
 * immutable and independent of the ledger; release it with snapshot_free. Processes whose
 * blocks are as at the last snapshot are not walked again.
 * Returns 0 or -ENOMEM.
 */
int ledger_snapshot(const struct ledger *ledger, uint64_t now_ns, struct snapshot **ret_snapshot);

/* Time of the first event; 0 before it. */
uint64_t ledger_start_ns(const struct ledger *ledger);

/* How many marks came, and these, their times since the start; valid until the next comes. */
size_t ledger_marks(const struct ledger *ledger, const struct snapshot_mark **ret_marks);

/* Bytes of memory that the live block tables hold, all in, and the blocks in them. */
void ledger_footprint(const struct ledger *ledger, uint64_t *ret_bytes, uint64_t *ret_blocks);

#endif
