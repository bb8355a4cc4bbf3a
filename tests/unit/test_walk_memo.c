/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/memo.bpf.h: walks with the memo against walks without it, on a stack that
 * changes between them in every way that stacks and tables change. Whatever the
 * memo does, the two must not differ in anything that is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "walk.bpf.h"

#include "base/hash.h"

#ifndef __SANITIZE_ADDRESS__
#define ROUNDS 700000 /* of each mode; two walks each: more than four million in all */
#else
#define ROUNDS 60000
#endif

/* Code: one mapping, a row every FUNCTION bytes, so that a pc says which row is its. */
#define CODE 0x10000u
#define FUNCTION 64
#define FUNCTIONS 256
#define BUCKETS (FUNCTIONS * FUNCTION >> UNWIND_BUCKET_SHIFT)

#define STACK_BYTES (16 * 4096)
#define STACKS 2
#define MAX_DEPTH 160

struct state {
	uint64_t pc, sp, fp;
};

/* A simulated thread: a stack in real memory, and the frames on it, outermost first. */
struct simulated {
	char *memory;
	struct state frames[MAX_DEPTH];
	int depth;
};

/* The pool: mark of use, index, rows. */
static struct {
	uint64_t used, buckets[BUCKETS];
	struct unwind_row rows[FUNCTIONS];
} words;
static struct unwind_row *const all_rows = words.rows;
static struct unwind_mapping mapping;
static uint64_t caches[2][UNWIND_CACHE_ROWS];
static uint64_t *cache;
static struct walk walks[2]; /* [0] by the plain way, [1] with the memo */
static struct unwind_process process[2];
static uint64_t random_state;

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t index = *(const uint32_t *)key;

	if (map == &rule_cache)
		return index < UNWIND_CACHE_ROWS ? &cache[index] : NULL;
	if (map == &mappings)
		return index == 0 ? &mapping : NULL;
	if (map == &pool)
		return index == 0 ? &words : NULL;
	if (map == &words)
		return index < sizeof(words) / 8 ? (uint64_t *)&words + index : NULL;
	return NULL;
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(hash_mix(random_state++) % limit);
}

/* Mostly the rules of compiled code; now and then one that the memo must keep off. */
static void row_random(struct unwind_row *row)
{
	uint8_t kind = below(4) ? UNWIND_CFA_RSP : UNWIND_CFA_RBP;
	uint8_t rbp = kind == UNWIND_CFA_RBP || below(2) ? UNWIND_RBP_AT_CFA : UNWIND_RBP_SAME;

	if (below(60) == 0) {
		kind = (uint8_t)below(8);
		rbp = (uint8_t)below(4);
	}
	row->kind = (uint8_t)(kind | rbp << 4);
	row->cfa = (int16_t)(kind == UNWIND_CFA_RBP ? 2 + below(2) : 3 + below(10));
	row->rbp = (int8_t)(below(20) ? -2 : -3);
	if (below(60) == 0)
		row->cfa = (int16_t)below(200);
}

static void tables_change(void)
{
	for (int i = 0; i < 2; i++) {
		process[i].epoch++;
		memset(caches[i], 0, sizeof(caches[i]));
	}
}

static void tables_make(void)
{
	mapping = (struct unwind_mapping){ .start = CODE, .end = CODE + FUNCTIONS * FUNCTION,
					   .bias = CODE, .index_base = 1,
					   .index_count = BUCKETS };
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		all_rows[i].vaddr = i * FUNCTION;
		row_random(&all_rows[i]);
	}
	all_rows[0].kind = UNWIND_CFA_END;
	for (uint64_t i = 0, each = FUNCTIONS / BUCKETS; i < BUCKETS; i++)
		words.buckets[i] = (1 + BUCKETS + i * each) | (1 + BUCKETS + (i + 1) * each) << 32;
	tables_change();
}

static uint64_t pc_of(uint32_t function)
{
	return CODE + function * FUNCTION + 8 + below(2) * 16;
}

static void store(const struct simulated *thread, uint64_t address, uint64_t word)
{
	if (address - (uint64_t)thread->memory <= STACK_BYTES - 8)
		memcpy((void *)address, &word, sizeof(word));
}

/* Call a function: its frame lies as its row says, if a row says anything. */
static void push(struct simulated *thread)
{
	const struct state *caller = &thread->frames[thread->depth - 1];
	uint32_t function = 1 + below(below(10) ? 24 : FUNCTIONS - 1);
	const struct unwind_row *row = &all_rows[function];
	struct state *frame = &thread->frames[thread->depth];
	uint64_t cfa = caller->sp, bytes = (uint64_t)row->cfa * 8;

	if (stack_mode == STACK_FP || (row->kind & 15) == UNWIND_CFA_RBP)
		bytes = 16 + below(6) * 8;
	if (thread->depth >= MAX_DEPTH || cfa - (uint64_t)thread->memory < bytes + 4096)
		return;
	*frame = (struct state){ .pc = pc_of(function), .sp = cfa - bytes, .fp = caller->fp };
	store(thread, cfa - 8, caller->pc);
	if (stack_mode == STACK_FP || row->kind >> 4 == UNWIND_RBP_AT_CFA) {
		store(thread, cfa + (uint64_t)((int64_t)row->rbp * 8), caller->fp);
		frame->fp = below(2) ? cfa - 16 : below(2) ? caller->fp : below(1000);
	}
	if (stack_mode == STACK_FP) {
		store(thread, cfa - 16, caller->fp);
		frame->fp = cfa - 16;
	} else if ((row->kind & 15) == UNWIND_CFA_RBP) {
		frame->fp = cfa - (uint64_t)row->cfa * 8;
	}
	thread->depth++;
}

static void thread_begin(struct simulated *thread)
{
	uint64_t top = (uint64_t)thread->memory + STACK_BYTES - 256 - below(4) * 8;

	thread->depth = 1;
	thread->frames[0] = (struct state){ .pc = pc_of(0), .sp = top, .fp = 0 };
}

static void move(struct simulated *thread, uint32_t most)
{
	for (uint32_t pops = below(most); pops > 0 && thread->depth > 1; pops--)
		thread->depth--;
	for (uint32_t pushes = below(most); pushes > 0; pushes--)
		push(thread);
}

/* A word of the frames in use becomes another: often one that makes sense elsewhere. */
static void scribble(struct simulated *thread)
{
	uint64_t sp = thread->frames[thread->depth - 1].sp;
	uint64_t used = (uint64_t)thread->memory + STACK_BYTES - sp;
	const struct state *other = &thread->frames[below((uint32_t)thread->depth)];
	uint64_t address = below(2) ? other->sp - 8 - below(2) * 8 : sp + below((uint32_t)used / 8) * 8;

	store(thread, address, below(3) == 0 ? pc_of(below(FUNCTIONS)) :
			       below(2) ? other->fp : below(2) ? other->pc : below(5000));
}

/* What may happen between two allocations. */
static struct simulated *change(struct simulated stacks[STACKS], struct simulated *thread)
{
	uint32_t what = below(1000);

	if (what < 300) /* nothing: the same place again */
		return thread;
	if (what < 800)
		move(thread, 6);
	else if (what < 830)
		move(thread, 60);
	else if (what < 850)
		move(thread, 150);
	else if (what < 930)
		scribble(thread);
	else if (what < 950)
		thread_begin(thread);
	else if (what < 970)
		return &stacks[below(STACKS)];
	else if (what < 975)
		tables_change();
	else if (what < 985) {
		row_random(&all_rows[1 + below(FUNCTIONS - 1)]);
		tables_change();
	} else if (what < 990) /* the part that can be read ends at another page */
		host_readable_end = (uintptr_t)thread->memory + STACK_BYTES - below(3) * 4096;
	else
		host_readable_end = (uintptr_t)stacks[0].memory + STACKS * STACK_BYTES;
	return thread;
}

static void walk_both(const struct simulated *thread)
{
	struct state from = thread->frames[thread->depth - 1];

	if (below(50) == 0) /* registers that do not fit the stack */
		from.fp = below(2) ? from.fp + 8 : thread->frames[below((uint32_t)thread->depth)].fp;
	if (below(200) == 0)
		from.sp += below(17);
	for (int i = 0; i < 2; i++) {
		memo = i == 1;
		cache = caches[i];
		process[i].stale = 0;
		walk_run(&walks[i], &process[i], 0, from.pc, from.sp, from.fp);
		walk_frames(&walks[i]);
	}
}

struct seen {
	uint64_t whole, in_part, deep;
	uint64_t statuses[WIRE_STACK_STATUS_COUNT];
};

static void compare(struct seen *seen)
{
	const struct walk *plain = &walks[0], *with = &walks[1];

	assert_int_equal(plain->kept, 0);
	assert_int_equal(with->record.count, plain->record.count);
	assert_int_equal(with->record.status, plain->record.status);
	assert_int_equal(with->record.flags, plain->record.flags);
	assert_memory_equal(with->frames, plain->frames, plain->record.count * 8u);
	assert_true(with->record.id == plain->record.id);
	assert_int_equal(process[1].stale, process[0].stale);
	seen->whole += with->kept && with->kept == with->record.count;
	seen->in_part += with->kept && with->kept < with->record.count;
	seen->deep += with->kept > 64;
	seen->statuses[plain->record.status]++;
}

static struct seen run(enum stack_mode mode, uint64_t seed)
{
	char *memory = mmap(NULL, STACKS * STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct simulated stacks[STACKS], *thread = stacks;
	struct seen seen = { 0 };

	assert_true(memory != MAP_FAILED);
	random_state = seed << 40;
	stack_mode = mode;
	memset(walks, 0, sizeof(walks));
	for (int i = 0; i < 2; i++)
		process[i] = (struct unwind_process){ .count = { 1, 1 } };
	tables_make();
	host_readable_start = (uintptr_t)memory;
	host_readable_end = (uintptr_t)memory + STACKS * STACK_BYTES;
	for (int i = 0; i < STACKS; i++) {
		stacks[i].memory = memory + i * STACK_BYTES;
		thread_begin(&stacks[i]);
	}
	for (uint64_t round = 0; round < ROUNDS; round++) {
		thread = change(stacks, thread);
		walk_both(thread);
		compare(&seen);
	}
	host_readable_start = host_readable_end = 0;
	munmap(memory, STACKS * STACK_BYTES);
	stack_mode = STACK_AUTO;
	memo = true;
	printf("%10lu whole %lu in part %lu deep; ended", seen.whole, seen.in_part, seen.deep);
	for (int i = 0; i < WIRE_STACK_STATUS_COUNT; i++)
		printf(" %lu", seen.statuses[i]);
	printf("\n");
	return seen;
}

/* The test is worth nothing if the memo is seldom used, or all walks end alike. */
static void check_seen(const struct seen *seen)
{
	assert_true(seen->whole > ROUNDS / 10);
	assert_true(seen->in_part > ROUNDS / 10);
	assert_true(seen->deep > ROUNDS / 1000);
	assert_true(seen->statuses[WIRE_STACK_COMPLETE] > ROUNDS / 10);
	assert_true(seen->statuses[WIRE_STACK_TRUNCATED] > ROUNDS / 1000);
	assert_true(seen->statuses[WIRE_STACK_READ_FAULT] > ROUNDS / 1000);
}

static void test_equals_the_plain_walk_by_rows(void **state)
{
	struct seen seen = run(STACK_ROWS, 1);

	(void)state;
	check_seen(&seen);
	assert_true(seen.statuses[WIRE_STACK_NO_MODULE] > ROUNDS / 1000);
}

static void test_equals_the_plain_walk_by_rows_or_frame_pointers(void **state)
{
	struct seen seen = run(STACK_AUTO, 2);

	(void)state;
	check_seen(&seen);
}

static void test_equals_the_plain_walk_by_frame_pointers(void **state)
{
	struct seen seen = run(STACK_FP, 3);

	(void)state;
	check_seen(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_the_plain_walk_by_rows),
		cmocka_unit_test(test_equals_the_plain_walk_by_rows_or_frame_pointers),
		cmocka_unit_test(test_equals_the_plain_walk_by_frame_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
