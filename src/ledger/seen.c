/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void seen_free(struct seen *seen)
{
	free(seen->cells);
	memset(seen, 0, sizeof(*seen));
}

const struct blocks_of_cell *seen_look(struct seen *seen, const struct blocks *blocks,
				       size_t cell_count)
{
	/* A cell is made together with its first block. */
	if (seen->cells && seen->changes == blocks->changes && seen->cell_count == cell_count)
		return seen->cells;
	seen_free(seen);
	seen->cells = calloc(cell_count + 1, sizeof(*seen->cells));
	if (!seen->cells)
		return NULL;
	blocks_by_cell(blocks, 0, UINT64_MAX, seen->cells, (uint32_t)cell_count);
	seen->cell_count = cell_count;
	seen->changes = blocks->changes;
	return seen->cells;
}
