/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code objects made up in this process, read as if it were a traced one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "capture/python_code.h"
#include "capture/python_string.h"

#define ASCII (1u << 6)
#define COMPACT (1u << 5)

static struct {
	uint8_t code[512], name[256], file[16384], lines[256];
} world;

static struct python_layout layout;

static void put(uint8_t *object, size_t offset, uint64_t value, size_t size)
{
	memcpy(object + offset, &value, size);
}

static uint64_t address_of(const void *object)
{
	return (uint64_t)(uintptr_t)object;
}

static void put_string(uint8_t *object, uint32_t state, size_t length, const void *data,
		       size_t bytes)
{
	put(object, 0, 1, 8);
	put(object, 16, length, 8);
	put(object, 32, state, 4);
	memcpy(object + (state & ASCII ? layout.string_ascii : layout.string_compact), data, bytes);
}

static void build(void)
{
	static const uint8_t table[] = { 0x80 | 11 << 3 | 1, 0, 0, 0x80 | 12 << 3 | 0, 0, 0 };

	memset(&world, 0, sizeof(world));
	assert_int_equal(python_layout_find(PYTHON_VERSION(3, 11), &layout), 0);
	put(world.code, 0, 3, 8);
	put(world.code, 8, 0x955555, 8);
	put(world.code, layout.walk.code_names, address_of(world.file), 8);
	put(world.code, layout.walk.code_names + 8u, address_of(world.name), 8);
	put(world.code, layout.code_line_table, address_of(world.lines), 8);
	put(world.code, layout.code_first_line, 40, 4);
	put_string(world.name, 1 << 2 | COMPACT | ASCII, 6, "render", 6);
	put_string(world.file, 1 << 2 | COMPACT | ASCII, 12, "/srv/app.py\n", 12);
	put(world.lines, 16, sizeof(table), 8);
	memcpy(world.lines + layout.bytes_data, table, sizeof(table));
}

/* What BPF would send: the identity with the ends of both names. */
static struct wire_python_frame frame_at(uint32_t offset)
{
	struct wire_python_frame frame = {
		.code = address_of(world.code),
		.last = layout.code_instructions + offset,
		.flags = WIRE_PYTHON_FILE | WIRE_PYTHON_NAME,
	};
	const uint8_t *const strings[] = { world.file, world.name };
	__u64 names[PYTHON_IDENTITY_WORDS] = { 0 }, line[PYTHON_IDENTITY_WORDS] = { 0 };

	memcpy(names, world.code + layout.walk.code_names, python_layout_names_bytes(&layout));
	memcpy(line, world.code + layout.code_first_line, 4);
	frame.identity = python_identity_add(PYTHON_IDENTITY_START, names);

	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
		__u64 tail[PYTHON_IDENTITY_WORDS] = { 0 }, length, skip;

		memcpy(&length, strings[i] + PYTHON_STRING_LENGTH, 8);
		if (length < 1000)
			memcpy(tail, strings[i] + layout.string_ascii,
			       python_tail_bytes(length, &skip));
		frame.identity = python_identity_add(frame.identity, tail);
	}
	frame.identity = python_identity_add(frame.identity, line);
	return frame;
}

static int name_it(struct python_codes *codes, uint32_t offset, struct python_name *name)
{
	struct wire_python_frame frame = frame_at(offset);

	return python_codes_name(codes, (uint32_t)getpid(), &layout, &frame, name);
}

static void named_with_its_line(void **state)
{
	struct python_codes *codes = python_codes_new();
	struct python_name name, again;

	(void)state;
	build();
	assert_int_equal(name_it(codes, 0, &name), 0);
	assert_string_equal(name.function, "render");
	assert_string_equal(name.file, "/srv/app.py\n");
	assert_int_equal(name.line, 41);
	assert_false(name.internal);
	assert_int_equal(name_it(codes, 4, &again), 0);
	assert_int_equal(again.line, 43);
	assert_ptr_equal(again.function, name.function); /* read once */
	assert_int_equal(name_it(codes, 6, &again), 0);
	assert_int_equal(again.line, 0);
	/* Before the first traceable instruction a frame has not begun. */
	put(world.code, layout.code_instructions - 16u, 2, 4);
	python_codes_free(codes);
	codes = python_codes_new();
	assert_int_equal(name_it(codes, 2, &name), 0);
	assert_true(name.internal);
	assert_int_equal(name_it(codes, 4, &name), 0);
	assert_false(name.internal);
	python_codes_free(codes);
}

static void another_code_object(void **state)
{
	struct python_codes *codes = python_codes_new();
	struct wire_python_frame frame;
	struct python_name name, other;

	(void)state;
	build();
	assert_int_equal(name_it(codes, 0, &name), 0);
	/* Other names than the walk saw. */
	frame = frame_at(0);
	frame.identity++;
	assert_int_equal(python_codes_name(codes, (uint32_t)getpid(), &layout, &frame, &other),
			 -ESTALE);
	/* … and other bytes in them. */
	frame = frame_at(0);
	world.name[layout.string_ascii]++;
	assert_int_equal(python_codes_name(codes, (uint32_t)getpid(), &layout, &frame, &other), 0);
	assert_ptr_equal(other.function, name.function); /* known from before */
	python_codes_free(codes);
	codes = python_codes_new();
	assert_int_equal(python_codes_name(codes, (uint32_t)getpid(), &layout, &frame, &other),
			 -ESTALE);
	build();
	assert_int_equal(name_it(codes, 0, &name), 0);
	/* The same address, another function: the first one's name is still what it was. */
	put(world.code, layout.code_first_line, 90, 4);
	memcpy(world.name + layout.string_ascii, "redraw", 6);
	assert_int_equal(name_it(codes, 0, &other), 0);
	assert_string_equal(other.function, "redraw");
	assert_int_equal(other.line, 91);
	assert_string_equal(name.function, "render");
	/* Freed, but what was read before is known to be what the walk saw. */
	put(world.code, 0, 0, 8);
	assert_int_equal(name_it(codes, 0, &other), 0);
	assert_string_equal(other.function, "redraw");
	python_codes_free(codes);
	codes = python_codes_new();
	/* Freed: no references, or the next free block's address. */
	put(world.code, 0, 0, 8);
	assert_int_equal(name_it(codes, 0, &other), -ESTALE);
	put(world.code, 0, 0x7f0011223344, 8);
	assert_int_equal(name_it(codes, 0, &other), -ESTALE);
	/* Immortal (3.12). */
	put(world.code, 0, UINT32_MAX, 8);
	assert_int_equal(name_it(codes, 0, &other), 0);
	python_codes_free(codes);
}

/* What cannot be read, for each pointer and length in turn, is an error and no guess. */
static void broken_objects(void **state)
{
	struct python_codes *codes = python_codes_new();
	struct python_name name;
	uint8_t *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(gone != MAP_FAILED);
	build();
	put(world.code, layout.code_line_table, address_of(gone), 8);
	assert_int_equal(name_it(codes, 0, &name), -EFAULT);
	build();
	put(world.lines, 16, UINT64_MAX, 8);
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	put(world.name, 16, 0, 8);
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	put(world.name, 16, UINT64_MAX, 8);
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	put(world.name, 32, 3 << 2 | COMPACT, 4); /* characters of three bytes */
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	put(world.name, 32, 1 << 2, 4); /* not compact: its characters lie elsewhere */
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	world.name[layout.string_ascii + 2] = '\0';
	assert_int_equal(name_it(codes, 0, &name), -EBADMSG);
	build();
	assert_int_equal(name_it(codes, 0, &name), 0);
	munmap(gone, 4096);
	python_codes_free(codes);
}

static void check_string(uint32_t state_word, size_t length, const void *data, size_t bytes,
			 const char *expected)
{
	char *text;

	build();
	put_string(world.file, state_word, length, data, bytes);
	assert_int_equal(python_string_read((uint32_t)getpid(), &layout, address_of(world.file),
					    &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void every_kind_of_string(void **state)
{
	static const uint16_t two[] = { 0x5b57, 'a', 0xdc80 };
	static const uint32_t four[] = { 0x10400, 0x5b57, 0xe9, 0x110000 };
	char longest[PYTHON_MAX_STRING + 200], *text;

	(void)state;
	check_string(1 << 2 | COMPACT | ASCII, 3, "abc", 3, "abc");
	check_string(1 << 2 | COMPACT, 4, "caf\xe9", 4, "café");
	check_string(2 << 2 | COMPACT | 1, 3, two, sizeof(two), "字a?");
	check_string(4 << 2 | COMPACT | 2, 4, four, sizeof(four), "𐐀字é?");
	/* `interned` of sixteen bits, as in 3.14. */
	build();
	put_string(world.file, ASCII, 3, "abc", 3);
	put(world.file, 32, 1 | 1u << 16 | 1u << 19 | 1u << 20, 4);
	assert_int_equal(python_string_read((uint32_t)getpid(), &layout, address_of(world.file),
					    &text), 0);
	assert_string_equal(text, "abc");
	free(text);
	memset(longest, 'x', sizeof(longest));
	build();
	put_string(world.file, 1 << 2 | COMPACT | ASCII, sizeof(longest), longest, sizeof(longest));
	assert_int_equal(python_string_read((uint32_t)getpid(), &layout, address_of(world.file),
					    &text), 0);
	assert_int_equal(strlen(text), PYTHON_MAX_STRING);
	free(text);
}

/* Random bytes where objects should be: a name or an error, and nothing read out of bounds. */
static void any_bytes(void **state)
{
	struct python_codes *codes = python_codes_new();
	uint64_t random = 7;
	int named = 0;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct python_name name;

		build();
		for (int i = 0; i < 4; i++) {
			random = hash_mix(random + 1);
			((uint8_t *)&world)[random % (sizeof(world.code) + sizeof(world.name))] =
				(uint8_t)(random >> 32);
		}
		python_codes_begin(codes);
		named += name_it(codes, (uint32_t)(random >> 40) & 15, &name) == 0;
	}
	assert_in_range(named, 1, 2999);
	python_codes_free(codes);
}

static void strings_of_2_7(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(python_layout_find(PYTHON_VERSION(2, 7), &layout), 0);
	memset(&world, 0, sizeof(world));
	put(world.name, 16, 3, 8);
	memcpy(world.name + 36, "caf", 3);
	assert_int_equal(python_string_read((uint32_t)getpid(), &layout, address_of(world.name),
					    &text), 0);
	assert_string_equal(text, "caf");
	free(text);
	put(world.name, 16, PYTHON_MAX_STRING + 1, 8);
	assert_int_equal(python_string_read((uint32_t)getpid(), &layout, address_of(world.name),
					    &text), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_with_its_line),
		cmocka_unit_test(another_code_object),
		cmocka_unit_test(broken_objects),
		cmocka_unit_test(every_kind_of_string),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(strings_of_2_7),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
