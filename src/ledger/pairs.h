/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs: blocks that a thread made and soon freed again, as counts (struct wire_pairs).
 *
 * They are booked like so many allocations and frees. The live block table never sees
 * them. What is told one by one may be late beside them, and they beside it: times
 * decide. The only difference that they make is to windows between times that were not
 * known when the trace ran: a count that spans such a time, of some 20 ms at most, falls
 * to the side where its first block was born.
 */
#ifndef OUTLIVE_LEDGER_PAIRS_H
#define OUTLIVE_LEDGER_PAIRS_H

#include "ledger/tables.h"

/* Apply an EVENT_PAIRS of `process`. Returns 0, or -ENOMEM with the books as they were. */
int pairs_apply(struct ledger *ledger, struct process *process, const struct event *event);

#endif
