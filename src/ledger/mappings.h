/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of mappings: what mmap, munmap, mremap and brk do to the books. The heap's are
 * in ledger/heap.h; a mapping is no block, also where an allocator makes blocks of it.
 */
#ifndef OUTLIVE_LEDGER_MAPPINGS_H
#define OUTLIVE_LEDGER_MAPPINGS_H

#include "ledger/tables.h"

/*
 * Apply an EVENT_MAP, EVENT_UNMAP, EVENT_REMAP or EVENT_BRK of `process`. Senseless ones
 * (ranges that wrap), and those that there are too many ranges for, are counted. Returns 0,
 * or -ENOMEM.
 */
int mappings_apply(struct ledger *ledger, struct process *process, const struct event *event);

#endif
