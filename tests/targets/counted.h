/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting by hand what a target makes and frees: its own truth, whatever it calls for that. */
#ifndef TARGETS_COUNTED_H
#define TARGETS_COUNTED_H

#include "target.h"

static uint64_t allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
__attribute__((unused)) static uint64_t failed_calls; /* not every target lets calls fail */

/* `block` was made, of `size` bytes. Returns it, every byte written. */
static void *made(void *block, size_t size)
{
	if (!block)
		_exit(95);
	memset(block, 1, size);
	allocated_bytes += size;
	allocated_blocks++;
	return block;
}

/* `block` of `size` bytes is about to be freed. Returns it. */
static void *going(void *block, size_t size)
{
	freed_bytes += size;
	freed_blocks++;
	return block;
}

#endif
