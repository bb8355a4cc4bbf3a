/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that share a pool too small for all of them, while threads walk stacks through them:
 * capture/unwinds.c and capture/tables.c as they are, bpf/walk.bpf.h compiled for the
 * host, and between them a kernel of the test's own, whose maps are plain memory and which,
 * like the true one, lets an update of a map of maps wait for programs that run.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "walk.bpf.h"

#include "base/hash.h"
#include "capture/side.h"
#include "capture/unwinds.h"
#include "unit/elf_maker.h"

#ifndef __SANITIZE_ADDRESS__
#define WALKS 150000 /* of all threads */
#else
#define WALKS 30000
#endif

#define REGIONS 8 /* of the address space of a process; each holds one of two modules, or none */
#define MODULES (2 * REGIONS)
#define FUNCTIONS 24
#define MODULE_WORDS (1 + 66 + 2 + FUNCTIONS) /* of the pool, about */
#define SLOTS 3
#define STACK_WORDS 1200
#define DEPTH_MOST 120

/* --- the kernel of the test --------------------------------------------------- */

#define POOL_FD 1000001
#define MAPPINGS_FD 1000002

static uint64_t *chunk; /* the only one */
static struct unwind_mapping mapping_rows[SLOTS * 2 * UNWIND_MAX_MAPPINGS];
static struct unwind_process process_rows[SLOTS];
static uint64_t cache_rows[SLOTS * UNWIND_CACHE_ROWS];
static uint64_t running[SLOTS]; /* odd while a walk is under way */
static uint64_t waits, clock_ns, walks_done, rounds_done;
static bool preempt;

uint64_t side_now_ns(void)
{
	return clock_ns += 100000000;
}

int bpf_map_create(int type, const char *name, __u32 key_size, __u32 value_size,
		   __u32 max_entries, const void *options);
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);

int bpf_map_create(int type, const char *name, __u32 key_size, __u32 value_size,
		   __u32 max_entries, const void *options)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_int_equal(type, BPF_MAP_TYPE_ARRAY);
	assert_int_equal(ftruncate(fd, (off_t)max_entries * value_size), 0);
	return fd;
}

/* The walk that is under way in thread `number`, if one is, ends. */
static void wait_for_walk(uint32_t number)
{
	uint64_t seen = __atomic_load_n(&running[number], __ATOMIC_ACQUIRE);

	while ((seen & 1) && __atomic_load_n(&running[number], __ATOMIC_ACQUIRE) == seen)
		sched_yield();
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	uint32_t index = *(const uint32_t *)key;

	if (fd == MAPPINGS_FD) {
		assert_true(index < sizeof(mapping_rows) / sizeof(mapping_rows[0]));
		memcpy(&mapping_rows[index], value, sizeof(mapping_rows[0]));
		return 0;
	}
	assert_int_equal(fd, POOL_FD);
	assert_int_equal(index, 0);
	if (!chunk)
		chunk = mmap(NULL, UNWIND_CHUNK_WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED,
			     *(const int *)value, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		wait_for_walk(i);
	waits++;
	return 0;
}

/* Anywhere in a walk a thread may lose the processor. */
static void *host_map_lookup(const void *map, const void *key)
{
	static __thread uint64_t lookups;
	uint32_t index = *(const uint32_t *)key;

	if (preempt && hash_mix(++lookups) % 64 == 0)
		sched_yield();
	if (preempt && hash_mix(lookups) % 1024 == 1)
		usleep(100);
	if (map == &pool)
		return index == 0 ? chunk : NULL;
	if (map == &rule_cache)
		return index < SLOTS * UNWIND_CACHE_ROWS ? &cache_rows[index] : NULL;
	if (map == &mappings)
		return index < SLOTS * 2 * UNWIND_MAX_MAPPINGS ? &mapping_rows[index] : NULL;
	return index < UNWIND_CHUNK_WORDS ? (uint64_t *)map + index : NULL;
}

static struct tables tables_make(void)
{
	struct tables tables = { .pool_fd = POOL_FD, .chunk_fd = -1, .mappings_fd = MAPPINGS_FD };

	memset(process_rows, 0, sizeof(process_rows));
	memset(cache_rows, 0, sizeof(cache_rows));
	tables.processes = process_rows;
	tables.cache = cache_rows;
	tables.slot_count = SLOTS;
	tables.chunk_limit = 1;
	tables.chunks = calloc(1, sizeof(*tables.chunks));
	tables.slots = calloc(SLOTS, sizeof(*tables.slots));
	assert_int_equal(tables_grow(&tables, 1), 0);
	return tables;
}

static void tables_drop(struct tables *tables)
{
	munmap(tables->chunks[0], UNWIND_CHUNK_WORDS * 8);
	munmap(chunk, UNWIND_CHUNK_WORDS * 8);
	close(tables->chunk_fd);
	free(tables->chunks);
	free(tables->slots);
	chunk = NULL;
}

/* --- modules -------------------------------------------------------------------- */

/* The frame of a function, in words, tells which module's it is. */
static uint32_t frame_words(uint32_t module, uint32_t function)
{
	return 2 + (module * 7 + function * 3) % 17;
}

/* An ELF file in memory, with a table of its own for each `module`. */
static int module_file(uint32_t module)
{
	struct bytes frame = { 0 };
	struct elf_spec spec;
	struct elf_file file;
	int fd = memfd_create("module", MFD_CLOEXEC);

	put_cie(&frame, CODE(CIE_HEAD CIE_CODE));
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		/* def_cfa_offset; for the first, undefined rip: the outermost frame's */
		const char code[] = { 0x0e, (char)(frame_words(module, i) * 8), 0x07, 0x10 };

		put_fde(&frame, TEXT + i * FUNCTION, FUNCTION, code, i ? 2 : sizeof(code));
	}
	spec = spec_of(&frame);
	file = elf_make(&spec);
	assert_int_equal(write(fd, file.bytes, file.size), file.size);
	free(file.bytes);
	return fd;
}

static uint64_t module_start(uint32_t module)
{
	return 0x7f0000000000 + module % REGIONS * 0x1000000ull;
}

static struct unwinds_mapping module_mapping(uint32_t module, int table)
{
	return (struct unwinds_mapping){
		.start = module_start(module),
		.end = module_start(module) + TEXT_SIZE,
		.bias = module_start(module) - TEXT,
		.table = table,
	};
}

static uint64_t pc_in(uint32_t module, uint32_t function)
{
	return module_start(module) + function * FUNCTION + 17;
}

/* --- processes and their walks ---------------------------------------------------- */

/* A process has one thread. While `life` is held it neither walks nor changes. */
struct process {
	pthread_mutex_t life;
	uint32_t mapped;	   /* which regions, a bit each */
	uint32_t modules[REGIONS]; /* what is there, if anything */
	/* Of its thread: */
	uint32_t slot, home;	   /* … and the region where most of its stacks go */
	uint64_t seed, whole, cut, wrong, joined;
	uint64_t stack[STACK_WORDS], truth[DEPTH_MOST];
	struct walk walk;
};

static struct process processes_of_test[SLOTS];
static bool all_stop;

static uint32_t pick(struct process *process, uint32_t limit)
{
	return (uint32_t)(hash_mix(process->seed++) % limit);
}

/* Pcs everywhere, so that a wrong rule finds a frame as well, and some frames that are meant. */
static void stack_make(struct process *process, uint32_t at)
{
	uint32_t guest = pick(process, 5) ? process->home : pick(process, REGIONS);

	if (pick(process, 300) == 0)
		process->home = pick(process, REGIONS);
	for (uint32_t i = at; i < STACK_WORDS; i++)
		process->stack[i] = pc_in(pick(process, 4) ? process->home : guest,
					  pick(process, pick(process, 3) ? FUNCTIONS : 3));
}

/* How the stack from word `at` on is to be walked: the length of `truth`. */
static uint32_t stack_truth(struct process *process, uint32_t at)
{
	uint64_t pc = process->stack[at++];
	uint32_t depth = 0;

	for (;;) {
		uint64_t region = (pc - module_start(0)) / 0x1000000;
		uint32_t function = (uint32_t)(pc % 0x1000000 / FUNCTION);

		if (depth == DEPTH_MOST)
			return depth;
		process->truth[depth++] = pc;
		if (region >= REGIONS || !(process->mapped >> region & 1) || function == 0)
			return depth;
		at += frame_words(process->modules[region], function);
		if (at > STACK_WORDS)
			return depth;
		pc = process->stack[at - 1];
	}
}

static void walk_once(struct process *process, uint32_t at)
{
	uint32_t slot = process->slot, depth = stack_truth(process, at);
	struct walk *walk = &process->walk;

	__atomic_add_fetch(&running[slot], 1, __ATOMIC_SEQ_CST);
	walk_run(walk, &process_rows[slot], slot, process->truth[0],
		 (uint64_t)&process->stack[at + 1], 0);
	__atomic_add_fetch(&running[slot], 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&walks_done, 1, __ATOMIC_RELAXED);
	walk_frames(walk);
	process->joined += walk->kept > 0;
	if (walk->record.count > depth ||
	    memcmp(walk->frames, process->truth, walk->record.count * 8u) != 0)
		process->wrong++;
	else if (walk->record.status == WIRE_STACK_COMPLETE && walk->record.count == depth)
		process->whole++;
	else if (walk->record.status == WIRE_STACK_NO_ROW ||
		 walk->record.status == WIRE_STACK_NO_MODULE)
		process->cut++;
	else
		process->wrong++;
}

static void *process_main(void *argument)
{
	struct process *process = argument;
	uint32_t at = 0;
	uint64_t round;

	while (!__atomic_load_n(&all_stop, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&process->life);
		/* Often the same stack once more: its truth is another when a module is. */
		if (pick(process, 3) == 0) {
			at = 16 + pick(process, 64) * 2;
			stack_make(process, at);
		}
		for (int i = 0; i < 3; i++)
			walk_once(process, at);
		pthread_mutex_unlock(&process->life);
		/* Changes are to be as frequent as stacks are. */
		round = __atomic_load_n(&rounds_done, __ATOMIC_RELAXED);
		while (__atomic_load_n(&rounds_done, __ATOMIC_RELAXED) == round &&
		       !__atomic_load_n(&all_stop, __ATOMIC_RELAXED))
			sched_yield();
	}
	return NULL;
}

/* --- tests ---------------------------------------------------------------------- */

static uint64_t sequence;

static bool still(void *context)
{
	return true;
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(hash_mix(sequence++) % limit);
}

/* Put in force what is mapped in `process`. */
static void publish(struct unwinds *unwinds, struct tables *tables, uint32_t slot,
		    const struct process *process, const int numbers[MODULES])
{
	struct unwinds_mapping mapped[REGIONS];
	size_t count = 0;

	for (uint32_t i = 0; i < REGIONS; i++) {
		uint32_t module = process->modules[i];

		if (process->mapped >> i & 1)
			mapped[count++] = module_mapping(module, numbers[module]);
	}
	assert_int_equal(unwinds_publish(unwinds, tables, slot, mapped, count, still, NULL), 0);
}

/* A process maps other modules, or ends and another one takes its place. */
static void change(struct unwinds *unwinds, struct tables *tables, uint32_t slot,
		   const int numbers[MODULES])
{
	struct process *process = &processes_of_test[slot];

	pthread_mutex_lock(&process->life);
	if (below(4) == 0)
		unwinds_release(unwinds, tables, slot);
	process->mapped = below(1 << REGIONS) | below(1 << REGIONS) | below(1 << REGIONS);
	for (uint32_t i = 0; i < REGIONS; i++) {
		if (below(4) == 0)
			process->modules[i] = i + below(2) * REGIONS;
	}
	publish(unwinds, tables, slot, process, numbers);
	pthread_mutex_unlock(&process->life);
}

static void user_space(struct unwinds *unwinds, struct tables *tables, const int numbers[MODULES])
{
	while (__atomic_load_n(&walks_done, __ATOMIC_RELAXED) < WALKS) {
		uint32_t slot = below(SLOTS);

		__atomic_add_fetch(&rounds_done, 1, __ATOMIC_RELAXED);
		if (below(12) == 0)
			change(unwinds, tables, slot, numbers);
		else if (tables_take_stale(tables, slot, side_now_ns()))
			publish(unwinds, tables, slot, &processes_of_test[slot], numbers);
		else
			sched_yield();
	}
}

static void test_walks_never_follow_another_modules_rows(void **state)
{
	struct unwinds *unwinds = unwinds_new(MODULE_WORDS * 8 * 7 / 2);
	struct tables tables = tables_make();
	struct process all = { 0 };
	struct unwinds_total total;
	pthread_t its_threads[SLOTS];
	int numbers[MODULES], fds[MODULES];

	(void)state;
	stack_mode = STACK_ROWS;
	preempt = true;
	for (uint32_t i = 0; i < MODULES; i++) {
		fds[i] = module_file(i);
		numbers[i] = unwinds_add(unwinds, fds[i], "", "module");
		assert_int_equal(numbers[i], i);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct process *process = &processes_of_test[i];

		*process = (struct process){ .slot = i, .seed = (i + 1ull) << 40 };
		pthread_mutex_init(&process->life, NULL);
		for (uint32_t j = 0; j < REGIONS; j++)
			process->modules[j] = j;
		assert_int_equal(pthread_create(&its_threads[i], NULL, process_main, process), 0);
	}
	user_space(unwinds, &tables, numbers);
	__atomic_store_n(&all_stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < SLOTS; i++) {
		pthread_join(its_threads[i], NULL);
		all.whole += processes_of_test[i].whole;
		all.cut += processes_of_test[i].cut;
		all.wrong += processes_of_test[i].wrong;
		all.joined += processes_of_test[i].joined;
	}
	total = unwinds_total(unwinds, &tables);
	printf("%lu whole, %lu cut, %lu wrong, %lu by the memo; gave way %lu times, %lu waits\n",
	       all.whole, all.cut, all.wrong, all.joined, total.evicted, waits);
	assert_int_equal(all.wrong, 0);
	/* The test is worth nothing if all walks end alike, or seldom meet a change. */
	assert_true(all.whole > WALKS / 20 && all.cut > WALKS / 20 && all.joined > WALKS / 50);
	assert_true(total.evicted > WALKS / 1000);
	assert_true(total.used_bytes <= total.limit_bytes);
	for (uint32_t i = 0; i < MODULES; i++)
		close(fds[i]);
	preempt = false;
	stack_mode = STACK_AUTO;
	unwinds_free(unwinds);
	tables_drop(&tables);
}

static void test_equal_files_share_and_impostors_do_not(void **state)
{
	struct unwinds *unwinds = unwinds_new(UNWIND_MEMORY_DEFAULT);
	int first = module_file(1), copy = module_file(1), other = module_file(2);

	(void)state;
	assert_int_equal(unwinds_add(unwinds, first, "abcd", "first"), 0);
	assert_int_equal(unwinds_add(unwinds, copy, "abcd", "copy"), 0);
	assert_int_equal(unwinds_add(unwinds, other, "abcd", "other"), 1);
	assert_int_equal(unwinds_add(unwinds, copy, "abce", "copy with another id"), 2);
	assert_int_equal(unwinds_add(unwinds, copy, "", "copy without one"), 3);
	assert_int_equal(unwinds_add(unwinds, other, "abcd", "other again"), 1);
	unwinds_free(unwinds);
	close(first);
	close(copy);
	close(other);
}

/* A file that others share is written over with another one's content. */
static void change_file(int fd, uint32_t module)
{
	int from = module_file(module);
	char bytes[8192];
	ssize_t size = pread(from, bytes, sizeof(bytes), 0);

	assert_true(size > 0 && size < (ssize_t)sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
	close(from);
}

static void publish_one(struct unwinds *unwinds, struct tables *tables, int number)
{
	struct unwinds_mapping mapping = module_mapping(0, number);

	assert_int_equal(unwinds_publish(unwinds, tables, 0, &mapping, 1, still, NULL), 0);
}

static void test_a_file_changed_later_has_no_rows(void **state)
{
	struct unwinds *unwinds = unwinds_new(MODULE_WORDS * 8 * 3 / 2); /* room for one */
	struct tables tables = tables_make();
	int changed = module_file(1), copy = module_file(1), other = module_file(2);
	int shared, later;

	(void)state;
	/* Between the promise that the two are the same, and the first look at it … */
	shared = unwinds_add(unwinds, changed, "abcd", "changed");
	assert_int_equal(unwinds_add(unwinds, copy, "abcd", "copy"), shared);
	change_file(changed, 3);
	publish_one(unwinds, &tables, shared);
	assert_int_equal(mapping_rows[UNWIND_MAX_MAPPINGS].index_count, 0);
	assert_int_equal(unwinds_total(unwinds, &tables).without_rows, 1);
	/* … or while its rows are away. */
	change_file(changed, 1);
	later = unwinds_add(unwinds, changed, "abce", "changed");
	publish_one(unwinds, &tables, later);
	assert_true(mapping_rows[0].index_count > 0);
	unwinds_release(unwinds, &tables, 0);
	publish_one(unwinds, &tables, unwinds_add(unwinds, other, "", "other"));
	assert_int_equal(unwinds_total(unwinds, &tables).evicted, 1);
	change_file(changed, 3);
	unwinds_release(unwinds, &tables, 0);
	publish_one(unwinds, &tables, later);
	assert_int_equal(unwinds_total(unwinds, &tables).without_rows, 2);
	/* What is made of the file from now on is another matter. */
	assert_int_not_equal(unwinds_add(unwinds, copy, "abce", "copy"), later);
	unwinds_free(unwinds);
	tables_drop(&tables);
	close(changed);
	close(copy);
	close(other);
}

static void test_nothing_new_troubles_no_walk(void **state)
{
	struct unwinds *unwinds = unwinds_new(UNWIND_MEMORY_DEFAULT);
	struct tables tables = tables_make();
	int fd = module_file(1), number = unwinds_add(unwinds, fd, "", "module");
	uint64_t now_ns = 1000000000;
	uint32_t epoch;

	(void)state;
	publish_one(unwinds, &tables, number);
	epoch = process_rows[0].epoch;
	publish_one(unwinds, &tables, number);
	assert_int_equal(process_rows[0].epoch, epoch);
	/* BPF has taken a mapping out: it is put in force again. */
	process_rows[0].emptied++;
	publish_one(unwinds, &tables, number);
	assert_int_not_equal(process_rows[0].epoch, epoch);
	/* As long as there is news, it is looked for every 50 ms; in vain, ever more seldom … */
	process_rows[0].stale = 1;
	assert_true(tables_take_stale(&tables, 0, now_ns));
	process_rows[0].stale = 1;
	assert_false(tables_take_stale(&tables, 0, now_ns + 49000000));
	assert_true(tables_take_stale(&tables, 0, now_ns += 51000000));
	for (int i = 0; i < 10; i++)
		publish_one(unwinds, &tables, number);
	process_rows[0].stale = 1;
	assert_false(tables_take_stale(&tables, 0, now_ns + 790000000));
	assert_true(tables_take_stale(&tables, 0, now_ns += 810000000));
	/* … until there is some. */
	publish_one(unwinds, &tables, -1);
	process_rows[0].stale = 1;
	assert_true(tables_take_stale(&tables, 0, now_ns += 51000000));
	unwinds_free(unwinds);
	tables_drop(&tables);
	close(fd);
}

static void test_sizes_are_told_without_a_pool(void **state)
{
	struct unwinds *unwinds = unwinds_new(UNWIND_MEMORY_DEFAULT);
	int fd = module_file(1), nothing = memfd_create("nothing", MFD_CLOEXEC);
	struct unwinds_total total;

	(void)state;
	unwinds_add(unwinds, fd, "", "module");
	unwinds_add(unwinds, nothing, "", "nothing");
	unwinds_measure(unwinds);
	total = unwinds_total(unwinds, NULL);
	assert_int_equal(total.tables, 2);
	assert_int_equal(total.without_rows, 1);
	assert_int_equal(total.rows, FUNCTIONS + 2);
	assert_int_equal(total.bytes, (1 + total.rows + 66) * 8);
	assert_int_equal(total.used_bytes, 0);
	assert_int_equal(total.kernel_bytes, 0);
	assert_int_equal(total.limit_bytes, UNWIND_MEMORY_DEFAULT);
	unwinds_free(unwinds);
	close(fd);
	close(nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_files_share_and_impostors_do_not),
		cmocka_unit_test(test_a_file_changed_later_has_no_rows),
		cmocka_unit_test(test_nothing_new_troubles_no_walk),
		cmocka_unit_test(test_sizes_are_told_without_a_pool),
		cmocka_unit_test(test_walks_never_follow_another_modules_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
