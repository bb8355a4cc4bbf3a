/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/replaced.h"

#include "base/hash.h"

static uint32_t *head_of(struct replaced *replaced, uint32_t process, uint64_t address)
{
	return &replaced->heads[hash_mix(address ^ (uint64_t)process << 40) % REPLACED_MAX];
}

/* Take row `row` out of its chain. */
static void unlink_row(struct replaced *replaced, uint32_t row)
{
	struct replaced_block *gone = &replaced->rows[row];
	uint32_t *link = head_of(replaced, gone->process, gone->block.address);

	while (*link != row + 1)
		link = &replaced->rows[*link - 1].next;
	*link = gone->next;
	gone->used = false;
	replaced->count--;
}

void replaced_put(struct replaced *replaced, uint32_t process, const struct block *block,
		  uint64_t replaced_ns)
{
	uint32_t row = replaced->next;
	uint32_t *head = head_of(replaced, process, block->address);

	if (replaced->rows[row].used)
		unlink_row(replaced, row);
	replaced->rows[row] = (struct replaced_block){
		.block = *block,
		.process = process,
		.replaced_ns = replaced_ns,
		.next = *head,
		.used = true,
	};
	*head = row + 1;
	replaced->next = (row + 1) % REPLACED_MAX;
	replaced->count++;
}

bool replaced_take(struct replaced *replaced, uint32_t process, uint64_t address,
		   uint64_t latest_birth, struct replaced_block *ret_block)
{
	if (replaced->count == 0)
		return false;
	for (uint32_t at = *head_of(replaced, process, address); at;) {
		const struct replaced_block *row = &replaced->rows[at - 1];

		if (row->process == process && row->block.address == address &&
		    row->block.birth <= latest_birth) {
			*ret_block = *row;
			unlink_row(replaced, at - 1);
			return true;
		}
		at = row->next;
	}
	return false;
}

void replaced_forget(struct replaced *replaced, uint32_t process)
{
	for (uint32_t row = 0; row < REPLACED_MAX; row++)
		if (replaced->rows[row].used && replaced->rows[row].process == process)
			unlink_row(replaced, row);
}
