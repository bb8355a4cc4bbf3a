/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/python.bpf.h compiled for the host: it walks interpreters made up in this
 * process, one of every layout, whole, deep, broken and hostile ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/host.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "python.bpf.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "capture/python_layout.h"

#define FRAMES 600
#define OBJECT_BYTES 512
#define INTERP_BYTES 8192
#define THREADS 4

static void *host_map_lookup(const void *map, const void *key)
{
	(void)map, (void)key;
	return NULL;
}

/* One made-up interpreter. */
static struct {
	uint64_t head; /* pointer to `interp` */
	uint64_t slot; /* where "the thread pointer" + tss lies */
	uint8_t interp[INTERP_BYTES];
	uint8_t threads[THREADS][OBJECT_BYTES];
	uint8_t cframe[64];
	uint8_t frames[FRAMES][PYTHON_FRAME_BYTES];
	uint8_t codes[FRAMES][OBJECT_BYTES];
	uint8_t strings[FRAMES][128]; /* the file's name of every fifth */
} world;

static struct python_walk walk;

static const uint32_t versions[] = {
	PYTHON_VERSION(2, 7),  PYTHON_VERSION(3, 6),  PYTHON_VERSION(3, 7), PYTHON_VERSION(3, 8),
	PYTHON_VERSION(3, 9),  PYTHON_VERSION(3, 10), PYTHON_VERSION(3, 11),
	PYTHON_VERSION(3, 12),
};

static void put(uint8_t *object, size_t offset, uint64_t value, size_t size)
{
	memcpy(object + offset, &value, size);
}

static uint64_t address_of(const void *object)
{
	return (uint64_t)(uintptr_t)object;
}

#define THREAD_POINTER 0x7f00deadb000ull

/* Is frame `i` of a chain the outermost of its call of the eval function? */
static bool is_entry(const struct python_layout *layout, size_t i)
{
	return layout->walk.entry == PYTHON_ENTRY_ALL || i % 3 == 2;
}

static uint16_t string_data(const struct python_layout *layout)
{
	return layout->string_ascii ? layout->string_ascii : layout->bytes_data;
}

/* Where the name of its file lies; most are not readable, as memory of the target may be. */
static uint64_t file_of(size_t i)
{
	return i % 5 == 0 && i < 11 ? address_of(world.strings[i]) : 1000 + i;
}

/* The identity of frame `i`, as the walk leaves it, and with its first line. */
static uint64_t identity_of(const struct python_layout *layout, size_t i, bool finished)
{
	__u64 names[PYTHON_IDENTITY_WORDS] = { 0 }, tail[PYTHON_IDENTITY_WORDS] = { 0 };
	__u64 line[PYTHON_IDENTITY_WORDS] = { 300 + i };
	size_t length = 7 * i < sizeof(tail) ? 7 * i : sizeof(tail);
	uint64_t identity;

	memcpy(names, world.codes[i] + layout->walk.code_names, python_layout_names_bytes(layout));
	identity = python_identity_add(PYTHON_IDENTITY_START, names);
	assert_int_equal(names[0], file_of(i));
	if (file_of(i) > 5000) {
		memset(tail, 'a' + (int)(i % 26), length);
		identity = python_identity_add(identity, tail);
	}
	return finished ? python_identity_add(identity, line) : identity;
}

/* Does frame `i` of a chain run code that may soon be gone? */
static bool is_module(size_t i)
{
	return i % 4 == 1 || i == 10;
}

/* Frame `at` of the world becomes Python frame `i`. */
static void put_frame(const struct python_layout *layout, size_t at, size_t i)
{
	const struct python_process *offsets = &layout->walk;
	uint8_t *frame = world.frames[at], *code = world.codes[i];

	put(code, offsets->code_names, file_of(i), 8);
	put(code, offsets->code_names + 8u, 5000 + i, 8);
	put(code, layout->code_line_table, 9000 + i, 8);
	put(code, layout->code_first_line, 300 + i, 4);
	put(world.strings[i], PYTHON_STRING_LENGTH, 7 * i, 8);
	memset(world.strings[i] + string_data(layout), 'a' + (int)(i % 26), 70);
	put(frame, offsets->code, address_of(code) | offsets->tag_bits, 8);
	if (offsets->last_is_pointer)
		put(frame, offsets->last, address_of(code) + layout->code_instructions + 2 * i, 8);
	else
		put(frame, offsets->last, 2 * i, 4);
	put(frame, offsets->locals, is_module(i), 8);
	if (offsets->entry == PYTHON_ENTRY_FLAG)
		frame[offsets->kind] = is_entry(layout, i);
	put(frame, offsets->back, address_of(world.frames[at + 1]), 8);
}

/* A thread with `depth` Python frames; returns how it is to be walked. */
static struct python_process build(const struct python_layout *layout, size_t depth)
{
	struct python_process process = layout->walk;
	uint64_t first = address_of(world.frames[0]);
	size_t at = 0;

	memset(&world, 0, sizeof(world));
	memset(&walk, 0x5a, sizeof(walk));
	world.head = address_of(world.interp);
	put(world.interp, process.interp_threads, address_of(world.threads[0]), 8);
	for (size_t i = 0; i < THREADS; i++) {
		uint64_t next = i + 1 < THREADS ? address_of(world.threads[i + 1]) : 0;

		put(world.threads[i], process.thread_next, next, 8);
		put(world.threads[i], process.thread_id, 0x1000 + i, 8);
	}
	/* A child's state as its parent made it, and then the thread's own. */
	put(world.threads[1], process.thread_id, THREAD_POINTER, 8);
	put(world.threads[2], process.thread_id, THREAD_POINTER, 8);
	if (process.cframe != PYTHON_CFRAME_NONE) {
		put(world.threads[2], process.thread_frame, address_of(world.cframe), 8);
		put(world.cframe, process.cframe, depth ? first : 0, 8);
	} else {
		put(world.threads[2], process.thread_frame, depth ? first : 0, 8);
	}
	for (size_t i = 0; i < depth; i++) {
		put_frame(layout, at++, i);
		if (process.entry == PYTHON_ENTRY_SHIM && is_entry(layout, i)) {
			world.frames[at][process.kind] = PYTHON_SHIM_LEAST;
			put(world.frames[at], process.back, address_of(world.frames[at + 1]), 8);
			at++;
		}
	}
	if (at)
		put(world.frames[at - 1], process.back, 0, 8);
	process.head = address_of(&world.head);
	process.string_data = string_data(layout);
	process.names_bytes = python_layout_names_bytes(layout);
	process.code_first_line = layout->code_first_line;
	process.enabled = 1;
	return process;
}

static void check_frames(const struct python_layout *layout, const struct python_process *process,
			 size_t count)
{
	assert_int_equal(walk.record.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(walk.frames[i].identity,
				 is_module(i) ? identity_of(layout, i, false) : 0);
	python_finish(&walk, process);
	for (size_t i = 0; i < count; i++) {
		const struct wire_python_frame *frame = &walk.frames[i];
		uint32_t last = (uint32_t)(layout->code_instructions + 2 * i);

		assert_int_equal(frame->code, address_of(world.codes[i]));
		assert_int_equal(frame->last, last);
		assert_int_equal(frame->identity, identity_of(layout, i, true));
		assert_int_equal(frame->flags & ~WIRE_PYTHON_ENTRY,
				 file_of(i) < 5000 ? 0 : WIRE_PYTHON_FILE);
		/* The mark of the last frame kept may lie beyond it. */
		if (i + 1 < WIRE_MAX_FRAMES)
			assert_int_equal(frame->flags & WIRE_PYTHON_ENTRY, is_entry(layout, i));
	}
}

static void every_layout_at_every_depth(void **state)
{
	static const size_t depths[] = { 0, 1, 2, 3, 7, 126, 127, 128, 200 };

	(void)state;
	for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
		struct python_layout layout;

		assert_int_equal(python_layout_find(versions[v], &layout), 0);
		for (size_t d = 0; d < ARRAY_LENGTH(depths); d++) {
			struct python_process process = build(&layout, depths[d]);
			bool whole = depths[d] <= WIRE_MAX_FRAMES;

			python_run(&walk, &process, THREAD_POINTER);
			check_frames(&layout, &process, whole ? depths[d] : WIRE_MAX_FRAMES);
			assert_int_equal(walk.record.status,
					 whole ? WIRE_PYTHON_COMPLETE : WIRE_PYTHON_TRUNCATED);
		}
	}
}

/* The layout that 3.14 describes of itself: pointers to code objects are tagged. */
static void tagged_code(void **state)
{
	struct python_layout layout;
	struct python_process process;

	(void)state;
	assert_int_equal(python_layout_find(PYTHON_VERSION(3, 12), &layout), 0);
	layout.walk.tag_bits = 3;
	process = build(&layout, 5);
	python_run(&walk, &process, THREAD_POINTER);
	check_frames(&layout, &process, 5);
}

static void by_thread_specific_slot(void **state)
{
	struct python_layout layout;
	struct python_process process;

	(void)state;
	assert_int_equal(python_layout_find(PYTHON_VERSION(3, 11), &layout), 0);
	process = build(&layout, 4);
	process.head = 0; /* no list is looked at */
	process.tss = 0x318;
	world.slot = address_of(world.threads[2]);
	python_run(&walk, &process, address_of(&world.slot) - 0x318);
	check_frames(&layout, &process, 4);
	/* A thread that never ran Python. */
	world.slot = 0;
	python_run(&walk, &process, address_of(&world.slot) - 0x318);
	check_frames(&layout, &process, 0);
	assert_int_equal(walk.record.status, WIRE_PYTHON_COMPLETE);
}

static void threads_of_other_interpreters(void **state)
{
	static uint8_t sub[INTERP_BYTES];
	struct python_layout layout;
	struct python_process process;

	(void)state;
	assert_int_equal(python_layout_find(PYTHON_VERSION(2, 7), &layout), 0);
	process = build(&layout, 4);
	/* A sub-interpreter without threads comes first in the list. */
	put(sub, process.interp_next, address_of(world.interp), 8);
	world.head = address_of(sub);
	python_run(&walk, &process, THREAD_POINTER);
	check_frames(&layout, &process, 4);
	/* Unknown thread; no interpreter yet. */
	python_run(&walk, &process, THREAD_POINTER + 8);
	check_frames(&layout, &process, 0);
	world.head = 0;
	python_run(&walk, &process, THREAD_POINTER);
	check_frames(&layout, &process, 0);
	assert_int_equal(walk.record.status, WIRE_PYTHON_COMPLETE);
}

static void same_frames_same_hash(void **state)
{
	struct python_layout layout;
	struct python_process process;
	uint64_t hash;

	(void)state;
	assert_int_equal(python_layout_find(PYTHON_VERSION(3, 12), &layout), 0);
	process = build(&layout, 9);
	python_run(&walk, &process, THREAD_POINTER);
	hash = walk.hash;
	memset(&walk, 0xa5, sizeof(walk));
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_equal(walk.hash, hash);
	/* Another line, another name, another entry: each is another stack. */
	put(world.frames[4], layout.walk.last, address_of(world.codes[3]) + 300, 8);
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_not_equal(walk.hash, hash);
	process = build(&layout, 9);
	put(world.codes[5], layout.walk.code_names, 7, 8);
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_not_equal(walk.hash, hash);
	process = build(&layout, 9);
	world.frames[3][layout.walk.kind] = 0;
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_not_equal(walk.hash, hash);
}

/* Whichever read fails: what was read is true, and the record says that it is not all. */
static void every_read_may_fail(void **state)
{
	(void)state;
	for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
		struct python_layout layout;
		struct python_process process;
		bool whole = false;

		assert_int_equal(python_layout_find(versions[v], &layout), 0);
		process = build(&layout, 5);
		for (long reads = 0; !whole; reads++) {
			assert_true(reads < 100);
			host_reads_until_fault = reads;
			python_run(&walk, &process, THREAD_POINTER);
			whole = walk.record.status == WIRE_PYTHON_COMPLETE;
			assert_true(walk.record.count <= 5);
			assert_true(whole == (walk.record.count == 5) ||
				    walk.record.status == WIRE_PYTHON_READ_FAULT);
			for (size_t i = 0; i < walk.record.count; i++)
				assert_int_equal(walk.frames[i].code, address_of(world.codes[i]));
		}
		host_reads_until_fault = -1;
	}
}

static void chains_without_end(void **state)
{
	struct python_layout layout;
	struct python_process process;

	(void)state;
	for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
		assert_int_equal(python_layout_find(versions[v], &layout), 0);
		process = build(&layout, 2);
		put(world.frames[1], process.back, address_of(world.frames[0]), 8);
		python_run(&walk, &process, THREAD_POINTER);
		assert_int_equal(walk.record.count, WIRE_MAX_FRAMES);
		assert_int_equal(walk.record.status, WIRE_PYTHON_TRUNCATED);
	}
	/* Nothing but shims, in a circle. */
	process = build(&layout, 1);
	world.frames[0][process.kind] = PYTHON_SHIM_LEAST;
	put(world.frames[0], process.back, address_of(world.frames[0]), 8);
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_equal(walk.record.count, 0);
	assert_int_equal(walk.record.status, WIRE_PYTHON_TRUNCATED);
	/* A circle of threads. */
	process = build(&layout, 1);
	put(world.threads[0], process.thread_next, address_of(world.threads[0]), 8);
	python_run(&walk, &process, THREAD_POINTER);
	assert_int_equal(walk.record.count, 0);
}

/* Structures full of pointers to anywhere in them: it ends, and stays within its bounds. */
static void scribbled(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t *words = (uint64_t *)(void *)&world, guard = 0x1234567;
		struct python_layout layout;
		struct python_process process;

		assert_int_equal(python_layout_find(versions[round % ARRAY_LENGTH(versions)], &layout),
				 0);
		process = build(&layout, 20);
		for (size_t i = 0; i < sizeof(world) / 8; i++) {
			random = hash_mix(random + i);
			if (random % 4 == 0)
				words[i] = address_of(&world) + (random >> 8) % sizeof(world);
			else if (random % 64 == 1)
				words[i] = random;
		}
		memcpy(&walk.frames[WIRE_MAX_FRAMES], &guard, sizeof(guard));
		python_run(&walk, &process, THREAD_POINTER);
		assert_true(walk.record.count <= WIRE_MAX_FRAMES);
		assert_true(walk.record.status < WIRE_PYTHON_STATUS_COUNT);
		assert_memory_equal(&walk.frames[WIRE_MAX_FRAMES], &guard, sizeof(guard));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_layout_at_every_depth),
		cmocka_unit_test(tagged_code),
		cmocka_unit_test(by_thread_specific_slot),
		cmocka_unit_test(threads_of_other_interpreters),
		cmocka_unit_test(same_frames_same_hash),
		cmocka_unit_test(every_read_may_fail),
		cmocka_unit_test(chains_without_end),
		cmocka_unit_test(scribbled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
