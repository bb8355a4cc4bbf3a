/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/young.bpf.h and capture/young.c together with the ledger: random histories of
 * threads that allocate, free, hand over, reallocate, fork, exec and end, in which a
 * program may be interrupted by another wherever the kernel could. Whatever is paired,
 * told, swept out or lost to a race for a place: at the end the ledger says what
 * really happened, as it would without pairs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static void preempt(void);

/* --- what the programs call -------------------------------------------------------- */

static uint64_t clock_ns;

static uint64_t bpf_ktime_get_ns(void)
{
	preempt();
	return ++clock_ns;
}

/* The ring: records in the order of their reservation, read as far as all are finished. */
#define RING_RECORDS 8192

static struct ring_record {
	uint64_t words[16];
	bool finished, discarded;
} ring_records[RING_RECORDS];
static uint32_t ring_end, ring_read;

static void *bpf_ringbuf_reserve(void *map, uint64_t size, uint64_t flags)
{
	struct ring_record *record;

	preempt();
	record = &ring_records[ring_end++];
	assert_true(ring_end < RING_RECORDS && size <= sizeof(record->words));
	*record = (struct ring_record){ .finished = false };
	return record->words;
}

static void bpf_ringbuf_submit(void *data, uint64_t flags)
{
	preempt();
	((struct ring_record *)data)->finished = true;
}

static void bpf_ringbuf_discard(void *data, uint64_t flags)
{
	((struct ring_record *)data)->discarded = true;
	bpf_ringbuf_submit(data, flags);
}

#define bpf_ringbuf_query(map, flags) 0ull
#define bpf_map_update_elem(map, key, value, flags) ((void)(key), (void)(value), -1)

static long bpf_probe_read_kernel_str(void *to, uint32_t size, const void *from)
{
	return 0;
}

static uint64_t swap_with_preemption(void *word, unsigned int size, uint64_t old, uint64_t new)
{
	preempt();
	if (size == 4)
		return __sync_val_compare_and_swap((uint32_t *)word, (uint32_t)old, (uint32_t)new);
	return __sync_val_compare_and_swap((uint64_t *)word, old, new);
}

#define __sync_val_compare_and_swap(word, old, new) \
	swap_with_preemption(word, sizeof(*(word)), old, new)
struct task_struct;
#include "young.bpf.h"
#undef __sync_val_compare_and_swap

#include "base/hash.h"
#include "capture/young.h"
#include "ledger/ledger.h"
#include "stream/decode.h"

#ifndef __SANITIZE_ADDRESS__
#define HISTORIES 100000
#else
#define HISTORIES 6000
#endif

#define PROCESSES 2
#define THREADS 3 /* of each process */
#define ADDRESSES 24
#define STACKS 3
#define STEPS 90
#define BITS 3 /* few places: collisions are the rule */

static struct young_block places[4 << BITS];
static struct young_row all_rows[1 << YOUNG_ROW_BITS];

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t index = *(const uint32_t *)key;

	preempt();
	if (map == &young_blocks)
		return index < 4 << BITS ? &places[index] : NULL;
	/* Rows are shared by several stacks and threads more often than by chance. */
	if (map == &young_rows)
		return &all_rows[index & 7];
	return NULL;
}

/* --- what really happens ------------------------------------------------------------- */

struct truth {
	uint64_t allocated_blocks, allocated_bytes, freed_blocks, freed_bytes;
	uint64_t freed_by_others;
};

struct block_there {
	enum { NOWHERE, BUSY, LIVE } state;
	uint64_t size, stack;
	unsigned int thread;
	bool before_mark;
};

static struct world {
	struct thread_state threads[PROCESSES * THREADS];
	bool inside[PROCESSES * THREADS], gone[PROCESSES * THREADS];
	struct block_there blocks[PROCESSES][ADDRESSES];
	struct truth truth[PROCESSES * THREADS];
	uint64_t made_since_mark; /* by all threads, after it was set */
	uint64_t freed_since_mark; /* of those */
	bool marked;
	struct ledger *ledger;
	struct young young;
	unsigned int depth; /* of programs that interrupted one another */
} world;

static uint64_t random_state;
static uint64_t seen_pairs, seen_swept, seen_nested;

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(hash_mix(random_state++) % limit);
}

static uint64_t address_of(uint32_t row)
{
	return 0x1000 + row * 16;
}

static uint64_t random_size(void)
{
	return below(3) ? 1 + below(3) : 40 + below(8);
}

static int apply(const struct event *event, void *context)
{
	seen_pairs += event->kind == EVENT_PAIRS ? event->pairs.count : 0;
	seen_swept += context != NULL && event->kind == EVENT_ALLOC;
	return ledger_apply(world.ledger, event);
}

static void consume(uint32_t most)
{
	while (ring_read < ring_end && ring_records[ring_read].finished && most-- > 0) {
		const struct ring_record *record = &ring_records[ring_read++];
		struct event event;

		if (record->discarded)
			continue;
		assert_true(decode_record(record->words, sizeof(record->words), &event) > 0);
		if (event.kind == EVENT_EXIT)
			young_ended(&world.young, event.pid,
				    event.exit.last_thread ? 0 : event.tid, event.time_ns, apply,
				    &world);
		apply(&event, NULL);
	}
}

static void look(enum young_depth depth)
{
	if (young_note(&world.young, ++clock_ns, ring_end, depth))
		consume(below(3) ? RING_RECORDS : below(10));
	young_sweep(&world.young, ring_read, depth, apply, &world);
}

static void make_block(unsigned int thread, uint32_t row, uint64_t size, uint64_t stack)
{
	world.blocks[thread / THREADS][row] = (struct block_there){
		.state = BUSY, .size = size, .stack = stack, .thread = thread,
		.before_mark = !world.marked,
	};
	world.truth[thread].allocated_blocks++;
	world.truth[thread].allocated_bytes += size;
	world.made_since_mark += world.marked;
}

static void end_block(unsigned int thread, struct block_there *block)
{
	world.truth[thread].freed_blocks++;
	world.truth[thread].freed_bytes += block->size;
	world.truth[block->thread].freed_by_others += block->thread != thread;
	world.freed_since_mark += !block->before_mark;
}

static bool find(unsigned int process, int state, uint32_t *ret_row)
{
	uint32_t start = below(ADDRESSES);

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		*ret_row = (start + i) % ADDRESSES;
		if ((int)world.blocks[process][*ret_row].state == state)
			return true;
	}
	return false;
}

static void do_alloc(unsigned int thread)
{
	struct thread_state *state = &world.threads[thread];
	uint64_t stack = 1 + below(STACKS);
	uint32_t row;

	if (!find(thread / THREADS, NOWHERE, &row))
		return;
	state->size = random_size();
	state->cookie = cookie_pack(SHAPE_ALLOC_RETURN, 1, 1, 0, 0, 0, 0);
	make_block(thread, row, state->size, stack);
	tell_alloc(state, address_of(row), stack);
	world.blocks[thread / THREADS][row].state = LIVE;
}

static void do_free(unsigned int thread, bool own)
{
	struct block_there *block;
	uint32_t row;

	for (int tries = 0; tries < 8; tries++) {
		if (!find(thread / THREADS, LIVE, &row))
			return;
		block = &world.blocks[thread / THREADS][row];
		if (own && block->thread != thread)
			continue;
		block->state = BUSY;
		end_block(thread, block);
		tell_free(&world.threads[thread], 0, address_of(row));
		block->state = NOWHERE;
		return;
	}
}

/* Between the entry of a realloc and its return the old address may get another block. */
static void do_realloc(unsigned int thread)
{
	struct thread_state *state = &world.threads[thread];
	unsigned int process = thread / THREADS;
	uint64_t stack = 1 + below(STACKS), address = 0;
	uint32_t old = 0, row = 0;
	bool has_old = below(4) && find(process, LIVE, &old), ended;
	struct block_there before = { .state = NOWHERE };

	state->size = below(8) ? random_size() : 0;
	state->cookie = cookie_pack(SHAPE_REALLOC, 2, 2, 0, 1, 0, 0);
	state->pointer = has_old ? address_of(old) : 0;
	if (has_old) {
		before = world.blocks[process][old];
		world.blocks[process][old].state = BUSY;
	}
	state->enter_ns = bpf_ktime_get_ns();
	if (state->size && below(8)) {
		bool in_place = has_old && below(3) == 0;

		if (in_place)
			row = old;
		else if (!find(process, NOWHERE, &row))
			state->size = 0;
		if (state->size)
			address = address_of(row);
		if (address) {
			if (has_old)
				end_block(thread, &before);
			make_block(thread, row, state->size, stack);
			if (has_old && !in_place)
				world.blocks[process][old].state = NOWHERE;
			preempt();
		}
	}
	if (!address && !state->size && has_old) {
		end_block(thread, &before);
		world.blocks[process][old].state = NOWHERE;
		preempt();
	}
	ended = realloc_ends(state, address);
	tell_realloc(state, address, stack, ended);
	if (address)
		world.blocks[process][row].state = LIVE;
	else if (has_old && state->size)
		world.blocks[process][old].state = LIVE; /* it failed */
}

static void do_exit(unsigned int thread)
{
	struct wire_exit *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	/* One of each process stays to free what is left. */
	world.gone[thread] = true;
	header_fill(&record->header, WIRE_EXIT, sizeof(*record), world.threads[thread].ids, 0,
		    bpf_ktime_get_ns());
	record->last_thread = 0;
	bpf_ringbuf_submit(record, 0);
}

static void do_mark(void)
{
	struct event mark = { .kind = EVENT_MARK, .time_ns = clock_ns + 1 };

	world.marked = true;
	young_mark(&world.young, mark.time_ns);
	mark.mark.name = "mark";
	assert_int_equal(ledger_apply(world.ledger, &mark), 0);
}

/* One program, or one look of user space; more of them where it may be interrupted. */
static void act(void)
{
	unsigned int thread = below(PROCESSES * THREADS), what = below(100);

	if (what < 8) {
		/* User space is one thread, and its time is not that of a program. */
		if (world.depth == 0 || below(2))
			consume(below(20));
		return;
	}
	if (world.inside[thread] || world.gone[thread])
		return;
	world.inside[thread] = true;
	world.depth++;
	if (what < 50)
		do_alloc(thread);
	else if (what < 72)
		do_free(thread, true);
	else if (what < 82)
		do_free(thread, false);
	else if (what < 93)
		do_realloc(thread);
	else if (what < 95)
		young_tell_all(thread / THREADS + 1);
	else if (what < 96 && thread % THREADS)
		do_exit(thread);
	world.depth--;
	world.inside[thread] = false;
}

static bool sweeping;

static void preempt(void)
{
	if (world.depth == 0 || world.depth > 3 || below(40))
		return;
	seen_nested++;
	if (!sweeping && below(4) == 0) {
		sweeping = true;
		look(below(2) ? YOUNG_PAST : YOUNG_OLD);
		sweeping = false;
		return;
	}
	act();
}

/* --- a history ----------------------------------------------------------------------- */

static void begin(uint64_t seed)
{
	static const struct window_wish since_mark = {
		.from = { .kind = MOMENT_MARK, .name = "mark" },
	};

	random_state = seed << 32;
	memset(&world.blocks, 0, sizeof(world.blocks));
	memset(&world.truth, 0, sizeof(world.truth));
	memset(&world.gone, 0, sizeof(world.gone));
	memset(places, 0, sizeof(places));
	memset(all_rows, 0, 8 * sizeof(*all_rows));
	memset(young_marks, 0, sizeof(young_marks));
	young_marked = 0;
	world.marked = false;
	world.made_since_mark = world.freed_since_mark = 0;
	ring_end = ring_read = 0;
	clock_ns = 1000000000;
	world.young.noted_ns = world.young.due_ns = 0;
	world.ledger = ledger_new();
	assert_non_null(world.ledger);
	if (seed % 3 == 0)
		ledger_set_window(world.ledger, &since_mark);
	for (unsigned int i = 0; i < PROCESSES * THREADS; i++) {
		struct event thread = {
			.kind = EVENT_THREAD, .pid = i / THREADS + 1, .tid = 10 + i,
			.time_ns = clock_ns,
		};

		world.threads[i].ids = (uint64_t)thread.pid << 32 | thread.tid;
		
		assert_int_equal(ledger_apply(world.ledger, &thread), 0);
	}
}

static void check_thread(const struct snapshot_process *process, unsigned int thread)
{
	const struct truth *truth = &world.truth[thread];
	uint64_t live_blocks = 0, live_bytes = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const struct block_there *block = &world.blocks[thread / THREADS][i];

		if (block->state == LIVE && block->thread == thread) {
			live_blocks++;
			live_bytes += block->size;
		}
	}
	for (size_t i = 0; i < process->thread_count; i++) {
		const struct snapshot_thread *found = &process->threads[i];

		if (found->tid != 10 + thread)
			continue;
		assert_int_equal(found->counts.allocated_blocks, truth->allocated_blocks);
		assert_int_equal(found->counts.allocated_bytes, truth->allocated_bytes);
		assert_int_equal(found->counts.freed_blocks, truth->freed_blocks);
		assert_int_equal(found->counts.freed_bytes, truth->freed_bytes);
		assert_int_equal(found->counts.live_blocks, live_blocks);
		assert_int_equal(found->counts.live_bytes, live_bytes);
		assert_int_equal(found->freed_by_others_blocks, truth->freed_by_others);
		return;
	}
	fail();
}

/* Live blocks, and those made and freed in the window, by stack. */
static void check_sites(const struct snapshot_process *process, unsigned int row, uint64_t *made,
			uint64_t *freed)
{
	uint64_t live[STACKS + 1] = { 0 };

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const struct block_there *block = &world.blocks[row][i];

		if (block->state == LIVE && !(process->whole && block->before_mark))
			live[block->stack] += block->size;
	}
	for (size_t i = 0; i < process->site_count; i++) {
		assert_in_range(process->sites[i].stack, 1, STACKS);
		assert_int_equal(process->sites[i].counts.live_bytes,
				 live[process->sites[i].stack]);
		live[process->sites[i].stack] = 0;
		*made += process->sites[i].counts.allocated_blocks;
		*freed += process->sites[i].counts.freed_blocks;
	}
	for (int i = 0; i <= STACKS; i++)
		assert_int_equal(live[i], 0);
}

static void check_end(bool window)
{
	struct snapshot *snapshot;
	uint64_t made = 0, freed = 0;

	assert_int_equal(ledger_snapshot(world.ledger, clock_ns + 1, &snapshot), 0);
	assert_int_equal(snapshot->process_count, PROCESSES);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		const struct snapshot_process *process = &snapshot->processes[i];

		check_sites(process, i, &made, &freed);
		for (unsigned int j = 0; j < THREADS; j++)
			check_thread(process->whole ? process->whole : process, i * THREADS + j);
	}
	if (window && world.marked) {
		assert_int_equal(made, world.made_since_mark);
		assert_int_equal(freed, world.freed_since_mark);
	}
	assert_int_equal(snapshot->quality.unknown_frees, 0);
	assert_int_equal(snapshot->quality.alloc_over_live, 0);
	assert_int_equal(snapshot->quality.senseless, 0);
	snapshot_free(snapshot);
}

static void run(uint64_t seed)
{
	uint32_t mark_at;

	begin(seed);
	mark_at = below(STEPS);
	for (uint32_t step = 0; step < STEPS; step++) {
		if (step == mark_at)
			do_mark();
		act();
		if (below(10) == 0)
			clock_ns += below(4) * 10000000;
		if (below(12) == 0)
			look(below(4) ? YOUNG_OLD : YOUNG_PAST);
	}
	consume(RING_RECORDS);
	while (ring_read < ring_end)
		consume(RING_RECORDS);
	assert_true(young_note(&world.young, ++clock_ns, ring_end, YOUNG_ALL));
	assert_true(young_sweep(&world.young, ring_read, YOUNG_ALL, apply, &world) >= 0);
	check_end(seed % 3 == 0);
	ledger_free(world.ledger);
}

static void random_histories_end_as_they_should(void **state)
{
	young_bits = BITS;
	ring_alloc_mark = 1;
	world.young = (struct young){
		.blocks = places,
		.rows = all_rows,
		.block_count = 4 << BITS,
		.row_count = 8,
		.bits = BITS,
		.marks = young_marks,
		.marked = &young_marked,
	};
	assert_int_equal(young_make_room(&world.young), 0);
	for (uint64_t seed = 1; seed <= HISTORIES; seed++)
		run(seed);
	free(world.young.news);
	printf("%10lu pairs, %lu swept out, %lu interrupted\n", seen_pairs, seen_swept,
	       seen_nested);
	/* Worth nothing if one of these is rare. */
	assert_true(seen_pairs > HISTORIES);
	assert_true(seen_swept > HISTORIES);
	assert_true(seen_nested > HISTORIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_end_as_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
