/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live bytes against resident memory: what is claimed, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/reconcile.h"

#define MB (1ull << 20)

/* A process with one site whose live bytes went peak → live. */
struct fixture {
	struct snapshot snapshot;
	struct snapshot_process process;
	struct snapshot_site site;
	struct snapshot_class class;
	uint64_t series[2];
};

static void set_up(struct fixture *fixture, uint64_t peak, uint64_t live, uint64_t rss,
		   uint64_t peak_rss)
{
	*fixture = (struct fixture){
		.snapshot = { .now_ns = 20, .start_ns = 10, .process_count = 1 },
		.process = { .pid = 1,
			     .start_ns = 5,
			     .counts = { .live_bytes = live, .freed_bytes = peak - live },
			     .rss_bytes = rss,
			     .peak_rss_bytes = peak_rss,
			     .site_count = 1,
			     .series_interval_ns = 3,
			     .series_count = 2 },
		.site = { .class_count = 1 },
		.series = { peak, live },
	};
	fixture->class.series = fixture->series;
	fixture->site.classes = &fixture->class;
	fixture->process.sites = &fixture->site;
	fixture->snapshot.processes = &fixture->process;
}

static void check(struct fixture *fixture, enum reconcile_name name, const char *text)
{
	struct reconcile reconcile;

	reconcile_find(&fixture->snapshot, &fixture->process, &reconcile);
	assert_int_equal(reconcile.name, name);
	assert_string_equal(reconcile.text, text);
}

static void test_kept(void **state)
{
	struct fixture fixture;
	struct reconcile reconcile;

	(void)state;
	set_up(&fixture, 212 * MB, 2 * MB, 226 * MB, 227 * MB);
	reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
	assert_int_equal(reconcile.kept_bytes, 209 * MB);
	assert_int_equal(reconcile.gap_bytes, 224 * MB);
	assert_int_equal(reconcile.peak_live_bytes, 212 * MB);
	check(&fixture, RECONCILE_KEPT,
	      "Live bytes fell from 212 MB to 2.00 MB, resident memory did not follow (226 MB): "
	      "about 209 MB of freed memory stay with the allocator for its next blocks. That is "
	      "no "
	      "leak; malloc_trim(3) or fewer arenas (MALLOC_ARENA_MAX) would return it to the "
	      "system.");
}

/* It did go back to the system: nothing may be claimed. */
static void test_returned(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture, 212 * MB, 2 * MB, 17 * MB, 227 * MB);
	check(&fixture, RECONCILE_EXPLAINED,
	      "Live blocks are 2.00 MB of 17.0 MB resident (12 %); the rest is code, stacks, the "
	      "allocator's own and older blocks.");
}

/* A peak that is not known, or from before, or a fall too small to matter. */
static void test_not_claimed(void **state)
{
	struct fixture fixture;
	struct reconcile reconcile;

	(void)state;
	set_up(&fixture, 212 * MB, 2 * MB, 226 * MB, 0);
	reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
	assert_int_equal(reconcile.name, RECONCILE_GAP);
	set_up(&fixture, 212 * MB, 2 * MB, 226 * MB, 2000 * MB);
	reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
	assert_int_equal(reconcile.name, RECONCILE_GAP);
	set_up(&fixture, 12 * MB, 2 * MB, 226 * MB, 226 * MB);
	reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
	assert_int_equal(reconcile.name, RECONCILE_GAP);
	assert_int_equal(reconcile.kept_bytes, 0);
}

static void test_gap(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture, 2 * MB, 2 * MB, 226 * MB, 226 * MB);
	check(&fixture, RECONCILE_GAP,
	      "Blocks made since the trace began are 2.00 MB of 226 MB resident. The rest is "
	      "blocks "
	      "from before, code, stacks, and freed memory that the allocator keeps; a trace from "
	      "the start (-- COMMAND) tells more.");
	fixture.snapshot.quality.unknown_frees = 1812;
	check(&fixture, RECONCILE_GAP,
	      "Blocks made since the trace began are 2.00 MB of 226 MB resident. The rest is "
	      "blocks "
	      "from before (1 812 of them freed meanwhile), code, stacks, and freed memory that "
	      "the "
	      "allocator keeps; a trace from the start (-- COMMAND) tells more.");
	fixture.process.start_ns = 11;
	check(&fixture, RECONCILE_GAP,
	      "Live blocks are 2.00 MB of 226 MB resident. The rest is code, stacks, mappings of "
	      "the "
	      "program's own, and what the allocator adds to blocks or keeps of the 0 B freed so "
	      "far.");
}

static void test_explained(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture, 212 * MB, 212 * MB, 240 * MB, 240 * MB);
	fixture.process.start_ns = 12;
	check(&fixture, RECONCILE_EXPLAINED,
	      "Live blocks are 212 MB of 240 MB resident (88 %); the rest is code, stacks and the "
	      "allocator's own.");
}

static void test_untouched(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture, 1200 * MB, 1200 * MB, 200 * MB, 200 * MB);
	check(&fixture, RECONCILE_UNTOUCHED,
	      "Live blocks (1.17 GB) exceed resident memory (200 MB): at least 0.98 GB were asked "
	      "for "
	      "but never written to, or are swapped out.");
}

static void test_unknown(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture, 3 * MB, 2 * MB, 0, 0);
	check(&fixture, RECONCILE_UNKNOWN,
	      "Resident memory was not sampled, so 2.00 MB of live blocks cannot be compared with "
	      "it.");
}

/* A child's inherited blocks are live as well. */
static void test_inherited(void **state)
{
	struct fixture fixture;
	struct reconcile reconcile;

	(void)state;
	set_up(&fixture, 2 * MB, 2 * MB, 226 * MB, 226 * MB);
	fixture.process.inherited_bytes = 200 * MB;
	reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
	assert_int_equal(reconcile.live_bytes, 202 * MB);
	assert_int_equal(reconcile.name, RECONCILE_EXPLAINED);
}

static void test_hostile(void **state)
{
	static const uint64_t sizes[] = { 0, 1, MB, 1ull << 63, UINT64_MAX };
	struct fixture fixture;
	struct reconcile reconcile;

	(void)state;
	for (size_t i = 0; i < 5 * 5 * 5 * 5; i++) {
		set_up(&fixture, sizes[i % 5], sizes[i / 5 % 5], sizes[i / 25 % 5], sizes[i / 125]);
		fixture.process.inherited_bytes = sizes[(i + 1) % 5];
		fixture.process.series_count = SIZE_MAX;
		fixture.class.series = NULL;
		reconcile_find(&fixture.snapshot, &fixture.process, &reconcile);
		assert_true(strlen(reconcile.text) > 20);
		assert_true(strlen(reconcile.text) < sizeof(reconcile.text) - 1);
		assert_true(reconcile.kept_bytes <= reconcile.gap_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),	    cmocka_unit_test(test_returned),
		cmocka_unit_test(test_not_claimed), cmocka_unit_test(test_gap),
		cmocka_unit_test(test_explained),   cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_unknown),	    cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
