/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/walk.bpf.h compiled for the host: it walks this process's own stack, by
 * rows made of this process's own files, and must find what the C runtime's
 * unwinder finds.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "walk.bpf.h"

#include "capture/eh_frame.h"
#include "target/elf_file.h"
#include "target/mapped_file.h"
#include "target/maps.h"

#define MAX_WORDS (8 * UNWIND_CHUNK_WORDS)
#define MAX_FRAMES 256

static uint64_t *words; /* of the pool */
static struct unwind_mapping all_mappings[UNWIND_MAX_MAPPINGS];
static uint64_t cached[UNWIND_CACHE_ROWS * 2];
static uint32_t word_count, mapping_count;
static struct walk walk;

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t index = *(const uint32_t *)key;

	if (map == &pool)
		return index < MAX_WORDS / UNWIND_CHUNK_WORDS ? &words[index * UNWIND_CHUNK_WORDS] :
								NULL;
	if (map == &rule_cache)
		return index < UNWIND_CACHE_ROWS * 2 ? &cached[index] : NULL;
	if (map == &mappings)
		return index < UNWIND_MAX_MAPPINGS ? &all_mappings[index] : NULL;
	/* A chunk of the pool. */
	return index < UNWIND_CHUNK_WORDS ? (uint64_t *)map + index : NULL;
}

static void add_mapping(const struct mapping *mapping, const struct unwind_table *table,
			uint64_t vaddr)
{
	struct unwind_mapping *to = &all_mappings[mapping_count++];
	uint32_t first_row;

	to->start = mapping->start;
	to->end = mapping->end;
	to->bias = mapping->start - vaddr + table->base;
	to->index_base = word_count + 1;
	to->index_count = (uint32_t)table->bucket_count;
	assert_true(word_count + 1 + table->bucket_count + table->row_count <= MAX_WORDS);
	words[word_count++] = 0;
	first_row = word_count + (uint32_t)table->bucket_count;
	for (size_t i = 0; i < table->bucket_count; i++)
		words[word_count++] = table->buckets[i] + ((uint64_t)first_row << 32 | first_row);
	memcpy(words + word_count, table->rows, table->row_count * sizeof(*table->rows));
	word_count += (uint32_t)table->row_count;
}

static void load_own_tables(void)
{
	struct maps maps;

	words = calloc(MAX_WORDS, sizeof(*words));
	assert_int_equal(maps_read((uint32_t)getpid(), &maps), 0);
	for (size_t i = 0; i < maps.count; i++) {
		const struct mapping *mapping = &maps.rows[i];
		struct unwind_table table = { 0 };
		struct elf_file *elf;
		uint64_t vaddr = 0;
		struct stat stat;
		int fd;

		if (!(mapping->prot & PROT_EXEC))
			continue;
		if (strcmp(mapping->path, "[vdso]") == 0) {
			const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);

			assert_int_equal(unwind_table_read_memory(vdso, 8192, &table), 0);
			add_mapping(mapping, &table, 0);
		} else if (mapping->inode) {
			fd = mapped_file_open((uint32_t)getpid(), mapping, &stat);
			assert_true(fd >= 0);
			assert_int_equal(unwind_table_read(fd, &table), 0);
			assert_int_equal(elf_file_open(fd, &elf), 0);
			assert_int_equal(elf_file_address(elf, mapping->offset, &vaddr), 0);
			add_mapping(mapping, &table, vaddr);
			elf_file_close(elf);
		}
		unwind_table_free(&table);
	}
	maps_free(&maps);
	assert_true(mapping_count >= 4);
}

/* Walk from the instruction behind the call of this function, as at a return probe. */
static __attribute__((noinline)) void walk_from(const ucontext_t *context)
{
	static struct unwind_process process;

	process.active = 0;
	process.count[0] = mapping_count;
	memset(&walk, 0x5a, sizeof(walk));
	walk_run(&walk, &process, 0, (uint64_t)context->uc_mcontext.gregs[REG_RIP],
		 (uint64_t)context->uc_mcontext.gregs[REG_RSP],
		 (uint64_t)context->uc_mcontext.gregs[REG_RBP]);
	walk_frames(&walk);
}

static int deepest_checked;

struct collected {
	void *frames[MAX_FRAMES];
	int count;
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *frame, void *argument)
{
	struct collected *to = argument;

	/* The address behind _start ends every list and is no frame. */
	if (_Unwind_GetIP(frame) && to->count < MAX_FRAMES)
		to->frames[to->count++] = (void *)_Unwind_GetIP(frame);
	return _URC_NO_REASON;
}

static void check_walk(const struct collected *expected)
{
	int count = expected->count;

	if (count > WIRE_MAX_FRAMES) {
		assert_int_equal(walk.record.status, WIRE_STACK_TRUNCATED);
		assert_int_equal(walk.record.count, WIRE_MAX_FRAMES);
		count = WIRE_MAX_FRAMES;
	} else {
		assert_int_equal(walk.record.status, WIRE_STACK_COMPLETE);
		assert_int_equal(walk.record.count, count);
	}
	for (int i = 1; i < count; i++)
		assert_ptr_equal((void *)walk.frames[i], expected->frames[i]);
	assert_false(walk.record.flags & WIRE_STACK_USED_FP);
	deepest_checked = count;
}

/* Own frames from here up, by both unwinders. The innermost differs (two call sites in
 * this very function), everything above must not. */
static __attribute__((noinline)) void compare_here(void)
{
	struct collected expected = { .count = 0 };
	ucontext_t context;

	_Unwind_Backtrace(collect, &expected);
	getcontext(&context);
	walk_from(&context);
	check_walk(&expected);
}

static __attribute__((noinline)) int recurse(int depth, void (*at_end)(void))
{
	/* Frames of different sizes, some with alloca: their CFA hangs on rbp. */
	volatile char *room = depth % 3 ? __builtin_alloca((size_t)(16 + depth * 8)) : (char[40]){ 0 };
	int below;

	room[0] = (char)depth;
	if (depth == 0) {
		at_end();
		return 0;
	}
	below = recurse(depth - 1, at_end);
	return below + room[0];
}

static void test_equals_the_runtimes_unwinder_at_every_depth(void **state)
{
	(void)state;
	for (int depth = 0; depth <= 170; depth += 1)
		recurse(depth, compare_here);
	assert_int_equal(deepest_checked, WIRE_MAX_FRAMES);
}

static void (*handler_body)(void);

static void on_signal(int number)
{
	(void)number;
	handler_body();
}

static void raise_here(void)
{
	raise(SIGUSR1);
}

static void test_goes_through_a_signal_handler(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)state;
	handler_body = compare_here;
	sigaction(SIGUSR1, &action, NULL);
	recurse(5, raise_here);
	assert_true(deepest_checked > 8);
}

static int compare_elements(const void *a, const void *b)
{
	compare_here();
	return *(const int *)a - *(const int *)b;
}

static void test_goes_through_a_library_callback(void **state)
{
	int numbers[] = { 3, 1, 2 };

	(void)state;
	qsort(numbers, 3, sizeof(int), compare_elements);
	assert_int_equal(numbers[0], 1);
}

/* Every read of the walk fails in turn: it must end there, with what it had. */
static __attribute__((noinline)) void fault_every_read(const ucontext_t *context)
{
	uint16_t whole;
	int ended_early = 0;

	walk_from(context);
	whole = walk.record.count;
	for (long reads = 0; reads < 40; reads++) {
		host_reads_until_fault = reads;
		walk_from(context);
		host_reads_until_fault = -1;
		assert_true(walk.record.count >= 1 && walk.record.count <= whole);
		if (walk.record.status == WIRE_STACK_COMPLETE)
			assert_int_equal(walk.record.count, whole);
		else
			ended_early++;
		if (reads == 0)
			assert_int_equal(walk.record.status, WIRE_STACK_READ_FAULT);
	}
	assert_true(ended_early >= 2);
}

static __attribute__((noinline)) void fault_here(void)
{
	ucontext_t context;

	getcontext(&context);
	fault_every_read(&context);
}

static void test_ends_where_memory_cannot_be_read(void **state)
{
	(void)state;
	recurse(100, fault_here);
}

/* A thread's stack ends at a page beyond which nothing is mapped. */
static void test_copy_stops_at_the_last_page(void **state)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 word;

	(void)state;
	assert_true(pages != MAP_FAILED);
	host_readable_start = (uintptr_t)pages;
	host_readable_end = (uintptr_t)pages + 8192;
	*(uint64_t *)(pages + 8192 - 8) = 0x1122334455667788;
	assert_int_equal(copy_stack(&walk, (uintptr_t)pages + 8192 - 64, COPY_BYTES), 0);
	assert_int_equal(walk.copy_length, 64);
	assert_int_equal(stack_word(&walk, (uintptr_t)pages + 8192 - 8, &word), 0);
	assert_true(word == 0x1122334455667788);
	assert_int_equal(stack_word(&walk, (uintptr_t)pages + 8192, &word), -1);
	assert_int_equal(stack_word(&walk, (uintptr_t)pages + 12, &word), -1); /* not aligned */
	host_readable_start = host_readable_end = 0;
	munmap(pages, 8192);
}

static void test_without_tables_goes_by_frame_pointers(void **state)
{
	uint64_t stack[64] = { 0 };
	struct unwind_process process = { 0 };

	(void)state;
	/* Three frames linked by frame pointers, the outermost with rbp 0 and no caller. */
	stack[2] = (uint64_t)&stack[10];
	stack[3] = 0x1000;
	stack[10] = (uint64_t)&stack[20];
	stack[11] = 0x2000;
	stack[20] = 0;
	stack[21] = 0;
	walk_run(&walk, &process, 0, 0x500, (uint64_t)&stack[0], (uint64_t)&stack[2]);
	assert_int_equal(walk.record.status, WIRE_STACK_COMPLETE);
	assert_int_equal(walk.record.count, 3);
	walk_frames(&walk);
	assert_true(walk.frames[0] == 0x500 && walk.frames[1] == 0x1000 && walk.frames[2] == 0x2000);
	assert_true(walk.record.flags & WIRE_STACK_USED_FP);
	assert_true(process.stale);

	stack_mode = STACK_FP;
	stack[21] = 0x3000;
	walk_run(&walk, &process, 0, 0x500, (uint64_t)&stack[0], (uint64_t)&stack[2]);
	stack_mode = STACK_AUTO;
	assert_int_equal(walk.record.status, WIRE_STACK_COMPLETE);
	assert_int_equal(walk.record.count, 4);
}

static void test_a_frame_pointer_that_leads_down_or_far_ends_the_walk(void **state)
{
	uint64_t stack[64] = { 0 };
	struct unwind_process process = { 0 };
	const uint64_t bad[] = { (uint64_t)&stack[0], (uint64_t)&stack[8] + 1,
				 (uint64_t)&stack[0] + (2 << 20), 0, ~0ull };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		walk_run(&walk, &process, 0, 0x500, (uint64_t)&stack[4], bad[i]);
		assert_int_equal(walk.record.count, 1);
		assert_int_equal(walk.record.status, WIRE_STACK_NO_MODULE);
	}
}

/* Random rows over a random stack: any result but a crash or an endless walk. */
static void test_random_rows_and_stacks_always_end(void **state)
{
	static uint64_t stack[4096];
	struct unwind_process process = { .count = { 1, 0 } };
	struct unwind_mapping kept = all_mappings[0];
	uint32_t seen[WIRE_STACK_STATUS_COUNT] = { 0 };

	(void)state;
	host_readable_start = (uintptr_t)stack;
	host_readable_end = (uintptr_t)stack + sizeof(stack);
	all_mappings[0] = (struct unwind_mapping){
		.start = 0x10000, .end = 0x50000, .bias = 0x10000, .index_base = 1, .index_count = 256
	};
	srand(7);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < 64; i++) {
			struct unwind_row *row = (struct unwind_row *)&words[257 + i];

			row->vaddr = (uint32_t)(i ? i * 4096 + rand() % 4096 : 0);
			row->cfa = (int16_t)(rand() % 4 ? rand() % 16 : rand());
			row->kind = (uint8_t)(rand() % 3 ? rand() % 3 | rand() % 2 << 4 : rand());
			row->rbp = (int8_t)(rand() % 4 ? -2 : rand());
		}
		for (int i = 0; i < 256; i++)
			words[1 + i] = (uint64_t)(257 + rand() % 64) |
				       (uint64_t)(257 + rand() % 65) << 32;
		for (int i = 0; i < 512; i++)
			stack[i] = rand() % 3 ? 0x10000u + (uint32_t)rand() % 0x40000 :
						(uint64_t)&stack[rand() % 4096];
		walk_run(&walk, &process, 0, 0x10000u + (uint32_t)rand() % 0x40000, (uint64_t)stack,
			 (uint64_t)&stack[rand() % 512]);
		assert_true(walk.record.count >= 1 && walk.record.count <= WIRE_MAX_FRAMES);
		assert_true(walk.record.status < WIRE_STACK_STATUS_COUNT);
		seen[walk.record.status]++;
	}
	/* The test is worth nothing if all walks end alike. */
	assert_true(seen[WIRE_STACK_NO_PROGRESS] > 100 && seen[WIRE_STACK_READ_FAULT] > 100);
	assert_true(seen[WIRE_STACK_COMPLETE] > 100);
	host_readable_start = host_readable_end = 0;
	all_mappings[0] = kept;
}

/* A module of functions of 64 bytes, each with the rule that stands at its number. */
#define RULE_CODE 0x10000ull

static void rules_load(const struct unwind_row *rules, uint32_t count)
{
	all_mappings[0] = (struct unwind_mapping){ .start = RULE_CODE,
						   .end = RULE_CODE + count * 64,
						   .bias = RULE_CODE,
						   .index_base = 1,
						   .index_count = 1 };
	words[1] = 2 | (uint64_t)(2 + count) << 32;
	for (uint32_t i = 0; i < count; i++) {
		struct unwind_row row = rules[i];

		row.vaddr = i * 64;
		memcpy(&words[2 + i], &row, sizeof(row));
	}
	memset(cached, 0, sizeof(cached));
}

#define RULE(cfa_kind, cfa_value, rbp_kind, rbp_value)                                             \
	{ .kind = (cfa_kind) | (rbp_kind) << 4, .cfa = (cfa_value), .rbp = (rbp_value) }
#define IN(function) (RULE_CODE + (function) * 64 + 16)

/* One frame by each kind of rule that there is, by hand: what compilers seldom make as well. */
static void test_every_kind_of_rule(void **state)
{
	static const struct unwind_row rules[] = {
		RULE(UNWIND_CFA_END, 0, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_RSP, 3, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_RBP, 2, UNWIND_RBP_AT_CFA, -2),
		RULE(UNWIND_CFA_PLT, 11, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_DEREF_RSP, 2 << 6 | 1, UNWIND_RBP_SAME, 0), /* *(rsp + 16) + 8 */
		RULE(UNWIND_CFA_DEREF_RBP, -1 * 64, UNWIND_RBP_AT_RBP, 0),  /* *(rbp - 8) */
		RULE(UNWIND_CFA_SIGNAL, 0, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_RSP, 2, UNWIND_RBP_UNKNOWN, 0),
	};
	struct unwind_mapping kept = all_mappings[0];
	struct unwind_process process = { .count = { 1, 0 } };
	uint64_t stack[200] = { 0 };
	const uint64_t expected[] = { IN(1), IN(2), IN(3) - 16 + 10, IN(3) - 16 + 12, IN(4), IN(5),
				      IN(6), IN(1) + 1, IN(7), IN(0) };

	(void)state;
	rules_load(rules, sizeof(rules) / sizeof(rules[0]));
	stack[2] = IN(2);			      /* of 1: CFA = &stack[3] */
	stack[10] = (uint64_t)&stack[40];	      /* of 2: rbp = &stack[10], CFA = &stack[12] … */
	stack[11] = IN(3) - 16 + 10;		      /* … in a lazy stub before its push … */
	stack[12] = IN(3) - 16 + 12;		      /* CFA = &stack[13]; … and behind it: */
	stack[14] = IN(4);			      /* CFA = &stack[15] */
	stack[17] = (uint64_t)&stack[19];	      /* of 4: *(sp + 16) + 8 = &stack[20] */
	stack[19] = IN(5);
	stack[39] = (uint64_t)&stack[50];	      /* of 5: *(rbp - 8); rbp is now &stack[40] */
	stack[40] = 0x7777;			      /* the caller's rbp, saved at rbp */
	stack[49] = IN(6);
	/* of 6: a ucontext at sp = &stack[50], of code interrupted further out */
	stack[50 + UCONTEXT_RBP / 8] = 0x8888;
	stack[50 + UCONTEXT_RSP / 8] = (uint64_t)&stack[100];
	stack[50 + UCONTEXT_RIP / 8] = IN(1) + 1;
	stack[102] = IN(7);			      /* of 1 again: CFA = &stack[103] */
	stack[104] = IN(0);			      /* of 7: CFA = &stack[105] */
	for (int round = 0; round < 2; round++) { /* the second time by cached rules, where there are */
		stack_mode = STACK_ROWS;
		walk_run(&walk, &process, 0, IN(1), (uint64_t)stack, (uint64_t)&stack[10]);
		walk_frames(&walk);
		assert_int_equal(walk.record.count, sizeof(expected) / sizeof(expected[0]));
		assert_memory_equal(walk.frames, expected, sizeof(expected));
		assert_int_equal(walk.record.status, WIRE_STACK_COMPLETE);
		assert_false(walk.record.flags & WIRE_STACK_USED_FP);
	}
	stack_mode = STACK_AUTO;
	all_mappings[0] = kept;
}

/* Rules that need what is lost, or lead nowhere. */
static void test_rules_that_cannot_be_followed(void **state)
{
	static const struct unwind_row rules[] = {
		RULE(UNWIND_CFA_RSP, 2, UNWIND_RBP_UNKNOWN, 0),
		RULE(UNWIND_CFA_RBP, 2, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_DEREF_RSP, 1, UNWIND_RBP_SAME, 0),
		RULE(UNWIND_CFA_NONE, 0, UNWIND_RBP_SAME, 0),
	};
	struct unwind_mapping kept = all_mappings[0];
	struct unwind_process process = { .count = { 1, 0 } };
	uint64_t stack[64] = { 0 };

	(void)state;
	stack_mode = STACK_ROWS;
	rules_load(rules, sizeof(rules) / sizeof(rules[0]));
	stack[1] = IN(1); /* whose CFA hangs on the rbp that function 0 has lost */
	walk_run(&walk, &process, 0, IN(0), (uint64_t)stack, (uint64_t)&stack[20]);
	assert_int_equal(walk.record.status, WIRE_STACK_NO_PROGRESS);
	assert_int_equal(walk.record.count, 2);
	stack[0] = 8; /* the CFA would be 16 */
	walk_run(&walk, &process, 0, IN(2), (uint64_t)stack, 0);
	assert_int_equal(walk.record.status, WIRE_STACK_NO_PROGRESS);
	walk_run(&walk, &process, 0, IN(3), (uint64_t)stack, 0);
	assert_int_equal(walk.record.status, WIRE_STACK_NO_ROW);
	assert_false(process.missed);
	/* Rows that are not in the pool now: user space is told where they were missed. */
	all_mappings[0].index_count = 0;
	all_mappings[0].index_base = UNWIND_AWAY;
	process.epoch++;
	walk_run(&walk, &process, 0, IN(0), (uint64_t)stack, 0);
	assert_int_equal(walk.record.status, WIRE_STACK_NO_ROW);
	assert_true(process.missed == IN(0) - 1);
	assert_false(process.stale);
	stack_mode = STACK_AUTO;
	all_mappings[0] = kept;
}

static void test_ids_tell_stacks_apart(void **state)
{
	uint64_t stack[8] = { 0 }, first;
	struct unwind_process process = { 0 };

	(void)state;
	walk_run(&walk, &process, 0, 0x500, (uint64_t)stack, 0);
	first = walk.record.id;
	assert_true(first != 0);
	walk_run(&walk, &process, 0, 0x500, (uint64_t)stack, 0);
	assert_true(walk.record.id == first);
	walk_run(&walk, &process, 0, 0x501, (uint64_t)stack, 0);
	assert_true(walk.record.id != first);
	walk.salt = 1; /* another process */
	walk_run(&walk, &process, 0, 0x500, (uint64_t)stack, 0);
	assert_true(walk.record.id != first);
	walk.salt = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_the_runtimes_unwinder_at_every_depth),
		cmocka_unit_test(test_goes_through_a_signal_handler),
		cmocka_unit_test(test_goes_through_a_library_callback),
		cmocka_unit_test(test_ends_where_memory_cannot_be_read),
		cmocka_unit_test(test_copy_stops_at_the_last_page),
		cmocka_unit_test(test_without_tables_goes_by_frame_pointers),
		cmocka_unit_test(test_a_frame_pointer_that_leads_down_or_far_ends_the_walk),
		cmocka_unit_test(test_ids_tell_stacks_apart),
		cmocka_unit_test(test_random_rows_and_stacks_always_end),
		cmocka_unit_test(test_every_kind_of_rule),
		cmocka_unit_test(test_rules_that_cannot_be_followed),
	};

	load_own_tables();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
