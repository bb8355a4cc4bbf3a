/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OUTLIVE_BASE_HASH_H
#define OUTLIVE_BASE_HASH_H

#include <stdint.h>

/* A 64-bit mix in which every input bit moves every output bit (the finaliser of
 * SplitMix64: Steele, Lea, Flood, OOPSLA 2014). For tables keyed by addresses or ids. */
static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

#define HASH_TEXT 0xcbf29ce484222325ull /* where a hash of text begins */

/* Go on with `hash` (HASH_TEXT at first) over a NUL-terminated text: FNV-1a (Fowler,
 * Noll, Vo), mixed. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash_mix(hash);
}

#endif
