/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the heap: what an allocation, a free and a realloc do to the books. */
#ifndef OUTLIVE_LEDGER_HEAP_H
#define OUTLIVE_LEDGER_HEAP_H

#include "ledger/tables.h"

/*
 * Apply an EVENT_ALLOC, EVENT_FREE or EVENT_REALLOC of `process`. Returns 0, or
 * -ENOMEM with the books as they were.
 */
int heap_alloc(struct ledger *ledger, struct process *process, const struct event *event);
int heap_free(struct ledger *ledger, struct process *process, const struct event *event);
int heap_realloc(struct ledger *ledger, struct process *process, const struct event *event);

/* Blocks of `site` (row) were made; should `stack` not have come, they count as such. */
void heap_count_unknown_stack(struct process *process, uint32_t site, uint64_t stack,
			      uint64_t blocks);

#endif
