/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before and after: what is the same call path, and what became of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff.h"
#include "base/cleanup.h"
#include "base/hash.h"

#define SECOND 1000000000ull

/* --- a program whose addresses mean what this table says ------------------- */

static const struct place {
	const char *symbol, *module, *file;
	uint64_t offset;
	uint32_t line;
} places[] = {
	{ NULL, NULL, NULL, 0, 0 },
	{ "leak", "/bin/app", "app.c", 4, 41 },
	{ "serve", "/bin/app", "app.c", 8, 60 },
	{ "main", "/bin/app", "app.c", 12, 80 },
	/* The same, built again: elsewhere, cloned, under another name. */
	{ "leak.constprop.0", "/bin/app-new", "app.c", 1004, 141 },
	{ "serve.isra.0.cold", "/bin/app-new", "app.c", 1008, 160 },
	{ "main", "/bin/app-new", "app.c", 1012, 180 },
	{ "sort", "/lib/libsort.so.1.2.3", NULL, 20, 0 },
	{ "sort", "/lib/libsort.so.1.3", NULL, 24, 0 },
	{ "sort", "/lib/libother.so.1", NULL, 24, 0 },
	{ "sort.by.name", "/bin/app", NULL, 28, 0 },
	{ "walk", "/bin/app", "app.c", 32, 100 },
	{ NULL, "/lib/libstripped.so", NULL, 0x40, 0 },
	{ NULL, "/lib/libstripped.so", NULL, 0x80, 0 },
	{ "made at run time", NULL, NULL, 0, 0 },
	{ "__libc_start_main", "/lib/libc.so.6", NULL, 99, 0 },
};

enum {
	NOWHERE, LEAK, SERVE, MAIN, NEW_LEAK, NEW_SERVE, NEW_MAIN, SORT_1_2, SORT_1_3, SORT_OTHER,
	SORT_DOTTED, WALK, STRIPPED_40, STRIPPED_80, JIT, START,
};

size_t frames_resolve(struct frames *frames, const struct snapshot_process *process,
		      uint64_t address, struct frame *ret_frames, size_t room)
{
	const struct place *place = &places[address % 100];

	(void)frames, (void)room;
	*ret_frames = (struct frame){
		.address = address,
		.symbol = place->symbol,
		.module = place->module,
		.file = place->file,
		.offset = place->offset,
		.line = place->line,
		.language = "native",
	};
	/* As the real one gives it: the very string of the module. */
	for (size_t i = 0; i < process->module_count && place->module; i++) {
		if (strcmp(process->modules[i].path, place->module) == 0)
			ret_frames->module = process->modules[i].path;
	}
	return 1;
}

/* Verdicts are what a test says: see add_site(). */
void pattern_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		  const struct snapshot_site *site, struct pattern *ret_pattern)
{
	(void)snapshot, (void)process;
	*ret_pattern = (struct pattern){ .name = (enum pattern_name)site->last_ns };
}

/* --- snapshots made by hand ------------------------------------------------ */

#define MANY 600

struct world {
	struct snapshot snapshot;
	struct snapshot_process processes[8];
	struct snapshot_module modules[8][4];
	struct snapshot_site sites[8][MANY];
	uint64_t frames[8][MANY][8];
};

static struct world worlds[DIFF_SIDES];

static struct snapshot_process *add_process(struct world *world, const char *exe, uint32_t pid)
{
	size_t index = world->snapshot.process_count++;
	struct snapshot_process *process = &world->processes[index];

	*process = (struct snapshot_process){
		.pid = pid,
		.comm = "comm",
		.exe = exe,
		.sites = world->sites[index],
		.modules = world->modules[index],
	};
	world->snapshot.processes = world->processes;
	world->snapshot.now_ns = 10 * SECOND;
	return process;
}

static void add_module(struct snapshot_process *process, const char *path, const char *build_id)
{
	struct snapshot_module *module =
		(struct snapshot_module *)(uintptr_t)&process->modules[process->module_count++];

	*module = (struct snapshot_module){ .path = path, .open_path = path, .build_id = build_id };
}

/* A site of `process` whose call path is `frames`, up to the first 0. */
static struct snapshot_site *add_site(struct world *world, struct snapshot_process *process,
				      uint64_t bytes, uint64_t blocks, const int *frames)
{
	size_t index = (size_t)(process - world->processes), at = process->site_count++;
	struct snapshot_site *site = &world->sites[index][at];

	*site = (struct snapshot_site){
		.id = (uint32_t)at + 1,
		.stack = 1000 + at,
		.stack_known = true,
		.frames = world->frames[index][at],
		.counts = { bytes, blocks, bytes + 5, blocks + 1, 5, 1 },
	};
	for (; frames[site->frame_count]; site->frame_count++)
		world->frames[index][at][site->frame_count] = (uint64_t)frames[site->frame_count];
	process->counts.live_bytes += bytes;
	process->counts.live_blocks += blocks;
	return site;
}

#define PATH(...) ((const int[]){ __VA_ARGS__, 0 })

static void begin(void)
{
	memset(worlds, 0, sizeof(worlds));
}

static struct diff *compare(bool one_trace)
{
	const struct diff_side sides[DIFF_SIDES] = { { .snapshot = &worlds[0].snapshot },
						     { .snapshot = &worlds[1].snapshot } };
	struct diff *diff;

	assert_int_equal(diff_make(sides, one_trace, &diff), 0);
	return diff;
}

/* How many rows two sites make, one on each side, with these call paths. */
static size_t rows_of(const int *before, const int *after)
{
	struct snapshot_process *old, *new;
	struct diff *diff;
	size_t rows;

	begin();
	old = add_process(&worlds[0], "/bin/app", 1);
	new = add_process(&worlds[1], "/bin/app-new", 2);
	add_module(old, "/lib/libstripped.so", "aa");
	add_module(new, "/lib/libstripped.so", "aa");
	add_site(&worlds[0], old, 10, 1, before);
	add_site(&worlds[1], new, 10, 1, after);
	diff = compare(false);
	assert_int_equal(diff->process_count, 1);
	rows = diff->processes[0].row_count;
	diff_free(diff);
	return rows;
}

static void test_same_names(void **state)
{
	(void)state;
	/* Other addresses, lines, clones, and another name of the program. */
	assert_int_equal(rows_of(PATH(LEAK, SERVE, MAIN), PATH(NEW_LEAK, NEW_SERVE, NEW_MAIN)), 1);
	assert_int_equal(rows_of(PATH(SORT_1_2, LEAK), PATH(SORT_1_3, NEW_LEAK)), 1);
	assert_int_equal(rows_of(PATH(JIT), PATH(JIT)), 1);
}

static void test_recursion(void **state)
{
	struct snapshot_process *process;
	struct diff *diff;

	(void)state;
	begin();
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		process = add_process(&worlds[side], "/bin/app", 1);
		add_site(&worlds[side], process, 10, 1, PATH(LEAK, WALK, WALK, MAIN));
		add_site(&worlds[side], process, 20, 2,
			 side ? PATH(LEAK, WALK, MAIN) : PATH(LEAK, WALK, WALK, WALK, WALK, MAIN));
		/* Not next to each other: another path. */
		add_site(&worlds[side], process, 40, 4, PATH(LEAK, WALK, SERVE, WALK, MAIN));
	}
	diff = compare(false);
	assert_int_equal(diff->processes[0].row_count, 2);
	assert_int_equal(diff->processes[0].changes[DIFF_SAME], 2);
	assert_int_equal(diff->processes[0].rows[0].parts[DIFF_AFTER].site_count, 2);
	assert_int_equal(diff->processes[0].rows[0].parts[DIFF_AFTER].counts.live_bytes, 30);
	/* The one that holds most stands for them. */
	assert_int_equal(diff->processes[0].rows[0].parts[DIFF_AFTER].site->id, 2);
	assert_int_equal(diff->processes[0].rows[1].parts[DIFF_AFTER].site_count, 1);
	diff_free(diff);
}

static void test_other_names(void **state)
{
	(void)state;
	assert_int_equal(rows_of(PATH(LEAK, SERVE), PATH(NEW_LEAK, NEW_MAIN)), 2);
	assert_int_equal(rows_of(PATH(LEAK), PATH(NEW_LEAK, NEW_MAIN)), 2);
	assert_int_equal(rows_of(PATH(LEAK, MAIN), PATH(NEW_MAIN, NEW_LEAK)), 2);
	assert_int_equal(rows_of(PATH(SORT_1_2), PATH(SORT_OTHER)), 2);
	/* A dot in a name is no clone's. */
	assert_int_equal(rows_of(PATH(SORT_DOTTED), PATH(SORT_1_2)), 2);
	/* /bin/app is a library of the other program here, not the program itself. */
	assert_int_equal(rows_of(PATH(LEAK), PATH(LEAK)), 2);
}

/* How the C library starts programs says nothing, but only in a whole stack is that known. */
static void test_start(void **state)
{
	static const enum wire_stack_status ends[] = { WIRE_STACK_COMPLETE, WIRE_STACK_TRUNCATED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		struct diff *diff;

		begin();
		for (unsigned int side = 0; side < DIFF_SIDES; side++) {
			struct snapshot_process *process =
				add_process(&worlds[side], "/bin/app", 1);

			add_site(&worlds[side], process, 10, 1,
				 side ? PATH(LEAK, MAIN, START) : PATH(LEAK, MAIN))
				->stack_status = ends[i];
		}
		diff = compare(false);
		assert_int_equal(diff->processes[0].row_count, i ? 2 : 1);
		diff_free(diff);
	}
}

/* Functions without names: in the same build their offsets, else only their module. */
static void test_no_names(void **state)
{
	static const char *const builds[] = { "aa", "bb" };

	(void)state;
	assert_int_equal(rows_of(PATH(STRIPPED_40), PATH(STRIPPED_40)), 1);
	assert_int_equal(rows_of(PATH(STRIPPED_40), PATH(STRIPPED_80)), 2);
	for (size_t i = 0; i < ARRAY_LENGTH(builds); i++) {
		struct snapshot_process *old, *new;
		struct diff *diff;

		begin();
		old = add_process(&worlds[0], "/bin/app", 1);
		new = add_process(&worlds[1], "/bin/app", 2);
		add_module(old, "/lib/libstripped.so", "aa");
		add_module(new, "/lib/libstripped.so", builds[i]);
		add_site(&worlds[0], old, 10, 1, PATH(STRIPPED_40, MAIN));
		add_site(&worlds[0], old, 20, 1, PATH(STRIPPED_80, MAIN));
		add_site(&worlds[1], new, 33, 2, PATH(STRIPPED_80, MAIN));
		diff = compare(false);
		assert_int_equal(diff->processes[0].row_count, i ? 1 : 2);
		assert_int_equal(diff->processes[0].changes[DIFF_SAME], 0);
		diff_free(diff);
	}
}

static void test_lost_stacks(void **state)
{
	struct diff *diff;

	(void)state;
	begin();
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		struct snapshot_process *process = add_process(&worlds[side], "/bin/app", 1);

		add_site(&worlds[side], process, 10 + side, 1, PATH(LEAK))->stack_known = false;
		add_site(&worlds[side], process, 5, 1, PATH(LEAK));
	}
	diff = compare(false);
	assert_int_equal(diff->processes[0].row_count, 2);
	assert_int_equal(diff_row_bytes(&diff->processes[0].rows[0]), 1);
	diff_free(diff);
}

/* One site in each world: what became of it? */
static struct diff_row become(uint64_t bytes, uint64_t blocks, uint64_t bytes_after,
			      uint64_t blocks_after, enum pattern_name verdict,
			      enum pattern_name verdict_after)
{
	struct diff_row row;
	struct diff *diff;

	begin();
	add_site(&worlds[0], add_process(&worlds[0], "/bin/app", 1), bytes, blocks, PATH(LEAK))
		->last_ns = verdict;
	add_site(&worlds[1], add_process(&worlds[1], "/bin/app", 1), bytes_after, blocks_after,
		 PATH(LEAK))
		->last_ns = verdict_after;
	diff = compare(false);
	assert_int_equal(diff->processes[0].row_count, 1);
	row = diff->processes[0].rows[0];
	assert_int_equal(diff->processes[0].changes[row.change], 1);
	diff_free(diff);
	return row;
}

static void test_changes(void **state)
{
	struct diff_row row;

	(void)state;
	row = become(10, 1, 10, 1, PATTERN_STATIC, PATTERN_STATIC);
	assert_int_equal(row.change, DIFF_SAME);
	assert_false(row.verdict_changed);
	row = become(10, 1, 30, 1, PATTERN_STATIC, PATTERN_GROWING);
	assert_int_equal(row.change, DIFF_GREW);
	assert_int_equal(diff_row_bytes(&row), 20);
	assert_true(row.verdict_changed);
	assert_int_equal(row.parts[DIFF_BEFORE].verdict, PATTERN_STATIC);
	assert_int_equal(row.parts[DIFF_AFTER].verdict, PATTERN_GROWING);
	row = become(30, 9, 10, 10, PATTERN_STATIC, PATTERN_UNKNOWN);
	assert_int_equal(row.change, DIFF_SHRANK);
	assert_int_equal(diff_row_bytes(&row), -20);
	/* Too little seen is no verdict. */
	assert_false(row.verdict_changed);
	assert_int_equal(become(0, 0, 10, 1, 0, 0).change, DIFF_APPEARED);
	assert_int_equal(become(10, 1, 0, 0, 0, 0).change, DIFF_VANISHED);
	assert_int_equal(become(10, 1, 10, 2, 0, 0).change, DIFF_GREW);
	assert_int_equal(become(10, 2, 10, 1, 0, 0).change, DIFF_SHRANK);
	assert_int_equal(become(0, 0, 0, 1, 0, 0).change, DIFF_APPEARED);
	/* What is gone has no verdict that could have changed. */
	assert_false(become(10, 1, 0, 0, PATTERN_STATIC, PATTERN_SHORT_LIVED).verdict_changed);
}

/* A site on one side only. */
static void test_one_sided(void **state)
{
	struct diff *diff;

	(void)state;
	begin();
	add_site(&worlds[0], add_process(&worlds[0], "/bin/app", 1), 100, 2, PATH(LEAK, SERVE));
	add_site(&worlds[1], add_process(&worlds[1], "/bin/app", 1), 70, 1, PATH(LEAK, MAIN));
	diff = compare(false);
	assert_int_equal(diff->processes[0].row_count, 2);
	assert_int_equal(diff->processes[0].rows[0].change, DIFF_VANISHED);
	assert_int_equal(diff->processes[0].rows[0].parts[DIFF_AFTER].site_count, 0);
	assert_null(diff->processes[0].rows[0].parts[DIFF_AFTER].site);
	assert_int_equal(diff->processes[0].rows[1].change, DIFF_APPEARED);
	assert_ptr_equal(diff->processes[0].rows[1].parts[DIFF_AFTER].site, &worlds[1].sites[0][0]);
	diff_free(diff);
}

static const struct diff_process *process_called(const struct diff *diff, const char *name)
{
	for (size_t i = 0; i < diff->process_count; i++) {
		if (strcmp(diff->processes[i].name, name) == 0)
			return &diff->processes[i];
	}
	fail_msg("no process %s", name);
	return NULL;
}

/* Several: by program, all that run it together. */
static void test_processes(void **state)
{
	const struct diff_process *workers, *gone, *new;
	struct diff *diff;

	(void)state;
	begin();
	for (uint32_t i = 0; i < 3; i++)
		add_site(&worlds[0], add_process(&worlds[0], "/usr/bin/worker", 10 + i), 100 + i, 1,
			 PATH(SORT_1_2));
	add_site(&worlds[0], add_process(&worlds[0], "/usr/bin/gone", 20), 50, 1, PATH(SORT_1_2));
	for (uint32_t i = 0; i < 2; i++) {
		struct snapshot_process *process =
			add_process(&worlds[1], "/opt/new/worker", 30 + i);

		add_site(&worlds[1], process, 400, 2, PATH(SORT_1_3));
		process->rss_bytes = 1000;
		process->peak_rss_bytes = 2000 + i;
	}
	worlds[0].processes[0].rss_bytes = 7; /* but not of the others */
	add_process(&worlds[1], NULL, 40)->comm = "named";
	diff = compare(false);
	assert_int_equal(diff->process_count, 3);
	assert_string_equal(diff->processes[0].name, "worker");
	workers = &diff->processes[0];
	assert_int_equal(workers->sides[DIFF_BEFORE].process_count, 3);
	assert_int_equal(workers->sides[DIFF_AFTER].process_count, 2);
	assert_int_equal(workers->sides[DIFF_BEFORE].counts.live_bytes, 303);
	assert_int_equal(workers->sides[DIFF_AFTER].counts.live_bytes, 800);
	assert_int_equal(workers->sides[DIFF_BEFORE].rss_bytes, 0);
	assert_int_equal(workers->sides[DIFF_AFTER].rss_bytes, 2000);
	assert_int_equal(workers->sides[DIFF_AFTER].peak_rss_bytes, 4001);
	assert_ptr_equal(workers->sides[DIFF_BEFORE].process, &worlds[0].processes[2]);
	assert_int_equal(workers->row_count, 1);
	assert_int_equal(workers->rows[0].parts[DIFF_BEFORE].site_count, 3);
	assert_int_equal(diff_row_bytes(&workers->rows[0]), 497);
	gone = process_called(diff, "gone");
	assert_int_equal(gone->sides[DIFF_AFTER].process_count, 0);
	assert_int_equal(gone->rows[0].change, DIFF_VANISHED);
	new = process_called(diff, "named");
	assert_int_equal(new->sides[DIFF_BEFORE].process_count, 0);
	assert_int_equal(new->row_count, 0);
	diff_free(diff);
}

/* Two moments of one trace: the stack is the same, whatever it is called. */
static void test_one_trace(void **state)
{
	struct diff *diff;

	(void)state;
	begin();
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		struct world *world = &worlds[side];
		struct snapshot_process *process = add_process(world, "/bin/app", 1);

		add_site(world, process, 10, 1, PATH(LEAK, MAIN));
		add_site(world, process, side ? 90 : 20, 2, PATH(LEAK, MAIN));
		/* The same program in another process, and then the same pid once more. */
		add_site(world, add_process(world, "/bin/app", 2), 30, 3, PATH(LEAK, MAIN));
		add_site(world, add_process(world, "/bin/app", 1), side ? 45 : 40, 4,
			 PATH(LEAK, MAIN));
	}
	diff = compare(true);
	assert_true(diff->one_trace);
	assert_int_equal(diff->process_count, 3);
	assert_int_equal(diff->processes[0].row_count, 2);
	assert_int_equal(diff_row_bytes(&diff->processes[0].rows[0]), 70);
	assert_int_equal(diff->processes[0].rows[1].change, DIFF_SAME);
	assert_int_equal(diff_row_bytes(&diff->processes[1].rows[0]), 5);
	assert_int_equal(diff->processes[2].rows[0].change, DIFF_SAME);
	diff_free(diff);
}

static void test_orders(void **state)
{
	static const struct {
		const char *order;
		const char *symbols[4];
	} cases[] = {
		{ "change", { "leak", "sort", "serve", "main" } },
		{ "growth", { "sort", "serve", "main", "leak" } },
		{ "loss", { "leak", "main", "serve", "sort" } },
		{ "blocks", { "serve", "leak", "sort", "main" } },
		{ "before", { "leak", "main", "serve", "sort" } },
		{ "after", { "main", "sort", "serve", "leak" } },
	};
	struct snapshot_process *old, *new;
	struct diff *diff;

	(void)state;
	begin();
	old = add_process(&worlds[0], "/bin/app", 1);
	new = add_process(&worlds[1], "/bin/app", 1);
	add_site(&worlds[0], old, 5000, 9, PATH(LEAK));
	add_site(&worlds[0], old, 60, 1, PATH(SERVE));
	add_site(&worlds[0], old, 3000, 1, PATH(MAIN));
	add_site(&worlds[1], new, 100, 100, PATH(SERVE));
	add_site(&worlds[1], new, 3000, 1, PATH(MAIN));
	add_site(&worlds[1], new, 2000, 1, PATH(SORT_1_2));
	diff = compare(false);
	assert_int_equal(diff_order_count, ARRAY_LENGTH(cases));
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const struct diff_order *order = diff_order_find(cases[i].order);

		assert_non_null(order);
		/* The first one is the order at first. */
		if (i)
			diff_sort(diff, order);
		for (size_t k = 0; k < 4; k++) {
			const struct diff_row *row = &diff->processes[0].rows[k];
			unsigned int side = row->parts[DIFF_AFTER].site ? DIFF_AFTER : DIFF_BEFORE;
			const char *symbol = places[row->parts[side].site->frames[0]].symbol;

			if (strcmp(symbol, cases[i].symbols[k]) != 0)
				fail_msg("by %s, row %zu: %s", cases[i].order, k, symbol);
		}
	}
	assert_null(diff_order_find("nothing"));
	diff_free(diff);
}

static void test_nothing(void **state)
{
	struct diff *diff;

	(void)state;
	begin();
	diff = compare(false);
	assert_int_equal(diff->process_count, 0);
	diff_free(diff);
	add_process(&worlds[1], "/bin/app", 1);
	diff = compare(true);
	assert_int_equal(diff->process_count, 1);
	assert_int_equal(diff->processes[0].sides[DIFF_BEFORE].process_count, 0);
	assert_null(diff->processes[0].sides[DIFF_BEFORE].process);
	diff_free(diff);
}

#define RATE 65536.0
#define RUNS 1000

static double uniform(void)
{
	static uint64_t state;

	return ((double)(hash_mix(state += 0x9e3779b97f4a7c15ull) >> 11) + 0.5) / 0x1p53;
}

/* What is seen of `blocks` blocks of `size` bytes, each with its probability. */
static struct diff_part sample(unsigned int blocks, double size)
{
	struct diff_part part = { .sampled = { .bytes = (uint64_t)RATE } };
	double p = 1 - exp(-size / RATE), bytes = 0;

	for (unsigned int i = 0; i < blocks; i++) {
		if (uniform() >= p)
			continue;
		bytes += size / p;
		part.sampled.live_blocks++;
		part.sampled.live_bytes += size;
		part.sampled.certain_bytes += size * p;
		part.sampled.variance += size * size * (1 - p) / (p * p);
	}
	part.counts.live_bytes = (uint64_t)bytes;
	return part;
}

/* The true change lies within the interval in 95 of 100 pairs of runs, or a little more. */
static void test_intervals(void **state)
{
	static const struct {
		unsigned int before, after;
		double size;
	} cases[] = { { 300, 300, 1000 },  { 300, 900, 1000 }, { 20, 60, 9000 }, { 500, 0, 1000 },
		      { 50, 80, 200000 },  { 0, 400, 2000 },   { 3000, 2500, 500 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		double truth = ((double)cases[i].after - (double)cases[i].before) * cases[i].size;
		unsigned int within = 0;

		for (unsigned int run = 0; run < RUNS; run++) {
			struct diff_row row = { .parts = { sample(cases[i].before, cases[i].size),
							   sample(cases[i].after, cases[i].size) } };
			struct estimate_change change = diff_row_interval(&row);

			assert_true(change.low <= diff_row_bytes(&row) + 1);
			assert_true(change.high >= diff_row_bytes(&row) - 1);
			within += (double)change.low <= truth + 1 && truth - 1 <= (double)change.high;
		}
		if (within < RUNS * 93 / 100)
			fail_msg("case %zu: %u of %d", i, within, RUNS);
	}
}

/* Not sampled: the change itself, at both ends. */
static void test_exact_interval(void **state)
{
	struct diff_row row = become(10, 1, 300, 2, 0, 0);
	struct estimate_change change = diff_row_interval(&row);

	(void)state;
	assert_int_equal(change.low, 290);
	assert_int_equal(change.high, 290);
}

/* Of a sampled run a call path that was not seen may be there: the rate is the process's. */
static void test_unseen(void **state)
{
	struct snapshot_process *old, *new;
	struct estimate_change change;
	struct diff *diff;

	(void)state;
	begin();
	old = add_process(&worlds[0], "/bin/app", 1);
	new = add_process(&worlds[1], "/bin/app", 1);
	old->sampled.bytes = 65536;
	add_site(&worlds[1], new, 1000, 1, PATH(LEAK));
	diff = compare(false);
	assert_true(diff_is_sampled(&diff->processes[0]));
	change = diff_row_interval(&diff->processes[0].rows[0]);
	assert_int_equal(change.high, 1000);
	assert_in_range(1000 - change.low, 3 * 65536, 4 * 65536);
	diff_free(diff);
}

/* Nothing is lost and nothing counted twice, whatever falls together. */
static void test_sums(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 50; seed++) {
		uint64_t totals[DIFF_SIDES] = { 0 }, of_rows[DIFF_SIDES] = { 0 };
		size_t sites[DIFF_SIDES] = { 0 }, changes = 0;
		struct diff *diff;

		begin();
		for (unsigned int side = 0; side < DIFF_SIDES; side++) {
			struct snapshot_process *process =
				add_process(&worlds[side], "/bin/app", 1);

			for (uint64_t i = 0; i < MANY; i++) {
				uint64_t random = hash_mix(seed << 32 | side << 16 | i);
				int frames[5] = { 0 };

				for (size_t k = 0; k < 1 + random % 4; k++)
					frames[k] = LEAK + (int)((random >> (8 + 4 * k)) % 3);
				add_site(&worlds[side], process, random >> 40, random >> 60,
					 frames);
				totals[side] += random >> 40;
			}
		}
		diff = compare(false);
		for (size_t i = 0; i < diff->processes[0].row_count; i++) {
			for (unsigned int side = 0; side < DIFF_SIDES; side++) {
				const struct diff_part *part =
					&diff->processes[0].rows[i].parts[side];

				of_rows[side] += part->counts.live_bytes;
				sites[side] += part->site_count;
			}
		}
		/* Paths of at most four of three functions, none of them twice running. */
		assert_in_range(diff->processes[0].row_count, 30, 3 + 6 + 12 + 24);
		for (unsigned int side = 0; side < DIFF_SIDES; side++) {
			assert_int_equal(of_rows[side], totals[side]);
			assert_int_equal(sites[side], MANY);
		}
		for (unsigned int change = 0; change < DIFF_CHANGES; change++)
			changes += diff->processes[0].changes[change];
		assert_int_equal(changes, diff->processes[0].row_count);
		diff_free(diff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_names),  cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_other_names), cmocka_unit_test(test_start),
		cmocka_unit_test(test_no_names),    cmocka_unit_test(test_lost_stacks),
		cmocka_unit_test(test_changes),	    cmocka_unit_test(test_one_sided),
		cmocka_unit_test(test_processes),   cmocka_unit_test(test_one_trace),
		cmocka_unit_test(test_orders),	    cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_sums),	    cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_exact_interval), cmocka_unit_test(test_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
