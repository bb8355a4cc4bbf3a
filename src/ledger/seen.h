/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the last picture found out by looking at all live blocks of a process. Of five
 * hundred processes most have done nothing since, and ten million blocks are a walk
 * of a tenth of a second.
 */
#ifndef OUTLIVE_LEDGER_SEEN_H
#define OUTLIVE_LEDGER_SEEN_H

#include <stddef.h>

#include "ledger/blocks.h"

/* All zeroes: nothing was looked at. */
struct seen {
	struct blocks_of_cell *cells; /* cell_count of them, and one */
	size_t cell_count;
	uint64_t changes; /* of the table, then */
};

/*
 * By cell, all live blocks of a table whose blocks name `cell_count` cells: as it was
 * found last time where nothing has changed, else looked at now. It stays valid until
 * the next call or seen_free. NULL without memory.
 */
const struct blocks_of_cell *seen_look(struct seen *seen, const struct blocks *blocks,
				       size_t cell_count);
void seen_free(struct seen *seen);

#endif
