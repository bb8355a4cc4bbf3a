/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that ended: those that held most are kept, of the others the sum. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/many_processes.h"
#include "ledger/past.h"

#define MANY 3000u
#define BLOCK_SIZE(pid) (40 + (pid) % 7) /* host_blocks() */

static struct snapshot *picture(struct host *host)
{
	struct snapshot *snapshot;

	assert_int_equal(ledger_snapshot(host->ledger, host->now_ns, &snapshot), 0);
	return snapshot;
}

static struct host new_host(void)
{
	struct host host = {
		.ledger = ledger_new(), .now_ns = HOST_SECOND, .threads = 2, .sites = 3,
	};

	assert_non_null(host.ledger);
	return host;
}

/* A process that makes `blocks` blocks and ends. */
static void live_and_end(struct host *host, uint32_t pid, uint64_t blocks)
{
	host->now_ns += 1000;
	host_process(host, pid);
	host_blocks(host, pid, 0, blocks);
	host->now_ns += 1000;
	host_exit(host, pid);
}

static void test_bounded(void **state)
{
	struct host host = new_host();
	uint64_t live = 0, blocks = 0, made = 0;
	struct snapshot *snapshot;

	(void)state;
	/* Each holds more than the one before, so that each new one displaces another. */
	for (uint32_t i = 0; i < MANY; i++) {
		live_and_end(&host, 1000 + i, 1 + i / 10);
		blocks += 1 + i / 10;
		made += (uint64_t)(1 + i / 10) * BLOCK_SIZE(1000 + i);
	}
	snapshot = picture(&host);
	assert_int_equal(snapshot->process_count, PAST_MAX);
	assert_int_equal(snapshot->past.processes, MANY - PAST_MAX);
	assert_int_equal(snapshot->past.counts.live_blocks, snapshot->past.counts.allocated_blocks);
	for (size_t i = 0; i < PAST_MAX; i++) {
		assert_true(snapshot->processes[i].exited);
		/* Blocks differ a little in size: those that held most are about the last. */
		assert_true(snapshot->processes[i].pid >= 1000 + MANY - 3 * PAST_MAX);
		live += snapshot->processes[i].counts.live_bytes;
		blocks -= snapshot->processes[i].counts.live_blocks;
	}
	assert_int_equal(blocks, snapshot->past.counts.live_blocks);
	assert_int_equal(live + snapshot->past.counts.live_bytes, made);
	snapshot_free(snapshot);
	ledger_free(host.ledger);
}

/* Of those that hold nothing the last ones are there, and memory does not grow. */
static void test_memory(void **state)
{
	struct host host = new_host();
	struct snapshot *snapshot;
	size_t before;

	(void)state;
	for (uint32_t i = 0; i < 2 * PAST_MAX; i++)
		live_and_end(&host, 1000 + i, 9);
	before = mallinfo2().uordblks;
	for (uint32_t i = 0; i < MANY; i++)
		live_and_end(&host, 10000 + i, 9);
	assert_true(mallinfo2().uordblks < before + before / 50 + 200000);
	snapshot = picture(&host);
	assert_int_equal(snapshot->process_count, PAST_MAX);
	assert_int_equal(snapshot->quality.ledger_full, 0);
	snapshot_free(snapshot);
	ledger_free(host.ledger);
}

/* A few that held very much are kept by weight, the largest always. */
static void test_weight(void **state)
{
	static struct past past;
	struct process process = { .row = 0 };
	uint32_t row;

	(void)state;
	process.blocks.count = PAST_MAX_BYTES / 40 / 4; /* some more than a quarter of the bound */
	for (uint32_t i = 0; i < 3; i++) {
		process.row = i;
		process.counts.live_bytes = 100 - i;
		past_add(&past, &process);
		assert_false(past_take(&past, &row));
	}
	process.row = 3;
	process.counts.live_bytes = 200;
	past_add(&past, &process);
	assert_true(past_take(&past, &row));
	assert_int_equal(row, 2);
	assert_false(past_take(&past, &row));
	process.row = 4;
	process.counts.live_bytes = 50;
	process.blocks.count *= 100;
	past_add(&past, &process);
	assert_true(past_take(&past, &row));
	assert_int_equal(row, 4);
	assert_false(past_take(&past, &row));
	/* Too much for the bound, but it held most. */
	process.row = 5;
	process.counts.live_bytes = 5000;
	past_add(&past, &process);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(past_take(&past, &row));
	assert_int_equal(row, 3);
	assert_false(past_take(&past, &row));
	assert_int_equal(past.count, 1);
	assert_int_equal(past.rows[0].row, 5);
}

/* What runs is never closed; what is told late of a closed one is not another's. */
static void test_late_events(void **state)
{
	struct host host = new_host();
	struct event event = { .kind = EVENT_FREE, .pid = 77, .tid = 77 };
	struct snapshot *snapshot;
	uint64_t end_ns;

	(void)state;
	host_process(&host, 50);
	host_blocks(&host, 50, 0, 1);
	live_and_end(&host, 77, 2);
	end_ns = host.now_ns;
	for (uint32_t i = 0; i < PAST_MAX; i++)
		live_and_end(&host, 1000 + i, 9);
	snapshot = picture(&host);
	assert_int_equal(snapshot->process_count, PAST_MAX + 1);
	assert_int_equal(snapshot->past.processes, 1);
	assert_int_equal(snapshot->past.counts.live_blocks, 2);
	snapshot_free(snapshot);
	event.time_ns = end_ns - 500;
	event.free.address = 0x10000000;
	assert_int_equal(ledger_apply(host.ledger, &event), 0);
	event = (struct event){ .kind = EVENT_MODULE, .pid = 77, .time_ns = host.now_ns };
	event.module.start = 0x1000;
	event.module.end = 0x2000;
	assert_int_equal(ledger_apply(host.ledger, &event), 0);
	snapshot = picture(&host);
	assert_int_equal(snapshot->process_count, PAST_MAX + 1);
	assert_int_equal(snapshot->quality.unknown_frees, 0);
	assert_int_equal(snapshot->quality.ledger_full, 0);
	snapshot_free(snapshot);
	/* Later the pid is another's. */
	host.now_ns += 1000;
	host_blocks(&host, 77, 0, 3);
	snapshot = picture(&host);
	assert_int_equal(snapshot->process_count, PAST_MAX + 2);
	for (size_t i = 0; i < snapshot->process_count; i++) {
		if (snapshot->processes[i].pid == 77)
			assert_int_equal(snapshot->processes[i].counts.live_blocks, 3);
		if (snapshot->processes[i].pid == 50)
			assert_false(snapshot->processes[i].exited);
	}
	snapshot_free(snapshot);
	ledger_free(host.ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_late_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
