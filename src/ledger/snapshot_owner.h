/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that lives as long as a snapshot; private to src/ledger. */
#ifndef OUTLIVE_LEDGER_SNAPSHOT_OWNER_H
#define OUTLIVE_LEDGER_SNAPSHOT_OWNER_H

#include <stddef.h>

#include "ledger/snapshot.h"

struct snapshot_chunk;

/* What a snapshot pointer really points at: snapshot_free() releases all of it. */
struct snapshot_owner {
	struct snapshot snapshot;
	struct snapshot_chunk *chunks;
};

/*
 * Zeroed memory for `count` rows of `size` bytes, released with the snapshot.
 * NULL only without memory, also for 0 rows.
 */
void *owner_keep(struct snapshot_owner *owner, size_t count, size_t size);

/* A copy of `text` (NULL: ""), released with the snapshot. NULL without memory. */
char *owner_text(struct snapshot_owner *owner, const char *text);

#endif
