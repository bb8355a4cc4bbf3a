/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recorded block stands for.
 *
 * A block that was sampled with probability p counts 1/p times: its expected count is
 * then 1, whatever its size. This holds block by block and not for sums, since small
 * blocks stand for many and large ones for hardly more than themselves (to sum first and
 * scale then was a bug of jeprof and pprof: jemalloc, doc_internal/PROFILING_INTERNALS.md).
 *
 * Weights are whole numbers, blocks in 1/WEIGHT_ONE, so that what is taken off the books
 * is to the unit what was put there.
 */
#ifndef OUTLIVE_LEDGER_WEIGHT_H
#define OUTLIVE_LEDGER_WEIGHT_H

#include <stdint.h>

#include "ledger/snapshot.h"

#define WEIGHT_ONE 65536u

struct weight {
	uint64_t bytes;
	uint64_t blocks; /* in 1/WEIGHT_ONE */
};

/* Probability that a block of `size` bytes is sampled at `rate` (sample_code(); not 0). */
double weight_probability(uint64_t size, uint16_t rate);

struct weight weight_of_sampled(uint64_t size, uint16_t rate);

/* Of a block of `size` bytes that was recorded at `rate`; 0: all are. */
static inline struct weight weight_of(uint64_t size, uint16_t rate)
{
	return rate ? weight_of_sampled(size, rate)
		    : (struct weight){ .bytes = size, .blocks = WEIGHT_ONE };
}

/* Whole blocks, rounded. */
static inline uint64_t weight_blocks(uint64_t blocks)
{
	return (blocks + WEIGHT_ONE / 2) / WEIGHT_ONE;
}

/* As struct snapshot_counts, blocks in 1/WEIGHT_ONE. */
struct tally {
	uint64_t live_bytes, live_blocks;
	uint64_t allocated_bytes, allocated_blocks;
	uint64_t freed_bytes, freed_blocks;
};

static inline void tally_made(struct tally *tally, const struct weight *weight)
{
	tally->allocated_bytes += weight->bytes;
	tally->allocated_blocks += weight->blocks;
	tally->live_bytes += weight->bytes;
	tally->live_blocks += weight->blocks;
}

static inline void tally_freed(struct tally *tally, const struct weight *weight)
{
	tally->freed_bytes += weight->bytes;
	tally->freed_blocks += weight->blocks;
}

static inline void tally_dead(struct tally *tally, const struct weight *weight)
{
	tally->live_bytes -= weight->bytes;
	tally->live_blocks -= weight->blocks;
}

/* As many blocks, of `bytes` in all, were made and freed; none was sampled. */
static inline void tally_pairs(struct tally *tally, uint64_t bytes, uint64_t blocks)
{
	tally->allocated_bytes += bytes;
	tally->allocated_blocks += blocks * WEIGHT_ONE;
	tally->freed_bytes += bytes;
	tally->freed_blocks += blocks * WEIGHT_ONE;
}

static inline struct snapshot_counts tally_counts(const struct tally *tally)
{
	return (struct snapshot_counts){
		.live_bytes = tally->live_bytes,
		.live_blocks = weight_blocks(tally->live_blocks),
		.allocated_bytes = tally->allocated_bytes,
		.allocated_blocks = weight_blocks(tally->allocated_blocks),
		.freed_bytes = tally->freed_bytes,
		.freed_blocks = weight_blocks(tally->freed_blocks),
	};
}

#endif
