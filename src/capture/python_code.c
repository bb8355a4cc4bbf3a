/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/python_code.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/python_string.h"
#include "target/memory.h"

#define MAX_CODES 65536
#define MAX_TABLE_BYTES (64ull << 20) /* of all line tables together */
#define MAX_LINE_TABLE (1u << 20)     /* of one: a module of 100 000 lines has less */
#define HEAD_BYTES 256		      /* of a code object: all before its instructions */

/* _co_firsttraceable (int) and co_extra (pointer) are the last fields before the
 * instructions, 3.11 to 3.14 (Include/cpython/code.h); it counts in code units. */
#define FIRST_TRACEABLE_BEFORE 16

struct code {
	/* What it was when it was read: another code object differs in one of these. */
	uint64_t address, type, filename, name, line_table;
	__u64 names[PYTHON_IDENTITY_WORDS]; /* see outlive/python.h */
	uint64_t identity; /* as the walk saw it that it was read for */
	uint32_t first_line;
	uint32_t first_traceable; /* code units that come before the function's own */
	char *function, *file;
	uint8_t *lines;
	size_t line_bytes;
};

struct python_codes {
	struct code *rows;
	size_t count, capacity;
	struct map by_address;
	uint64_t table_bytes;
};

struct python_codes *python_codes_new(void)
{
	return calloc(1, sizeof(struct python_codes));
}

static void code_clear(struct code *code)
{
	free(code->function);
	free(code->file);
	free(code->lines);
	memset(code, 0, sizeof(*code));
}

static void clear(struct python_codes *codes)
{
	for (size_t i = 0; i < codes->count; i++)
		code_clear(&codes->rows[i]);
	free(codes->rows);
	map_free(&codes->by_address);
	memset(codes, 0, sizeof(*codes));
}

void python_codes_free(struct python_codes *codes)
{
	if (!codes)
		return;
	clear(codes);
	free(codes);
}

void python_codes_begin(struct python_codes *codes)
{
	if (codes->count >= MAX_CODES || codes->table_bytes >= MAX_TABLE_BYTES)
		clear(codes);
}

/*
 * Is the object that begins with this word, its reference count, alive? A freed one
 * keeps its other fields for a while, but has 0 here, or the address of the next free
 * block (Objects/obmalloc.c; malloc does the same). The upper half is used for flags
 * from 3.14 on, and is 0 before: immortal objects have UINT_MAX.
 */
static bool is_alive(const struct python_layout *layout, uint64_t references)
{
	return (uint32_t)references != 0 &&
	       (references >> 32 == 0 || layout->version >= PYTHON_VERSION(3, 14));
}

/* Read the part of a code object that says what it is. Returns 0, -ESTALE when the
 * object has been freed, or the -errno of reading. */
static int read_head(uint32_t pid, const struct python_layout *layout, uint64_t address,
		     struct code *ret_code)
{
	uint8_t bytes[HEAD_BYTES];
	uint64_t references;
	uint16_t names = layout->walk.code_names;
	uint32_t size = layout->code_instructions ? layout->code_instructions :
						    layout->code_line_table + 8u;
	int result;

	/* The line table's pointer lies behind the names. */
	if (layout->code_line_table + 8u > size ||
	    python_layout_names_bytes(layout) > sizeof(ret_code->names) || names + 16u > layout->code_line_table ||
	    layout->code_first_line + 4u > size || size > sizeof(bytes))
		return -EBADMSG;
	result = memory_read(pid, address, bytes, size);
	if (result < 0)
		return result;
	memcpy(&references, bytes, 8);
	if (!is_alive(layout, references))
		return -ESTALE;
	memset(ret_code, 0, sizeof(*ret_code));
	ret_code->address = address;
	memcpy(&ret_code->type, bytes + 8, 8);
	memcpy(ret_code->names, bytes + names, python_layout_names_bytes(layout));
	memcpy(&ret_code->filename, bytes + names, 8);
	memcpy(&ret_code->name, bytes + names + 8, 8);
	memcpy(&ret_code->line_table, bytes + layout->code_line_table, 8);
	memcpy(&ret_code->first_line, bytes + layout->code_first_line, 4);
	if (layout->code_instructions)
		memcpy(&ret_code->first_traceable,
		       bytes + layout->code_instructions - FIRST_TRACEABLE_BEFORE, 4);
	return 0;
}

static bool same_code(const struct code *a, const struct code *b)
{
	return a->address == b->address && a->type == b->type && a->filename == b->filename &&
	       a->name == b->name && a->line_table == b->line_table && a->first_line == b->first_line;
}

/* Add the end of the string at `address` to *identity, as BPF did. */
static int add_tail(uint32_t pid, const struct python_layout *layout, uint64_t address,
		    uint64_t *identity)
{
	uint64_t data = layout->string_ascii ? layout->string_ascii : layout->bytes_data;
	__u64 tail[PYTHON_IDENTITY_WORDS] = { 0 }, length, skip;
	uint32_t bytes;
	int result = memory_read(pid, address + PYTHON_STRING_LENGTH, &length, sizeof(length));

	if (result < 0)
		return result;
	bytes = python_tail_bytes(length, &skip);
	if (bytes)
		result = memory_read(pid, address + data + skip, tail, bytes);
	*identity = python_identity_add(*identity, tail);
	return result;
}

/* Is `code`, as it lies in memory, what the walk saw? Returns 0, -ESTALE when it is another
 * one, or the -errno of reading. */
static int check_identity(uint32_t pid, const struct python_layout *layout,
			  const struct code *code, const struct wire_python_frame *frame)
{
	const __u64 line[PYTHON_IDENTITY_WORDS] = { code->first_line };
	uint64_t identity = python_identity_add(PYTHON_IDENTITY_START, code->names);
	int result = 0;

	if (frame->flags & WIRE_PYTHON_FILE)
		result = add_tail(pid, layout, code->filename, &identity);
	if (result == 0 && frame->flags & WIRE_PYTHON_NAME)
		result = add_tail(pid, layout, code->name, &identity);
	if (result < 0)
		return result;
	return python_identity_add(identity, line) == frame->identity ? 0 : -ESTALE;
}

/* Read what the head points at into `code`; on failure it holds nothing. The program runs
 * meanwhile: what was read counts only if in the end the object is still the same, and is
 * the one that the walk saw. */
static int read_body(uint32_t pid, const struct python_layout *layout,
		     const struct wire_python_frame *frame, struct code *code)
{
	struct code after;
	int result = python_string_read(pid, layout, code->name, &code->function);

	if (result == 0)
		result = python_string_read(pid, layout, code->filename, &code->file);
	if (result == 0)
		result = python_bytes_read(pid, layout, code->line_table, MAX_LINE_TABLE,
					   &code->lines, &code->line_bytes);
	if (result == 0)
		result = read_head(pid, layout, code->address, &after);
	if (result == 0 && !same_code(code, &after))
		result = -ESTALE;
	if (result == 0)
		result = check_identity(pid, layout, code, frame);
	if (result < 0)
		code_clear(code);
	return result;
}

/* The row of the code object that `frame` runs. Returns it or -errno. */
static long get_code(struct python_codes *codes, uint32_t pid, const struct python_layout *layout,
		     const struct wire_python_frame *frame)
{
	struct code head;
	uint32_t row;
	int result;

	/* What was read before is what the walk saw, whatever lies there by now. */
	if (frame->identity && map_get(&codes->by_address, frame->code, &row) &&
	    codes->rows[row].identity == frame->identity)
		return row;
	result = read_head(pid, layout, frame->code, &head);
	if (result < 0)
		return result;
	/* A row already named in this stack must keep its strings: a changed object gets
	 * a row of its own. */
	head.identity = frame->identity;
	result = read_body(pid, layout, frame, &head);
	if (result < 0)
		return result;
	if (VEC_PUSH_ROOM(codes->rows, codes->count, codes->capacity) < 0 ||
	    map_set(&codes->by_address, frame->code, (uint32_t)codes->count) < 0) {
		code_clear(&head);
		return -ENOMEM;
	}
	codes->table_bytes += head.line_bytes;
	codes->rows[codes->count] = head;
	return (long)codes->count++;
}

/* Bytes of code before the instruction that a frame is at. */
static int64_t instruction_offset(const struct python_layout *layout, uint32_t last)
{
	if (layout->walk.last_is_pointer)
		return (int64_t)(int32_t)last - layout->code_instructions;
	/* 3.10 counts in code units, those before in bytes. */
	return (int64_t)(int32_t)last * (layout->lines == PYTHON_LINES_RANGES ? 2 : 1);
}

int python_codes_name(struct python_codes *codes, uint32_t pid, const struct python_layout *layout,
		      const struct wire_python_frame *frame, struct python_name *ret_name)
{
	long row = get_code(codes, pid, layout, frame);
	int64_t offset = instruction_offset(layout, frame->last);
	const struct code *code;

	if (row < 0)
		return (int)row;
	code = &codes->rows[row];
	ret_name->internal = offset / 2 < code->first_traceable && layout->code_instructions;
	ret_name->function = code->function;
	ret_name->file = code->file;
	ret_name->line = python_line(layout->lines, code->lines, code->line_bytes,
				     code->first_line, offset);
	return 0;
}
