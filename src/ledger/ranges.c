/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/vec.h"
#include "outlive/wire.h"

#define PAGE_BYTES 4096ull /* the smallest page there is; the kernel rounds lengths up to pages */

void ranges_free(struct ranges *ranges)
{
	range_tree_free(&ranges->tree);
	free(ranges->owners);
	map_free(&ranges->by_owner);
	memset(ranges, 0, sizeof(*ranges));
}

enum range_kind range_kind_of(uint32_t prot, uint32_t map_flags, int32_t fd, uint8_t wire_flags)
{
	if (wire_flags & WIRE_BEFORE_TRACE)
		return RANGE_BEFORE;
	if (map_flags & (MAP_STACK | MAP_GROWSDOWN))
		return RANGE_STACK;
	if (!(map_flags & MAP_ANONYMOUS) && fd >= 0)
		return RANGE_FILE;
	if (prot == PROT_NONE)
		return RANGE_RESERVED;
	return wire_flags & WIRE_IN_ALLOCATOR ? RANGE_BACKING : RANGE_ANONYMOUS;
}

uint32_t ranges_owner(struct ranges *ranges, uint64_t stack, uint32_t thread, uint64_t length,
		      uint64_t now_ns)
{
	uint64_t key = hash_mix(stack + hash_mix(thread + 1ull));
	struct range_owner *owner;
	uint32_t row;

	if (!map_get(&ranges->by_owner, key, &row)) {
		row = (uint32_t)ranges->owner_count;
		if (row >= RANGES_MAX_OWNERS ||
		    VEC_PUSH_ROOM(ranges->owners, ranges->owner_count, ranges->owner_capacity) < 0 ||
		    map_set(&ranges->by_owner, key, row) < 0)
			return 0;
		ranges->owners[ranges->owner_count++] = (struct range_owner){
			.stack = stack, .thread = thread, .first_ns = now_ns,
		};
	}
	owner = &ranges->owners[row];
	owner->made_bytes += (length + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	owner->made_ranges++;
	owner->last_ns = now_ns;
	return row + 1;
}

/* What a range is like apart from where it lies. */
struct making {
	uint64_t birth_ns;
	uint32_t owner;
	uint8_t kind;
};

static struct making making_of(const struct range *range)
{
	return (struct making){ range->birth_ns, range->owner, range->kind };
}

static void add(struct ranges *ranges, uint64_t start, uint64_t end, const struct making *making)
{
	struct range range = {
		.start = start,
		.end = end,
		.birth_ns = making->birth_ns,
		.owner = making->owner,
		.kind = making->kind,
	};

	range_tree_insert(&ranges->tree, &range);
	ranges->bytes[range.kind] += end - start;
	ranges->counts[range.kind]++;
	if (range.owner) {
		ranges->owners[range.owner - 1].live_bytes += end - start;
		ranges->owners[range.owner - 1].live_ranges++;
	}
}

static void drop(struct ranges *ranges, const struct range *range)
{
	range_tree_remove(&ranges->tree, range->start);
	ranges->bytes[range->kind] -= range->end - range->start;
	ranges->counts[range->kind]--;
	if (range->owner) {
		ranges->owners[range->owner - 1].live_bytes -= range->end - range->start;
		ranges->owners[range->owner - 1].live_ranges--;
	}
}

/* Cut [start, end) out of everything old enough. Each cut range leaves at most
 * two, one of which takes its own place: room for one more is enough. */
static void carve(struct ranges *ranges, uint64_t start, uint64_t end, uint64_t enter_ns)
{
	struct range range;
	uint64_t from = start;

	while (range_tree_first(&ranges->tree, from, &range) && range.start < end) {
		struct making making = making_of(&range);

		from = range.end;
		if (range.birth_ns > enter_ns)
			continue;
		drop(ranges, &range);
		if (range.start < start)
			add(ranges, range.start, start, &making);
		if (range.end > end)
			add(ranges, end, range.end, &making);
	}
}

/* How many gaps [start, end) has once everything old enough is carved out of it. */
static size_t count_gaps(const struct ranges *ranges, uint64_t start, uint64_t end,
			 uint64_t enter_ns)
{
	struct range range;
	uint64_t from = start;
	size_t gaps = 1;

	while (range_tree_first(&ranges->tree, from, &range) && range.start < end) {
		from = range.end;
		gaps += range.birth_ns > enter_ns;
	}
	return gaps;
}

/* Put a range into every gap of [start, end). */
static void fill(struct ranges *ranges, uint64_t start, uint64_t end, const struct making *making)
{
	struct range range;

	while (start < end) {
		bool found = range_tree_first(&ranges->tree, start, &range) && range.start < end;
		uint64_t gap_end = found ? range.start : end;

		if (gap_end > start)
			add(ranges, start, gap_end, making);
		start = found ? range.end : end;
	}
}

/* Where [start, start + *length) ends once the kernel has rounded it up to
 * pages. Returns 0 and the rounded *length, or -EINVAL. */
static int round_length(uint64_t start, uint64_t *length)
{
	uint64_t rounded = (*length + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

	if (rounded == 0 || rounded < *length || start + rounded < start)
		return -EINVAL;
	*length = rounded;
	return 0;
}

static int make_room(struct ranges *ranges, size_t more)
{
	if (ranges->tree.count + more > RANGES_MAX)
		return -ENOSPC;
	return range_tree_reserve(&ranges->tree, more);
}

int ranges_map(struct ranges *ranges, uint64_t start, uint64_t length, uint64_t enter_ns,
	       uint64_t born_ns, enum range_kind kind, uint32_t owner)
{
	const struct making making = { born_ns, owner, (uint8_t)kind };
	int result = round_length(start, &length);

	if (result < 0)
		return result;
	result = make_room(ranges, count_gaps(ranges, start, start + length, enter_ns) + 1);
	if (result < 0)
		return result;
	carve(ranges, start, start + length, enter_ns);
	fill(ranges, start, start + length, &making);
	return 0;
}

int ranges_unmap(struct ranges *ranges, uint64_t start, uint64_t length, uint64_t enter_ns)
{
	int result = round_length(start, &length);

	if (result < 0)
		return result;
	/* No limit here: what gives ranges back may not be refused by it. */
	result = range_tree_reserve(&ranges->tree, 1);
	if (result < 0)
		return result;
	carve(ranges, start, start + length, enter_ns);
	return 0;
}

struct pieces {
	struct range *rows;
	size_t count, capacity;
};

/* A piece of a move, as offsets from the range's start. */
static int piece_push(struct pieces *pieces, uint64_t start, uint64_t end, uint32_t owner,
		      uint8_t kind)
{
	if (VEC_PUSH_ROOM(pieces->rows, pieces->count, pieces->capacity) < 0)
		return -ENOMEM;
	pieces->rows[pieces->count++] =
		(struct range){ .start = start, .end = end, .owner = owner, .kind = kind };
	return 0;
}

/*
 * What the new range will consist of: the old enough parts of the old one, as
 * offsets, cut to `length`, the last kind going on to the end.
 */
static int collect(const struct ranges *ranges, uint64_t old_start, uint64_t old_length,
		   uint64_t length, uint64_t enter_ns, struct pieces *pieces)
{
	uint64_t end = old_start + (old_length < length ? old_length : length);
	uint64_t from = old_start;
	struct range range;
	struct range *last;

	while (range_tree_first(&ranges->tree, from, &range) && range.start < end) {
		uint64_t low = range.start > old_start ? range.start - old_start : 0;
		uint64_t high = (range.end < end ? range.end : end) - old_start;

		if (range.birth_ns <= enter_ns &&
		    piece_push(pieces, low, high, range.owner, range.kind) < 0)
			return -ENOMEM;
		from = range.end;
	}
	if (pieces->count == 0)
		return piece_push(pieces, 0, length, 0, RANGE_BEFORE);
	last = &pieces->rows[pieces->count - 1];
	if (last->end == end - old_start)
		last->end = length;
	return 0;
}

int ranges_remap(struct ranges *ranges, uint64_t old_start, uint64_t old_length, uint64_t start,
		 uint64_t length, uint64_t enter_ns, uint64_t born_ns, bool keep_old)
{
	CLEANUP_FREE struct range *rows = NULL;
	struct pieces pieces = { 0 };
	size_t more;
	int result = round_length(start, &length);

	if (result < 0 || (old_length && round_length(old_start, &old_length) < 0))
		return -EINVAL;
	/* Length 0 asks for a second mapping of the same pages (mremap(2)). */
	result = collect(ranges, old_start, old_length ? old_length : length, length, enter_ns,
			 &pieces);
	rows = pieces.rows;
	if (result < 0)
		return result;
	more = pieces.count + count_gaps(ranges, start, start + length, enter_ns) + 3;
	result = make_room(ranges, more);
	if (result < 0)
		return result;
	if (!keep_old && old_length)
		carve(ranges, old_start, old_start + old_length, enter_ns);
	carve(ranges, start, start + length, enter_ns);
	for (size_t i = 0; i < pieces.count; i++) {
		const struct making making = { born_ns, rows[i].owner, rows[i].kind };

		fill(ranges, start + rows[i].start, start + rows[i].end, &making);
	}
	return 0;
}
