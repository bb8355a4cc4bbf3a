/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offsets were read from the debug information of x86-64 builds without
 * Py_DEBUG (2.7.18, 3.6.15, 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1);
 * CPython keeps them within a minor version. The structures, in its sources:
 *   PyThreadState, PyInterpreterState  Include/pystate.h, from 3.8 on
 *                                      Include/cpython/pystate.h, internal/pycore_interp.h
 *   _PyRuntimeState                    Include/internal/pycore_runtime.h (3.7: pystate.h)
 *   PyFrameObject                      Include/frameobject.h, 3.11: internal/pycore_frame.h
 *   PyCodeObject                       Include/code.h, from 3.8 on Include/cpython/code.h
 */
#include "capture/python_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

/* 2.7 to 3.10: frame objects. f_back 24, f_code 32, f_locals 56 in all of them. */
#define WALK_FRAME_OBJECTS(threads, next, id, frame, lasti, names)                                 \
	{ .interp_threads = (threads), .interp_next = 0, .thread_next = (next),                    \
	  .thread_id = (id), .thread_frame = (frame), .cframe = PYTHON_CFRAME_NONE,                \
	  .frame_bytes = ((lasti) + 4 + 7) / 8 * 8, .back = 24, .code = 32, .last = (lasti),        \
	  .locals = 56, .entry = PYTHON_ENTRY_ALL, .code_names = (names) }

#define STRINGS_3_6 .string_ascii = 48, .string_compact = 72, .bytes_data = 32
#define STRINGS_3_12 .string_ascii = 40, .string_compact = 56, .bytes_data = 32

static const struct python_layout layouts[] = {
	{
		.version = PYTHON_VERSION(2, 7),
		.walk = WALK_FRAME_OBJECTS(8, 0, 144, 16, 120, 80),
		.thread_interp = 8,
		.code_first_line = 96, .code_line_table = 104,
		.bytes_data = 36, .lines = PYTHON_LINES_UNSIGNED,
	},
	{
		.version = PYTHON_VERSION(3, 6),
		.walk = WALK_FRAME_OBJECTS(8, 8, 152, 24, 120, 96),
		.thread_interp = 16,
		.code_first_line = 36, .code_line_table = 112,
		STRINGS_3_6, .lines = PYTHON_LINES_SIGNED,
	},
	{
		.version = PYTHON_VERSION(3, 7),
		.walk = WALK_FRAME_OBJECTS(8, 8, 176, 24, 104, 96),
		.runtime_head = 24, .thread_interp = 16,
		.code_first_line = 36, .code_line_table = 112,
		STRINGS_3_6, .lines = PYTHON_LINES_SIGNED,
	},
	{
		.version = PYTHON_VERSION(3, 8),
		.walk = WALK_FRAME_OBJECTS(8, 8, 176, 24, 104, 104),
		.runtime_head = 32, .thread_interp = 16,
		.code_first_line = 40, .code_line_table = 120,
		STRINGS_3_6, .lines = PYTHON_LINES_SIGNED,
	},
	{
		.version = PYTHON_VERSION(3, 9),
		.walk = WALK_FRAME_OBJECTS(8, 8, 176, 24, 104, 104),
		.runtime_head = 32, .thread_interp = 16,
		.code_first_line = 40, .code_line_table = 120,
		STRINGS_3_6, .lines = PYTHON_LINES_SIGNED,
	},
	{
		.version = PYTHON_VERSION(3, 10),
		.walk = WALK_FRAME_OBJECTS(8, 8, 176, 24, 96, 104),
		.runtime_head = 32, .thread_interp = 16,
		.code_first_line = 40, .code_line_table = 120,
		STRINGS_3_6, .lines = PYTHON_LINES_RANGES,
	},
	{
		.version = PYTHON_VERSION(3, 11),
		.walk = { .interp_threads = 16, .thread_next = 8, .thread_id = 152,
			  .thread_frame = 56, .cframe = 8, .frame_bytes = 72, .back = 48,
			  .code = 32, .last = 56, .kind = 68, .locals = 24, .entry = PYTHON_ENTRY_FLAG,
			  .last_is_pointer = 1, .contiguous = 1, .code_names = 112 },
		.runtime_head = 40, .thread_interp = 16,
		.code_first_line = 72, .code_line_table = 136, .code_instructions = 184,
		STRINGS_3_6, .lines = PYTHON_LINES_LOCATIONS,
	},
	{
		.version = PYTHON_VERSION(3, 12),
		.walk = { .interp_threads = 72, .thread_next = 8, .thread_id = 136,
			  .thread_frame = 56, .cframe = 0, .frame_bytes = 72, .back = 8,
			  .code = 0, .last = 56, .kind = 70, .locals = 40, .entry = PYTHON_ENTRY_SHIM,
			  .last_is_pointer = 1, .contiguous = 1, .code_names = 112 },
		.runtime_head = 40, .thread_interp = 16,
		.code_first_line = 68, .code_line_table = 136, .code_instructions = 192,
		STRINGS_3_12, .lines = PYTHON_LINES_LOCATIONS,
	},
};

int python_layout_find(uint32_t version, struct python_layout *ret_layout)
{
	for (size_t i = 0; i < ARRAY_LENGTH(layouts); i++) {
		if (layouts[i].version == version) {
			*ret_layout = layouts[i];
			return 0;
		}
	}
	return -ENOENT;
}

/* f_locals, of which they do not tell (Include/internal/pycore_interpframe_structs.h). */
#define SELF_LOCALS 40

/* Where struct _Py_DebugOffsets of a version keeps each offset. */
struct self_places {
	uint32_t version;
	uint16_t runtime_head, interp_next, interp_threads;
	uint16_t thread_next, thread_interp, thread_frame, thread_id;
	uint16_t back, code, last, kind;
	uint16_t code_filename, code_name, code_line_table, code_first_line, code_instructions;
	uint8_t tag_bits; /* of f_executable: 3.14 made it a _PyStackRef */
};

static const struct self_places self_places[] = {
	{ PYTHON_VERSION(3, 13), 40, 64, 72, 168, 176, 184, 192, 232, 240, 248, 264,
	  280, 288, 304, 312, 344, 0 },
	{ PYTHON_VERSION(3, 14), 40, 64, 72, 192, 200, 208, 216, 256, 264, 272, 288,
	  320, 328, 344, 352, 384, 3 },
};

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static const struct self_places *find_places(uint32_t version)
{
	for (size_t i = 0; i < ARRAY_LENGTH(self_places); i++) {
		if (self_places[i].version == version)
			return &self_places[i];
	}
	return NULL;
}

/* May these be offsets of the structures they claim to be of? */
static bool is_sensible(const struct python_layout *layout, uint64_t names_distance)
{
	const struct python_process *walk = &layout->walk;

	return walk->back % 8 == 0 && walk->code % 8 == 0 && walk->last % 8 == 0 &&
	       walk->back < walk->frame_bytes && walk->code < walk->frame_bytes &&
	       walk->last < walk->frame_bytes && walk->locals < walk->frame_bytes &&
	       walk->frame_bytes <= PYTHON_FRAME_BYTES && names_distance == 8 &&
	       layout->code_line_table >= walk->code_names + 16 &&
	       layout->code_line_table <= walk->code_names + 24 && layout->runtime_head;
}

int python_layout_read(const uint8_t *bytes, struct python_layout *ret_layout)
{
	struct python_layout layout = { STRINGS_3_12, .lines = PYTHON_LINES_LOCATIONS,
					.described = true };
	const struct self_places *at;
	uint64_t distance;

	if (memcmp(bytes, "xdebugpy", 8) != 0)
		return -ENOENT;
	layout.version = ret_layout->version = (uint32_t)(word_at(bytes, 8) >> 16);
	at = find_places(layout.version);
	if (!at || word_at(bytes, 16) != 0)
		return -ENOTSUP;
	for (size_t i = 24; i + 8 <= PYTHON_SELF_BYTES; i += 8) {
		/* _PyRuntime, the largest of them, has less than a megabyte. */
		if (word_at(bytes, i) > 1 << 20)
			return -EBADMSG;
	}
	layout.runtime_head = (uint32_t)word_at(bytes, at->runtime_head);
	layout.thread_interp = (uint16_t)word_at(bytes, at->thread_interp);
	layout.code_first_line = (uint16_t)word_at(bytes, at->code_first_line);
	layout.code_line_table = (uint16_t)word_at(bytes, at->code_line_table);
	layout.code_instructions = (uint16_t)word_at(bytes, at->code_instructions);
	distance = word_at(bytes, at->code_name) - word_at(bytes, at->code_filename);
	layout.walk = (struct python_process){
		.interp_threads = (uint32_t)word_at(bytes, at->interp_threads),
		.interp_next = (uint32_t)word_at(bytes, at->interp_next),
		.thread_next = (uint16_t)word_at(bytes, at->thread_next),
		.thread_id = (uint16_t)word_at(bytes, at->thread_id),
		.thread_frame = (uint16_t)word_at(bytes, at->thread_frame),
		.cframe = PYTHON_CFRAME_NONE,
		.frame_bytes = (uint16_t)((word_at(bytes, at->kind) + 8) / 8 * 8),
		.back = (uint16_t)word_at(bytes, at->back),
		.code = (uint16_t)word_at(bytes, at->code),
		.last = (uint16_t)word_at(bytes, at->last),
		.kind = (uint16_t)word_at(bytes, at->kind),
		.locals = SELF_LOCALS,
		.entry = PYTHON_ENTRY_SHIM,
		.last_is_pointer = 1,
		.tag_bits = at->tag_bits,
		.contiguous = 1,
		.code_names = (uint16_t)word_at(bytes, at->code_filename),
	};
	if (!is_sensible(&layout, distance))
		return -EBADMSG;
	*ret_layout = layout;
	return 0;
}
