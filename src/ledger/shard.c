/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A shard is one array, in which the entries lie in the order of their hashes,
 * each at its home or as close behind it as its neighbours allow (linear probing
 * kept in order: Amble and Knuth, Computer Journal 1974). A home is the hash
 * scaled to the capacity, not taken modulo a power of two, so homes come in the
 * same order as hashes, and:
 *
 *   - a search ends at the first larger hash, also for what is not there;
 *   - a removal moves followers back until one that is at home, and leaves no
 *     tombstone: a table that churns for a week is as quick as a new one;
 *   - any capacity will do, and copying to a new array is one pass over both.
 *
 * Behind the last home lies a tail for those that the end has crowded out, and
 * behind that one place that always stays free, where every search ends.
 */
#include "ledger/shard.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 32

/* Percent of the capacity. 24 bytes / MIN_LOAD = 38.7 bytes per block at worst. */
#define MAX_LOAD 75
#define MIDDLE_LOAD 68 /* of a new array */
#define MIN_LOAD 62

#define TAIL 12 /* places; too few one time in a thousand, then twice as many */

const struct entry *shard_home(const struct blocks_shard *shard, uint64_t hash)
{
	uint64_t own = hash << (64 - ENTRY_HASH_BITS) << shard->depth >> 32;

	return &shard->entries[own * shard->capacity >> 32];
}

struct entry *shard_place(const struct blocks_shard *shard, uint64_t hash)
{
	struct entry *entry = (struct entry *)shard_home(shard, hash);

	while (entry_hash(entry) && entry_hash(entry) < hash)
		entry++;
	return entry;
}

static const struct entry *end_of(const struct blocks_shard *shard)
{
	return shard->entries + shard->capacity + shard->tail;
}

struct shard_part shard_all(const struct blocks_shard *shard)
{
	return (struct shard_part){ shard->entries, end_of(shard) };
}

size_t shard_bytes(const struct blocks_shard *shard)
{
	return sizeof(*shard) +
	       ((size_t)shard->capacity + shard->tail + 1) * sizeof(*shard->entries);
}

void shard_free(struct blocks_shard *shard)
{
	if (shard)
		free(shard->entries);
	free(shard);
}

/* Append the entries of a part, each at its home or right behind the one before;
 * *next is the first place not written yet. One place of the tail stays free for
 * the next insertion. Returns false when the tail is too short. */
static bool append(struct blocks_shard *shard, const struct shard_part *part, struct entry **next)
{
	for (const struct entry *from = part->from; from < part->end; from++) {
		struct entry *home;

		if (!entry_hash(from))
			continue;
		home = (struct entry *)shard_home(shard, entry_hash(from));
		if (home > *next)
			*next = home;
		if (*next + 1 == end_of(shard))
			return false;
		*(*next)++ = *from;
	}
	return true;
}

struct blocks_shard *shard_new(const struct shard_part parts[2], uint32_t count, unsigned int depth)
{
	uint32_t capacity = (uint32_t)((uint64_t)count * 100 / MIDDLE_LOAD) + 1;
	struct blocks_shard *shard = calloc(1, sizeof(*shard));

	if (!shard)
		return NULL;
	shard->references = 1;
	shard->count = count;
	shard->depth = depth;
	shard->capacity = capacity > MIN_CAPACITY ? capacity : MIN_CAPACITY;
	/* A tail of `count` + 1 places is never too short: the loop ends. */
	for (shard->tail = TAIL;; shard->tail *= 2) {
		struct entry *next;

		shard->entries = calloc((size_t)shard->capacity + shard->tail + 1,
					sizeof(*shard->entries));
		if (!shard->entries)
			break;
		next = shard->entries;
		if (append(shard, &parts[0], &next) && append(shard, &parts[1], &next))
			return shard;
		free(shard->entries);
	}
	free(shard);
	return NULL;
}

struct blocks_shard *shard_copy(const struct blocks_shard *shard)
{
	size_t places = (size_t)shard->capacity + shard->tail + 1;
	struct blocks_shard *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *shard;
	copy->references = 1;
	copy->owner = NULL;
	copy->entries = malloc(places * sizeof(*copy->entries));
	if (!copy->entries) {
		free(copy);
		return NULL;
	}
	memcpy(copy->entries, shard->entries, places * sizeof(*copy->entries));
	return copy;
}

void shard_inherit(struct blocks_shard *shard)
{
	for (struct entry *entry = shard->entries; entry < end_of(shard); entry++) {
		if (entry_hash(entry))
			entry->word[2] |= ENTRY_INHERITED;
	}
}

bool shard_full(const struct blocks_shard *shard)
{
	return (shard->count + 1) * 100ull > shard->capacity * (uint64_t)MAX_LOAD ||
	       entry_hash(end_of(shard) - 1);
}

bool shard_sparse(const struct blocks_shard *shard)
{
	return shard->capacity > MIN_CAPACITY &&
	       shard->count * 100ull < shard->capacity * (uint64_t)MIN_LOAD;
}

void shard_insert(struct blocks_shard *shard, struct entry *place, struct entry entry)
{
	struct entry *gap = place;

	while (entry_hash(gap))
		gap++;
	memmove(place + 1, place, (size_t)(gap - place) * sizeof(*place));
	*place = entry;
	shard->count++;
}

void shard_remove(struct blocks_shard *shard, struct entry *place)
{
	struct entry *last = place;

	while (entry_hash(last + 1) && shard_home(shard, entry_hash(last + 1)) != last + 1)
		last++;
	memmove(place, place + 1, (size_t)(last - place) * sizeof(*place));
	memset(last, 0, sizeof(*last));
	shard->count--;
}
