/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/weight.h"

#include <math.h>

#include "ledger/blocks.h"
#include "outlive/sample.h"

double weight_probability(uint64_t size, uint16_t rate)
{
	uint64_t bytes = sample_bytes(rate);

	if (bytes == 0)
		return 1;
	/* As in bpf/sample.bpf.h: an empty block is drawn as if it had one byte. */
	return -expm1(-(double)(size ? size : 1) / (double)bytes);
}

struct weight weight_of_sampled(uint64_t size, uint16_t rate)
{
	double probability = weight_probability(size, rate);
	double bytes = (double)size / probability;

	/* Below the largest size nothing is lost in a double; above it nothing is real. */
	return (struct weight){
		.bytes = bytes < (double)BLOCKS_MAX_SIZE ? (uint64_t)llround(bytes) : size,
		.blocks = (uint64_t)llround(WEIGHT_ONE / probability),
	};
}
