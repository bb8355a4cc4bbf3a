/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the replay fixtures cannot say well: series, modules, identity, limits, footprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/ledger.h"
#include "ledger/series.h"
#include "ledger/sites.h"
#include "ledger/threads.h"

#define PID 100
#define TICK SERIES_FIRST_INTERVAL_NS
#define START 1000000000ull

static int new_ledger(void **state)
{
	*state = ledger_new();
	return *state ? 0 : -1;
}

static int free_ledger(void **state)
{
	ledger_free(*state);
	return 0;
}

static void apply(struct ledger *ledger, const struct event *event)
{
	assert_int_equal(ledger_apply(ledger, event), 0);
}

static struct event make(uint8_t kind, uint32_t tid, uint64_t time_ns)
{
	return (struct event){
		.kind = kind, .function = 1, .pid = PID, .tid = tid, .time_ns = time_ns
	};
}

static void process(struct ledger *ledger, uint64_t start_ns, uint64_t time_ns)
{
	struct event event = make(EVENT_PROCESS, PID, time_ns);

	event.process.comm = "demo";
	event.process.exe = "/usr/bin/demo";
	event.process.start_ns = start_ns;
	apply(ledger, &event);
}

static void alloc(struct ledger *ledger, uint32_t tid, uint64_t address, uint64_t size,
		  uint64_t stack, uint64_t time_ns)
{
	struct event event = make(EVENT_ALLOC, tid, time_ns);

	event.alloc.address = address;
	event.alloc.size = size;
	event.alloc.stack = stack;
	apply(ledger, &event);
}

static void release(struct ledger *ledger, uint32_t tid, uint64_t address, uint64_t time_ns)
{
	struct event event = make(EVENT_FREE, tid, time_ns);

	event.free.address = address;
	apply(ledger, &event);
}

static struct snapshot *picture(struct ledger *ledger, uint64_t now_ns)
{
	struct snapshot *snapshot = NULL;

	assert_int_equal(ledger_snapshot(ledger, now_ns, &snapshot), 0);
	assert_non_null(snapshot);
	return snapshot;
}

static void an_empty_ledger_gives_an_empty_picture(void **state)
{
	struct snapshot *snapshot = picture(*state, 5);
	uint64_t bytes, blocks;

	assert_int_equal(snapshot->process_count, 0);
	assert_int_equal(snapshot->quality.events, 0);
	snapshot_free(snapshot);
	snapshot_free(NULL);
	ledger_free(NULL);
	ledger_footprint(*state, &bytes, &blocks);
	assert_int_equal(bytes, 0);
	assert_int_equal(blocks, 0);
}

static void a_picture_outlives_the_ledger(void **state)
{
	struct ledger *ledger = ledger_new();
	struct event event = make(EVENT_MODULE, PID, START);
	struct snapshot *snapshot;

	(void)state;
	process(ledger, 5, START);
	event.module.start = 0x1000;
	event.module.end = 0x2000;
	event.module.path = "/lib/a.so";
	apply(ledger, &event);
	alloc(ledger, PID, 0x10, 50, 0, START + 1);
	snapshot = picture(ledger, START + 2);
	release(ledger, PID, 0x10, START + 3);
	ledger_free(ledger);
	assert_int_equal(snapshot->processes[0].counts.live_bytes, 50);
	assert_string_equal(snapshot->processes[0].comm, "demo");
	assert_string_equal(snapshot->processes[0].exe, "/usr/bin/demo");
	assert_string_equal(snapshot->processes[0].modules[0].path, "/lib/a.so");
	assert_string_equal(snapshot->processes[0].modules[0].open_path, "");
	snapshot_free(snapshot);
}

static void modules_are_sorted_and_newer_ones_win(void **state)
{
	static const struct {
		uint64_t start, end;
		const char *path;
	} rows[] = {
		{ 0x5000, 0x6000, "c" }, { 0x1000, 0x2000, "a" }, { 0x3000, 0x4000, "b" },
		{ 0x3800, 0x5800, "d" }, /* over b and c */
		{ 0x9000, 0x9000, "empty" },
	};
	struct snapshot *snapshot;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = make(EVENT_MODULE, PID, START);

		event.module.start = rows[i].start;
		event.module.end = rows[i].end;
		event.module.path = rows[i].path;
		event.module.build_id = "ab12";
		apply(*state, &event);
	}
	snapshot = picture(*state, START);
	assert_int_equal(snapshot->processes[0].module_count, 2);
	assert_string_equal(snapshot->processes[0].modules[0].path, "a");
	assert_string_equal(snapshot->processes[0].modules[1].path, "d");
	assert_string_equal(snapshot->processes[0].modules[1].build_id, "ab12");
	assert_int_equal(snapshot->quality.senseless, 1);
	snapshot_free(snapshot);
}

static void size_classes_are_told_apart(void **state)
{
	const struct snapshot_site *site;
	struct snapshot *snapshot;

	alloc(*state, PID, 0x10, 4096, 1, START + 1);
	alloc(*state, PID, 0x20, 0, 1, START + 2);
	alloc(*state, PID, 0x30, 1, 1, START + 3);
	alloc(*state, PID, 0x40, 8191, 1, START + 4);
	snapshot = picture(*state, START + 5);
	site = &snapshot->processes[0].sites[0];
	assert_int_equal(site->class_count, 2);
	assert_int_equal(site->classes[0].log2_size, 0);
	assert_int_equal(site->classes[0].counts.live_blocks, 2);
	assert_int_equal(site->classes[1].log2_size, 12);
	assert_int_equal(site->classes[1].counts.live_bytes, 4096 + 8191);
	assert_int_equal(site->classes[1].largest_live_bytes, 8191);
	assert_int_equal(site->classes[1].cell_count, 1);
	assert_int_equal(site->classes[1].cells[0].oldest_live_ns, START + 1);
	assert_int_equal(site->classes[1].cells[0].newest_live_ns, START + 4);
	snapshot_free(snapshot);
}

static void series_follow_live_bytes(void **state)
{
	const struct snapshot_process *row;
	struct snapshot *snapshot;

	process(*state, 0, START);
	alloc(*state, PID, 0x10, 64, 1, START + TICK / 2);	/* seen at ticks 1… */
	alloc(*state, PID, 0x20, 65, 1, START + 2 * TICK + 1);	/* 3… */
	release(*state, PID, 0x10, START + 5 * TICK + 1);	/* … 5 */
	alloc(*state, PID, 0x30, 1000, 1, START + 3 * TICK + 1); /* one block only; late */
	release(*state, PID, 0x30, START + 7 * TICK + 1);
	snapshot = picture(*state, START + 10 * TICK);
	row = &snapshot->processes[0];
	assert_int_equal(row->series_start_ns, START);
	assert_int_equal(row->series_interval_ns, TICK);
	assert_int_equal(row->series_count, 10);
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t tick = i + 1;

		assert_int_equal(row->sites[0].classes[0].series[i],
				 (tick <= 5 ? 64 : 0) + (tick >= 3 ? 65 : 0));
		assert_int_equal(row->sites[0].classes[1].series[i],
				 tick >= 4 && tick <= 7 ? 1000 : 0);
		assert_int_equal(row->sites[0].classes[0].block_series[i],
				 (tick <= 5) + (tick >= 3));
		assert_int_equal(row->sites[0].classes[1].block_series[i],
				 tick >= 4 && tick <= 7);
		/* What came late counts from its birth all the same. */
		assert_int_equal(row->live_bytes_series[i],
				 (tick <= 5 ? 64 : 0) + (tick >= 3 ? 65 : 0) +
					 (tick >= 4 && tick <= 7 ? 1000 : 0));
		assert_int_equal(row->live_blocks_series[i],
				 (tick <= 5) + (tick >= 3) + (tick >= 4 && tick <= 7));
	}
	snapshot_free(snapshot);
}

static void resident_memory_over_time(void **state)
{
	struct event event = make(EVENT_RESIDENT, 0, 0);
	struct snapshot *snapshot;

	process(*state, 0, START);
	for (uint64_t i = 2; i < 1000; i++) {
		event.time_ns = START + i * TICK + 1;
		event.resident.rss_bytes = i * 4096;
		apply(*state, &event);
	}
	snapshot = picture(*state, START + 1000 * TICK);
	assert_int_equal(snapshot->processes[0].series_count, 62);
	assert_int_equal(snapshot->processes[0].series_interval_ns, 16 * TICK);
	/* Between the samples, as the last one said. */
	for (uint64_t i = 0; i < 62; i++)
		assert_int_equal(snapshot->processes[0].resident_series[i],
				 ((i + 1) * 16 - 1) * 4096);
	assert_int_equal(snapshot->processes[0].rss_bytes, 999 * 4096);
	snapshot_free(snapshot);
}

static void exec_ends_the_series_of_all(void **state)
{
	struct event exec = make(EVENT_EXEC, PID, START + 3 * TICK + 1);
	struct snapshot *snapshot;

	process(*state, 0, START);
	alloc(*state, PID, 0x10, 0, 1, START + 1); /* no bytes, but a block */
	alloc(*state, PID, 0x20, 64, 2, START + 1);
	alloc(*state, PID, 0x30, 64, 2, START + 1);
	apply(*state, &exec);
	snapshot = picture(*state, START + 6 * TICK);
	for (size_t i = 0; i < 6; i++) {
		const struct snapshot_process *row = &snapshot->processes[0];

		assert_int_equal(row->sites[0].classes[0].block_series[i], i < 3 ? 1 : 0);
		assert_int_equal(row->sites[1].classes[0].block_series[i], i < 3 ? 2 : 0);
		assert_int_equal(row->sites[1].classes[0].series[i], i < 3 ? 128 : 0);
		assert_int_equal(row->live_bytes_series[i], i < 3 ? 128 : 0);
		assert_int_equal(row->live_blocks_series[i], i < 3 ? 3 : 0);
	}
	snapshot_free(snapshot);
}

static void the_clock_stops_at_exit(void **state)
{
	struct event event = make(EVENT_EXIT, PID, START + 3 * TICK);
	struct snapshot *snapshot;

	process(*state, 0, START);
	alloc(*state, PID, 0x10, 64, 1, START + 1);
	event.exit.last_thread = 1;
	apply(*state, &event);
	snapshot = picture(*state, START + 100 * TICK);
	assert_int_equal(snapshot->processes[0].series_count, 3);
	assert_int_equal(snapshot->processes[0].last_ns, START + 3 * TICK);
	assert_true(snapshot->processes[0].exited);
	snapshot_free(snapshot);
}

static void proc_and_kernel_start_times_are_the_same_process(void **state)
{
	struct event event = make(EVENT_THREAD, PID, START + 10);
	struct snapshot *snapshot;

	process(*state, 500000000, START); /* as /proc has it, in ticks of 10 ms */
	event.thread.process_start_ns = 507654321;
	event.thread.thread_start_ns = 507654321;
	apply(*state, &event);
	process(*state, 500000000, START + 20);
	snapshot = picture(*state, START + 30);
	assert_int_equal(snapshot->process_count, 1);
	assert_int_equal(snapshot->processes[0].start_ns, 507654321);
	snapshot_free(snapshot);
	event.thread.process_start_ns++; /* the kernel's own numbers are exact */
	event.thread.thread_start_ns++;
	apply(*state, &event);
	snapshot = picture(*state, START + 30);
	assert_int_equal(snapshot->process_count, 2);
	assert_true(snapshot->processes[0].exited);
	snapshot_free(snapshot);
}

static void residence_and_losses_are_passed_on(void **state)
{
	struct event event = make(EVENT_RESIDENT, PID, START);
	struct snapshot *snapshot;

	process(*state, 0, START);
	event.resident.rss_bytes = 50;
	event.resident.peak_rss_bytes = 90;
	apply(*state, &event);
	event.resident.rss_bytes = 40;
	event.resident.peak_rss_bytes = 80;
	apply(*state, &event);
	event = make(EVENT_LOSS, 0, START);
	event.loss.totals[WIRE_LOSS_FREE_RING] = 3;
	apply(*state, &event);
	apply(*state, &event);
	snapshot = picture(*state, START);
	assert_int_equal(snapshot->processes[0].rss_bytes, 40);
	assert_int_equal(snapshot->processes[0].peak_rss_bytes, 90);
	assert_int_equal(snapshot->quality.lost[WIRE_LOSS_FREE_RING], 3);
	snapshot_free(snapshot);
}

static void threads_beyond_the_limit_share_one_row(void **state)
{
	const uint32_t extra = 5000;
	struct snapshot *snapshot;
	const struct snapshot_process *row;

	for (uint32_t i = 0; i < THREADS_MAX + extra; i++)
		alloc(*state, 1000 + i, 0x1000 + i * 16ull, 10, 0, START + i);
	snapshot = picture(*state, START + 1000000);
	row = &snapshot->processes[0];
	assert_int_equal(row->thread_count, THREADS_MAX + 1);
	assert_int_equal(row->threads[THREADS_MAX].tid, 0);
	assert_string_equal(row->threads[THREADS_MAX].comm, "(others)");
	assert_int_equal(row->threads[THREADS_MAX].counts.live_blocks, extra);
	assert_int_equal(row->counts.live_blocks, THREADS_MAX + extra);
	snapshot_free(snapshot);
}

static void sites_beyond_the_limit_share_one_site(void **state)
{
	const uint64_t extra = 1000;
	struct snapshot *snapshot;
	const struct snapshot_site *last;

	for (uint64_t i = 0; i < SITES_MAX + extra; i++)
		alloc(*state, PID, 0x1000 + i * 16, 8, i + 1, START + i);
	snapshot = picture(*state, START + 2 * SITES_MAX);
	assert_int_equal(snapshot->processes[0].site_count, SITES_MAX + 1);
	last = &snapshot->processes[0].sites[SITES_MAX];
	assert_false(last->stack_known);
	assert_int_equal(last->id, SITES_MAX + 1);
	assert_int_equal(last->counts.live_blocks, extra);
	assert_int_equal(snapshot->processes[0].counts.live_bytes, (SITES_MAX + extra) * 8);
	snapshot_free(snapshot);
}

static void footprint_keeps_its_promise_over_all_processes(void **state)
{
	uint64_t bytes, blocks;

	for (uint64_t i = 0; i < 200000; i++) {
		struct event event = make(EVENT_ALLOC, PID, START + i);

		event.pid = PID + (uint32_t)(i & 3);
		event.alloc.address = 0x7f0000000000ull + i * 64;
		event.alloc.size = 50;
		apply(*state, &event);
		ledger_footprint(*state, &bytes, &blocks);
		assert_int_equal(blocks, i + 1);
		if (blocks >= 4000)
			assert_true(bytes <= blocks * 40);
	}
}

/* The same random events one by one and in batches of odd sizes. */
static void a_batch_is_as_good_as_one_by_one(void **state)
{
	enum { COUNT = 50000 };
	struct event *events = calloc(COUNT, sizeof(*events));
	struct ledger *single = ledger_new();
	struct snapshot *a, *b;

	assert_non_null(events);
	for (uint64_t i = 0; i < COUNT; i++) {
		uint64_t random = hash_mix(i);
		uint64_t address = 0x1000 + random % 500 * 16;

		events[i] = make(random >> 32 & 1 ? EVENT_ALLOC : EVENT_FREE,
				 PID + (uint32_t)(random >> 40) % 4, START + i);
		events[i].pid = PID + (random >> 50 & 1);
		if (events[i].kind == EVENT_ALLOC) {
			events[i].alloc.address = address;
			events[i].alloc.size = random >> 50;
			events[i].alloc.stack = random >> 60;
		} else if (random >> 33 & 1) {
			events[i].free.address = address;
		} else {
			events[i].kind = EVENT_REALLOC;
			events[i].realloc.old_address = address;
			events[i].realloc.address = address + 16 * (random >> 34 & 1);
			events[i].realloc.size = 9;
			events[i].realloc.enter_ns = START + i - (random >> 35 & 3);
		}
		apply(single, &events[i]);
	}
	for (size_t i = 0; i < COUNT;) {
		size_t count = 1 + hash_mix(i) % 100;

		count = count < COUNT - i ? count : COUNT - i;
		assert_int_equal(ledger_apply_batch(*state, &events[i], count), 0);
		i += count;
	}
	a = picture(single, START + COUNT);
	b = picture(*state, START + COUNT);
	assert_memory_equal(&a->quality, &b->quality, sizeof(a->quality));
	assert_int_equal(a->process_count, 2);
	for (size_t i = 0; i < a->process_count; i++)
		assert_memory_equal(&a->processes[i].counts, &b->processes[i].counts,
				    sizeof(a->processes[i].counts));
	assert_true(a->quality.alloc_over_live > 0);
	snapshot_free(a);
	snapshot_free(b);
	ledger_free(single);
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_ledger, free_ledger)
		TEST(an_empty_ledger_gives_an_empty_picture),
		TEST(a_picture_outlives_the_ledger),
		TEST(modules_are_sorted_and_newer_ones_win),
		TEST(size_classes_are_told_apart),
		TEST(series_follow_live_bytes),
		TEST(resident_memory_over_time),
		TEST(exec_ends_the_series_of_all),
		TEST(the_clock_stops_at_exit),
		TEST(proc_and_kernel_start_times_are_the_same_process),
		TEST(residence_and_losses_are_passed_on),
		TEST(threads_beyond_the_limit_share_one_row),
		TEST(sites_beyond_the_limit_share_one_site),
		TEST(footprint_keeps_its_promise_over_all_processes),
		TEST(a_batch_is_as_good_as_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
