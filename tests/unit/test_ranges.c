/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "ledger/ranges.h"
#include "outlive/wire.h"

#define PAGE 4096ull

/* Map pages [from, to) at time t, as a call that took no time. */
static void map_pages(struct ranges *ranges, uint64_t from, uint64_t to, uint64_t t,
		      enum range_kind kind)
{
	assert_int_equal(ranges_map(ranges, from * PAGE, (to - from) * PAGE, t, t, kind, 0), 0);
}

static void unmap_pages(struct ranges *ranges, uint64_t from, uint64_t to, uint64_t t)
{
	assert_int_equal(ranges_unmap(ranges, from * PAGE, (to - from) * PAGE, t), 0);
}

static void assert_pages(const struct ranges *ranges, enum range_kind kind, uint64_t pages,
			 uint64_t count)
{
	assert_int_equal(ranges->bytes[kind], pages * PAGE);
	assert_int_equal(ranges->counts[kind], count);
}

static void kinds_are_told_apart(void **state)
{
	const uint32_t rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

	(void)state;
	assert_int_equal(range_kind_of(rw, anonymous, -1, 0), RANGE_ANONYMOUS);
	assert_int_equal(range_kind_of(rw, anonymous, 3, 0), RANGE_ANONYMOUS);
	assert_int_equal(range_kind_of(rw, anonymous, -1, WIRE_IN_ALLOCATOR), RANGE_BACKING);
	assert_int_equal(range_kind_of(PROT_NONE, anonymous, -1, 0), RANGE_RESERVED);
	assert_int_equal(range_kind_of(PROT_NONE, anonymous, -1, WIRE_IN_ALLOCATOR),
			 RANGE_RESERVED);
	assert_int_equal(range_kind_of(PROT_NONE, anonymous | MAP_STACK, -1, 0), RANGE_STACK);
	assert_int_equal(range_kind_of(rw, anonymous | MAP_GROWSDOWN, -1, 0), RANGE_STACK);
	assert_int_equal(range_kind_of(rw, MAP_PRIVATE, 3, 0), RANGE_FILE);
	assert_int_equal(range_kind_of(PROT_NONE, MAP_PRIVATE, 3, 0), RANGE_FILE);
	assert_int_equal(range_kind_of(rw, anonymous, -1, WIRE_BEFORE_TRACE), RANGE_BEFORE);
}

static void partial_unmap_splits(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	map_pages(&ranges, 10, 20, 1, RANGE_ANONYMOUS);
	unmap_pages(&ranges, 13, 15, 2);
	assert_pages(&ranges, RANGE_ANONYMOUS, 8, 2);
	unmap_pages(&ranges, 10, 11, 3);
	assert_pages(&ranges, RANGE_ANONYMOUS, 7, 2);
	unmap_pages(&ranges, 5, 30, 4);
	assert_pages(&ranges, RANGE_ANONYMOUS, 0, 0);
	assert_int_equal(ranges.tree.count, 0);
	ranges_free(&ranges);
}

static void map_over_old_ranges_replaces_the_overlap(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	map_pages(&ranges, 10, 20, 1, RANGE_ANONYMOUS);
	map_pages(&ranges, 20, 30, 2, RANGE_FILE);
	map_pages(&ranges, 15, 25, 3, RANGE_RESERVED);
	assert_pages(&ranges, RANGE_ANONYMOUS, 5, 1);
	assert_pages(&ranges, RANGE_RESERVED, 10, 1);
	assert_pages(&ranges, RANGE_FILE, 5, 1);
	ranges_free(&ranges);
}

static void remap_moves_resizes_and_keeps_the_kind(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	map_pages(&ranges, 10, 20, 1, RANGE_BACKING);
	/* grow and move */
	assert_int_equal(ranges_remap(&ranges, 10 * PAGE, 10 * PAGE, 100 * PAGE, 15 * PAGE, 2, 2,
				      false),
			 0);
	assert_pages(&ranges, RANGE_BACKING, 15, 1);
	unmap_pages(&ranges, 10, 20, 3);
	assert_pages(&ranges, RANGE_BACKING, 15, 1);
	/* shrink in place */
	assert_int_equal(ranges_remap(&ranges, 100 * PAGE, 15 * PAGE, 100 * PAGE, 4 * PAGE, 4, 4,
				      false),
			 0);
	assert_pages(&ranges, RANGE_BACKING, 4, 1);
	/* MREMAP_DONTUNMAP, and a second mapping by length 0 */
	assert_int_equal(ranges_remap(&ranges, 100 * PAGE, 4 * PAGE, 200 * PAGE, 4 * PAGE, 5, 5,
				      true),
			 0);
	assert_pages(&ranges, RANGE_BACKING, 8, 2);
	assert_int_equal(ranges_remap(&ranges, 100 * PAGE, 0, 300 * PAGE, 4 * PAGE, 6, 6, false),
			 0);
	assert_pages(&ranges, RANGE_BACKING, 12, 3);
	/* of something that was never seen */
	assert_int_equal(ranges_remap(&ranges, 900 * PAGE, PAGE, 950 * PAGE, 2 * PAGE, 7, 7, false),
			 0);
	assert_pages(&ranges, RANGE_BEFORE, 2, 1);
	ranges_free(&ranges);
}

static void younger_ranges_are_left_alone(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	map_pages(&ranges, 10, 20, 1, RANGE_ANONYMOUS);
	map_pages(&ranges, 13, 15, 25, RANGE_FILE);
	unmap_pages(&ranges, 10, 20, 20); /* entered at 20, before the file came */
	assert_pages(&ranges, RANGE_ANONYMOUS, 0, 0);
	assert_pages(&ranges, RANGE_FILE, 2, 1);
	/* mmap that entered at 20 lands around it */
	assert_int_equal(ranges_map(&ranges, 10 * PAGE, 10 * PAGE, 20, 30, RANGE_ANONYMOUS, 0), 0);
	assert_pages(&ranges, RANGE_ANONYMOUS, 8, 2);
	assert_pages(&ranges, RANGE_FILE, 2, 1);
	ranges_free(&ranges);
}

static void hostile_ranges_are_refused(void **state)
{
	struct ranges ranges = { 0 };

	(void)state;
	assert_int_equal(ranges_map(&ranges, PAGE, 0, 1, 1, RANGE_FILE, 0), -EINVAL);
	assert_int_equal(ranges_map(&ranges, PAGE, UINT64_MAX, 1, 1, RANGE_FILE, 0), -EINVAL);
	assert_int_equal(ranges_map(&ranges, UINT64_MAX - PAGE, 2 * PAGE, 1, 1, RANGE_FILE, 0),
			 -EINVAL);
	assert_int_equal(ranges_unmap(&ranges, UINT64_MAX, 1, 1), -EINVAL);
	assert_int_equal(ranges_remap(&ranges, PAGE, UINT64_MAX, 2 * PAGE, PAGE, 1, 1, false),
			 -EINVAL);
	assert_int_equal(ranges_remap(&ranges, PAGE, PAGE, 2 * PAGE, 0, 1, 1, false), -EINVAL);
	assert_int_equal(ranges.tree.count, 0);
	ranges_free(&ranges);
}

static void a_hundred_thousand_ranges(void **state)
{
	struct ranges ranges = { 0 };
	const uint64_t count = 100000;

	(void)state;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = (i * 7919) % count * 2; /* in a scattered order */

		map_pages(&ranges, at, at + 1, i + 1, RANGE_ANONYMOUS);
	}
	assert_pages(&ranges, RANGE_ANONYMOUS, count, count);
	for (uint64_t i = 0; i < count; i += 2)
		unmap_pages(&ranges, i * 2, i * 2 + 1, count + 1);
	assert_pages(&ranges, RANGE_ANONYMOUS, count / 2, count / 2);
	map_pages(&ranges, 0, count * 2, count + 2, RANGE_FILE);
	assert_pages(&ranges, RANGE_ANONYMOUS, 0, 0);
	assert_pages(&ranges, RANGE_FILE, count * 2, 1);
	ranges_free(&ranges);
}

/* Random calls against an array with one entry per page. */
struct page {
	bool mapped;
	uint8_t kind;
	uint64_t birth;
};

enum { PAGES = 300 };

static void assert_model(const struct ranges *ranges, const struct page *pages)
{
	uint64_t bytes[RANGE_KIND_COUNT] = { 0 };
	struct range range;

	for (uint64_t i = 0; i < PAGES; i++) {
		bool found = range_tree_first(&ranges->tree, i * PAGE, &range) &&
			     range.start <= i * PAGE;

		assert_int_equal(found, pages[i].mapped);
		if (!found)
			continue;
		assert_int_equal(range.kind, pages[i].kind);
		assert_int_equal(range.birth_ns, pages[i].birth);
		bytes[range.kind] += PAGE;
	}
	assert_memory_equal(bytes, ranges->bytes, sizeof(bytes));
}

static void agrees_with_a_page_table(void **state)
{
	struct page pages[PAGES] = { 0 };
	struct ranges ranges = { 0 };

	(void)state;
	for (uint64_t t = 1; t <= 20000; t++) {
		uint64_t random = hash_mix(t);
		uint64_t from = random % PAGES;
		uint64_t to = from + 1 + (random >> 16) % (PAGES - from);
		uint64_t enter = t - (random >> 32) % 4; /* some calls began a while ago */
		uint8_t kind = (random >> 40) % RANGE_KIND_COUNT;
		bool mapping = random >> 48 & 1;

		if (to - from > 40)
			to = from + 40;
		if (mapping)
			assert_int_equal(ranges_map(&ranges, from * PAGE, (to - from) * PAGE, enter,
						    t, kind, 0),
					 0);
		else
			unmap_pages(&ranges, from, to, enter);
		for (uint64_t i = from; i < to; i++)
			if (!pages[i].mapped || pages[i].birth <= enter)
				pages[i] = (struct page){ mapping, kind, t };
		assert_model(&ranges, pages);
	}
	ranges_free(&ranges);
}

/* What an owner maps is its own, in whole and in parts, wherever it moves, until it is gone. */
static void test_owners(void **state)
{
	struct ranges ranges = { .owner_count = 0 };
	uint32_t a = ranges_owner(&ranges, 77, 1, 9 * PAGE + 1, 1), b, again;

	(void)state;
	assert_int_equal(ranges_map(&ranges, 10 * PAGE, 10 * PAGE, 1, 1, RANGE_ANONYMOUS, a), 0);
	b = ranges_owner(&ranges, 77, 2, PAGE, 2);
	again = ranges_owner(&ranges, 77, 1, 2 * PAGE, 3);
	assert_int_equal(again, a);
	assert_int_not_equal(b, a);
	assert_int_equal(ranges.owners[a - 1].made_bytes, 12 * PAGE);
	assert_int_equal(ranges.owners[a - 1].made_ranges, 2);
	assert_int_equal(ranges_map(&ranges, 12 * PAGE, PAGE, 2, 2, RANGE_ANONYMOUS, b), 0);
	assert_int_equal(ranges.owners[a - 1].live_bytes, 9 * PAGE);
	assert_int_equal(ranges.owners[a - 1].live_ranges, 2);
	assert_int_equal(ranges.owners[b - 1].live_bytes, PAGE);
	assert_int_equal(ranges_unmap(&ranges, 15 * PAGE, PAGE, 3), 0);
	assert_int_equal(ranges.owners[a - 1].live_bytes, 8 * PAGE);
	assert_int_equal(ranges_remap(&ranges, 16 * PAGE, 4 * PAGE, 100 * PAGE, 6 * PAGE, 4, 4,
				      false), 0);
	assert_int_equal(ranges.owners[a - 1].live_bytes, 10 * PAGE);
	assert_int_equal(ranges_unmap(&ranges, 0, 1000 * PAGE, 5), 0);
	assert_int_equal(ranges.owners[a - 1].live_bytes, 0);
	assert_int_equal(ranges.owners[a - 1].live_ranges, 0);
	assert_int_equal(ranges.owners[b - 1].live_bytes, 0);
	ranges_free(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(partial_unmap_splits),
		cmocka_unit_test(map_over_old_ranges_replaces_the_overlap),
		cmocka_unit_test(remap_moves_resizes_and_keeps_the_kind),
		cmocka_unit_test(younger_ranges_are_left_alone),
		cmocka_unit_test(hostile_ranges_are_refused),
		cmocka_unit_test(a_hundred_thousand_ranges),
		cmocka_unit_test(agrees_with_a_page_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
