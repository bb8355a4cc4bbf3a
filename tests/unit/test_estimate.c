/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sampling from end to end, without a kernel: the BPF programs' own drawing decides which
 * blocks of a made-up program are recorded, the ledger takes these in, and what it says is
 * compared with the truth. Random, but the same numbers in every run.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "draw.bpf.h"

#include "analysis/estimate.h"
#include "analysis/pattern.h"
#include "ledger/blocks.h"
#include "ledger/ledger.h"
#include "ledger/weight.h"

#define RATE 65536u
#define RUNS 400
#define MOST_BLOCKS 20000
#define MOST_SITES 4
#define PID 7
#define UNSEEN 3.689 /* x RATE: upper end for a site without a sample (Garwood) */

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t random_64(void)
{
	/* splitmix64, Steele et al. 2014 */
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t random_32(void)
{
	return (__u32)(random_64() >> 32);
}

static void *host_map_lookup(const void *map, const void *key)
{
	(void)map, (void)key;
	return NULL;
}

static double uniform(void)
{
	return ((double)(random_64() >> 11) + 0.5) / 0x1p53;
}

/* --- drawing ------------------------------------------------------------------ */

static void test_logarithm(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint32_t random = i < 1000 ? (uint32_t)i
				  : i < 2000 ? UINT32_MAX - (uint32_t)(i - 1000)
					     : random_32();
		double exact = -log(((double)random + 1) / 0x1p32);
		double found = (double)sample_draw(random) / 0x1p27;

		assert_true(fabs(found - exact) < 4e-6);
	}
	assert_int_equal(sample_draw(UINT32_MAX), 0);
	assert_int_equal(sample_gap(RATE, UINT32_MAX), 1);
	assert_true(sample_gap(SAMPLE_MOST, 0) > SAMPLE_MOST);
}

/* Each block by itself is taken with probability 1 - exp(-s/R), whichever others are. */
static void test_probability(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 16, 100, 4096, 65536, 200000, 1000000 };
	uint64_t taken[8] = { 0 }, made[8] = { 0 };
	struct sample_state draw = { .left = 0 };

	(void)state;
	for (int i = 0; i < 20000000; i++) {
		unsigned int which = random_32() & 7;

		/* Small blocks need many draws. */
		if (which > 3 && (i & 15))
			which &= 3;
		made[which]++;
		taken[which] += sample_decide(&draw, RATE, sizes[which]);
	}
	for (size_t i = 0; i < 8; i++) {
		double p = weight_probability(sizes[i], sample_code(RATE));
		double expected = p * (double)made[i];

		assert_true(fabs((double)taken[i] - expected) < 4.5 * sqrt(expected * (1 - p)) + 2);
	}
}

static void test_code(void **state)
{
	(void)state;
	for (uint64_t bytes = 1; bytes <= SAMPLE_MOST; bytes += bytes / 64 + 1) {
		uint64_t coded = sample_bytes(sample_code(bytes));

		assert_true(coded <= bytes && (double)coded > (double)bytes * 0.999);
		assert_int_equal(sample_code(coded), sample_code(bytes));
		assert_int_not_equal(sample_code(bytes), 0);
	}
	assert_int_equal(sample_bytes(sample_code(512 << 10)), 512 << 10);
	assert_int_equal(sample_bytes(sample_code(1536 << 10)), 1536 << 10);
	assert_int_equal(sample_bytes(sample_code(UINT64_MAX)), SAMPLE_MOST);
	assert_int_equal(sample_code(0), 0);
}

static void test_weight(void **state)
{
	struct weight weight = weight_of(1000, 0);

	(void)state;
	assert_int_equal(weight.bytes, 1000);
	assert_int_equal(weight.blocks, WEIGHT_ONE);
	/* Of R bytes: 1 / (1 - 1/e). */
	weight = weight_of(RATE, sample_code(RATE));
	assert_int_equal(weight.bytes, llround(RATE / (1 - exp(-1))));
	assert_int_equal(weight.blocks, llround(WEIGHT_ONE / (1 - exp(-1))));
	/* Large ones stand for themselves, empty ones for many. */
	assert_int_equal(weight_of(100 * RATE, sample_code(RATE)).bytes, 100 * RATE);
	assert_int_equal(weight_of(100 * RATE, sample_code(RATE)).blocks, WEIGHT_ONE);
	weight = weight_of(0, sample_code(RATE));
	assert_int_equal(weight.bytes, 0);
	assert_true(weight.blocks > (uint64_t)WEIGHT_ONE * (RATE - 1));
	assert_int_equal(weight_of(BLOCKS_MAX_SIZE, sample_code(SAMPLE_MOST)).bytes, BLOCKS_MAX_SIZE);
}

/* --- whole traces --------------------------------------------------------------- */

/* A made-up program: its blocks, in order; each lives on or is freed at the end. */
struct program {
	size_t count;
	struct {
		uint64_t size;
		uint8_t site; /* 1 … MOST_SITES */
		bool freed;
	} blocks[MOST_BLOCKS];
	uint64_t live[MOST_SITES + 1]; /* the truth */
};

static struct program program;

static void put(uint8_t site, double size, double freed)
{
	size_t i = program.count++;

	assert_true(program.count <= MOST_BLOCKS);
	program.blocks[i].size = (uint64_t)size;
	program.blocks[i].site = site;
	program.blocks[i].freed = uniform() < freed;
	if (!program.blocks[i].freed)
		program.live[site] += program.blocks[i].size;
}

/* Sites of very different weight: hundreds of samples, tens, a few, less than one. */
static void make_tiny(void)
{
	static const int counts[] = { 0, 12000, 4000, 1500, 400 };

	for (uint8_t site = 1; site <= 4; site++)
		for (int i = 0; i < counts[site]; i++)
			put(site, 16 + floor(uniform() * 240), 0.5);
}

static void make_bimodal(void)
{
	for (int i = 0; i < 6000; i++)
		put(1, i % 100 ? 64 : 100000, 0.3);
	for (int i = 0; i < 1000; i++)
		put(2, i % 10 ? 32 : 20000, 0.3);
	for (int i = 0; i < 300; i++)
		put(3, i % 50 ? 500 : 60000, 0.3);
}

/* Pareto, with infinite variance and, at the third site, infinite mean. */
static void make_heavy(void)
{
	static const double shapes[] = { 0, 1.5, 1.2, 0.9 };
	static const int counts[] = { 0, 4000, 1000, 200 };

	for (uint8_t site = 1; site <= 3; site++)
		for (int i = 0; i < counts[site]; i++) {
			double size = 100 / pow(uniform(), 1 / shapes[site]);

			put(site, size < 1e9 ? size : 1e9, 0.2);
		}
}

static void make_big_among_small(void)
{
	for (int i = 0; i < 5000; i++)
		put(1, i == 2500 ? 50e6 : 100, i == 2500 ? 0 : 0.4);
	for (int i = 0; i < 300; i++)
		put(2, i == 100 ? 3 * RATE : 100, i == 100 ? 0 : 0.4);
	for (int i = 0; i < 1500; i++)
		put(3, i == 10 ? RATE / 2 : 80, i == 10 ? 0 : 0.4);
}

/* Each block is larger than the last: a buffer that doubles now and then, and a list. */
static void make_growing(void)
{
	for (int i = 0; i < 4000; i++)
		put(1, 16 + i, 0.5);
	for (int i = 0; i < 14; i++)
		put(2, 64 << i, i < 13 ? 1 : 0);
	for (int i = 0; i < 60; i++)
		put(3, 100.0 * i, 0.1);
}

static void apply(struct ledger *ledger, const struct event *event)
{
	assert_int_equal(ledger_apply(ledger, event), 0);
}

/* Run the program, sampled at `bytes`, into a ledger. */
static struct snapshot *trace(uint32_t bytes, uint32_t later_bytes)
{
	struct ledger *ledger = ledger_new();
	struct sample_state draw = { .left = 0 };
	static bool taken[MOST_BLOCKS];
	struct snapshot *snapshot;

	for (size_t i = 0; i < program.count; i++) {
		uint32_t rate = i < program.count / 2 ? bytes : later_bytes;
		struct event event = {
			.kind = EVENT_ALLOC, .function = 1, .pid = PID, .tid = PID,
			.time_ns = 1000 + i, .rate = sample_code(rate),
			.alloc = { .address = 4096 + i * 16, .size = program.blocks[i].size,
				   .stack = program.blocks[i].site },
		};

		taken[i] = sample_decide(&draw, rate, program.blocks[i].size);
		if (taken[i])
			apply(ledger, &event);
	}
	for (size_t i = 0; i < program.count; i++) {
		struct event event = {
			.kind = EVENT_FREE, .pid = PID, .tid = PID, .time_ns = 1000000 + i,
			.free = { .address = 4096 + i * 16 },
		};

		if (taken[i] && program.blocks[i].freed)
			apply(ledger, &event);
	}
	assert_int_equal(ledger_snapshot(ledger, 2000000, &snapshot), 0);
	ledger_free(ledger);
	return snapshot;
}

static const struct snapshot_site *site_of(const struct snapshot *snapshot, uint64_t stack)
{
	const struct snapshot_process *process = snapshot->processes;

	for (size_t i = 0; snapshot->process_count && i < process->site_count; i++)
		if (process->sites[i].stack == stack)
			return &process->sites[i];
	return NULL;
}

/* Is the truth in the interval, of each site and of all, in 93 of 100 runs; and is the mean
 * over all runs true, as far as chance allows? */
static void check_mix(void (*make)(void), uint32_t bytes, uint32_t later_bytes)
{
	double sum[MOST_SITES + 1] = { 0 }, variance[MOST_SITES + 1] = { 0 };
	int inside[MOST_SITES + 1] = { 0 };
	uint64_t total = 0;

	program = (struct program){ .count = 0 };
	make();
	for (int i = 1; i <= MOST_SITES; i++)
		total += program.live[i];
	program.live[0] = total;
	for (size_t i = 0; i < program.count; i++) {
		uint16_t rate = sample_code(i < program.count / 2 ? bytes : later_bytes);
		double size = (double)program.blocks[i].size;
		double p = weight_probability(program.blocks[i].size, rate);

		if (program.blocks[i].freed)
			continue;
		variance[0] += size * size * (1 - p) / p;
		variance[program.blocks[i].site] += size * size * (1 - p) / p;
	}
	for (int run = 0; run < RUNS; run++) {
		struct snapshot *snapshot = trace(bytes, later_bytes);

		for (uint64_t i = 0; i <= MOST_SITES; i++) {
			const struct snapshot_site *site = i ? site_of(snapshot, i) : NULL;
			const struct snapshot_sampled *how = site ? &site->sampled : NULL;
			uint64_t live = site ? site->counts.live_bytes : 0;
			struct estimate estimate = { .high = (uint64_t)(UNSEEN * later_bytes) };

			if (i == 0 && snapshot->process_count) {
				how = &snapshot->processes->sampled;
				live = snapshot->processes->counts.live_bytes;
			}
			if (how)
				estimate = estimate_live(how, live);
			assert_true(estimate.low <= live && live <= estimate.high);
			inside[i] += estimate.low <= program.live[i] &&
				     program.live[i] <= estimate.high;
			sum[i] += (double)live - (double)program.live[i];
		}
		snapshot_free(snapshot);
	}
	for (int i = 0; i <= MOST_SITES; i++) {
		double deviation = sqrt(variance[i] / RUNS); /* of the mean */

		if (!program.live[i])
			continue;
		print_message("site %d: %9.3f R live, %5.1f %% inside, mean off by %+5.2f sigma\n", i,
			      (double)program.live[i] / bytes, inside[i] * 100.0 / RUNS,
			      sum[i] / RUNS / deviation);
		assert_true(inside[i] * 100 >= RUNS * 93);
		assert_true(fabs(sum[i] / RUNS) <= 4 * deviation + 1);
	}
}

static void test_tiny(void **state)
{
	(void)state;
	check_mix(make_tiny, RATE, RATE);
}

static void test_bimodal(void **state)
{
	(void)state;
	check_mix(make_bimodal, RATE, RATE);
}

static void test_heavy(void **state)
{
	(void)state;
	check_mix(make_heavy, RATE, RATE);
}

static void test_big_among_small(void **state)
{
	(void)state;
	check_mix(make_big_among_small, RATE, RATE);
}

static void test_growing(void **state)
{
	(void)state;
	check_mix(make_growing, RATE, RATE);
}

/* Each block knows its own rate. */
static void test_rate_changes(void **state)
{
	(void)state;
	check_mix(make_tiny, RATE / 16, RATE);
	check_mix(make_bimodal, RATE, RATE * 8);
}

/* --- verdicts --------------------------------------------------------------------- */

/* One block of `size` per thread and round, which replaces the thread's last; sampled. */
static void find_pattern(uint64_t size, int rounds, struct pattern *ret_pattern)
{
	struct ledger *ledger = ledger_new();
	struct sample_state draw = { .left = 0 };
	struct snapshot *snapshot;

	for (uint64_t i = 0; i < 10 * (uint64_t)rounds; i++) {
		struct event event = {
			.kind = EVENT_ALLOC, .pid = PID, .tid = (uint32_t)(PID + i % 10),
			.time_ns = 1000000000 + i * 10000000, .rate = sample_code(RATE),
			.alloc = { .address = 4096 + i * 16, .size = size, .stack = 1 },
		};
		struct event gone = {
			.kind = EVENT_FREE, .pid = PID, .tid = event.tid,
			.time_ns = event.time_ns + 1000,
			.free = { .address = 4096 + (i - 10) * 16 },
		};

		/* There is a site, whatever is drawn. */
		if (i == 0 || sample_decide(&draw, RATE, size))
			apply(ledger, &event);
		if (i >= 10)
			apply(ledger, &gone);
	}
	assert_int_equal(ledger_snapshot(ledger, 1000000000 + (uint64_t)rounds * 100000000,
					 &snapshot), 0);
	pattern_find(snapshot, snapshot->processes, snapshot->processes->sites, ret_pattern);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

/* Blocks that are all seen get the verdict that they would get anyway; of others nobody can
 * say how many a thread holds, and of a few nobody can say anything. */
static void test_verdicts(void **state)
{
	struct pattern pattern;

	(void)state;
	find_pattern(12 * RATE, 20, &pattern);
	assert_int_equal(pattern.name, PATTERN_PER_THREAD_SLOT);
	assert_int_equal(pattern.threads, 10);
	assert_int_equal(pattern.blocks_per_thread, 1);
	for (int i = 0; i < 20; i++) {
		find_pattern(RATE / 4, 40, &pattern);
		assert_int_not_equal(pattern.name, PATTERN_PER_THREAD_SLOT);
		assert_int_not_equal(pattern.name, PATTERN_GROWING);
		find_pattern(RATE / 100, 20, &pattern);
		assert_int_equal(pattern.name, PATTERN_UNKNOWN);
		if (!strstr(pattern.text, "sampled"))
			fail_msg("%s", pattern.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logarithm),	cmocka_unit_test(test_probability),
		cmocka_unit_test(test_code),		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_tiny),		cmocka_unit_test(test_bimodal),
		cmocka_unit_test(test_heavy),		cmocka_unit_test(test_big_among_small),
		cmocka_unit_test(test_growing),		cmocka_unit_test(test_rate_changes),
		cmocka_unit_test(test_verdicts),
	};

	host_random = random_32;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
