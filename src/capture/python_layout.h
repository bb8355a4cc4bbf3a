/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the fields of CPython's structures lie, by version. */
#ifndef OUTLIVE_CAPTURE_PYTHON_LAYOUT_H
#define OUTLIVE_CAPTURE_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/python_lines.h"
#include "outlive/python.h"

/* PY_VERSION_HEX >> 16 of Include/patchlevel.h: 0x030b is 3.11. */
#define PYTHON_VERSION(major, minor) ((uint32_t)(major) << 8 | (uint32_t)(minor))

/* All offsets in bytes. */
struct python_layout {
	uint32_t version;	   /* PYTHON_VERSION(); 0 ends the table */
	struct python_process walk; /* what BPF needs; head, tss and enabled are 0 */
	uint32_t runtime_head; /* _PyRuntime: pointer to the first interpreter state; 0: there
				* is no such symbol, PyInterpreterState_Head() names a variable */
	uint16_t thread_interp; /* thread state: its interpreter state */
	/* In a code object; co_filename and co_name: walk.code_names. */
	uint16_t code_first_line, code_line_table;
	uint16_t code_instructions; /* where walk.last pointers count from; 0 for numbers */
	uint16_t string_ascii;	    /* characters in an ASCII string object; 0: bytes objects
				     * are the strings (2.7) */
	uint16_t string_compact;    /* characters in another compact string object */
	uint16_t bytes_data;	    /* in a bytes object */
	enum python_lines lines;
	bool described; /* by the interpreter itself; else it comes from our table */
};

/*
 * The layout of version `version`. Returns 0 and *ret_layout, or -ENOENT for a
 * version that is not in the table (3.13 and later describe themselves).
 */
int python_layout_find(uint32_t version, struct python_layout *ret_layout);

/* python_process.names_bytes of a layout. */
static inline uint16_t python_layout_names_bytes(const struct python_layout *layout)
{
	return (uint16_t)(layout->code_line_table + 8 - layout->walk.code_names);
}

#define PYTHON_SELF_BYTES 392 /* of _PyRuntime that python_layout_read() looks at */

/*
 * The layout by an interpreter's own account: `bytes`, the first PYTHON_SELF_BYTES
 * of its _PyRuntime, hold a struct _Py_DebugOffsets from 3.13 on
 * (Include/internal/pycore_debug_offsets.h). Returns 0 and *ret_layout; -ENOENT when
 * they do not; -ENOTSUP for a version not known or a build without the GIL; -EBADMSG
 * when the offsets make no sense. With the latter two ret_layout->version is set all the same.
 */
int python_layout_read(const uint8_t *bytes, struct python_layout *ret_layout);

#endif
