/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the BPF programs walk the Python frames of a thread.
 *
 * CPython keeps a thread's frames as a linked list, in structures whose layout
 * changes with every minor version. The walk knows no versions: user space
 * finds the interpreter and fills one struct python_process with what differs.
 *
 *   thread state  --frame-->  frame  --back-->  frame …   each frame --code--> code object
 *
 * Names and lines lie in code objects, which the walk only points at: they are
 * read in user space when a stack is new.
 */
#ifndef OUTLIVE_PYTHON_H
#define OUTLIVE_PYTHON_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define PYTHON_FRAME_BYTES 128 /* read of a frame at most */

/*
 * Which frames begin a call of the interpreter's eval function, so that the
 * frames between two such calls stand where the inner call's native frame does.
 */
enum python_entry {
	PYTHON_ENTRY_ALL = 0,	/* every one (to 3.10: the function calls itself) */
	PYTHON_ENTRY_FLAG = 1,	/* the byte at `kind` is not 0 (3.11: is_entry) */
	PYTHON_ENTRY_SHIM = 2,	/* the frame inside one whose byte at `kind` is 3 or more
				 * (3.12 on: that one is no Python frame, only a mark) */
};

#define PYTHON_SHIM_LEAST 3 /* FRAME_OWNED_BY_CSTACK, FRAME_OWNED_BY_INTERPRETER */

/* One traced process, in the `pythons` map by slot. Offsets in bytes. */
struct python_process {
	__u64 head;	 /* address of the pointer to the first interpreter state */
	__u32 tss;	 /* of the thread-state pointer from the thread pointer (%fs); 0: not
			  * known, the thread state is sought in the interpreters' lists */
	__u32 enabled;	 /* 0: no Python here. Written last */
	__u32 interp_threads; /* interpreter state: first thread state */
	__u32 interp_next;    /* interpreter state: next interpreter state */
	__u16 thread_next, thread_id, thread_frame; /* in a thread state */
	__u16 cframe;	    /* 3.11, 3.12: thread_frame leads to a _PyCFrame, this field of it to
			     * the frame; CFRAME_NONE: thread_frame is the frame */
	__u16 frame_bytes;  /* read of each frame; at most PYTHON_FRAME_BYTES */
	__u16 back, code;   /* in a frame, multiples of 8: the caller's frame, the code object */
	__u16 last;	    /* in a frame, a multiple of 8: the instruction under way */
	__u16 kind;	    /* in a frame: see enum python_entry */
	__u16 locals;	    /* in a frame, a multiple of 8: f_locals. Code that has them runs once
			     * and is gone: modules, class bodies, exec and eval */
	__u8 entry;	    /* enum python_entry */
	__u8 last_is_pointer; /* `last` is an address inside the code object; else a number */
	__u8 tag_bits;	    /* low bits of `code` that are no part of the address (3.14) */
	__u8 contiguous;    /* a frame's callers lie below it in memory (3.11 on: a stack) */
	__u16 code_names;   /* in a code object: co_filename, directly followed by co_name */
	__u16 string_data;  /* in an ASCII string object: its characters */
	__u16 names_bytes;  /* from code_names to behind the line table's pointer: 24 or 32 */
	__u16 code_first_line;
};

#define PYTHON_CFRAME_NONE 0xffff
#define PYTHON_STRING_LENGTH 16 /* in every string object, 2.7 too: PyVarObject.ob_size */

_Static_assert(sizeof(struct python_process) == 56, "python_process is read by BPF");

/*
 * Identity of a code object: its address may be given to another one, and the addresses
 * of its names to other names. So it is made of four words that begin with those of
 * co_filename and co_name and end with that of the line table, of the last bytes of the
 * names where they can be read, and of co_firstlineno, added one after another. 0 stands
 * for "could not be read".
 */
#define PYTHON_IDENTITY_WORDS 4 /* added at a time; shorter things are padded with zeroes */
#define PYTHON_IDENTITY_START 0x6f75746c697665ull

static inline __u64 python_identity_add(__u64 identity, const __u64 *words)
{
	for (int i = 0; i < PYTHON_IDENTITY_WORDS; i++) {
		identity = (identity ^ words[i]) * 0x9e3779b97f4a7c15ull;
		identity = identity << 31 | identity >> 33;
	}
	return identity ? identity : 1;
}

/* Which bytes of a string of `length` are its tail: *ret_skip bytes are before it. */
static inline __u32 python_tail_bytes(__u64 length, __u64 *ret_skip)
{
	*ret_skip = length > PYTHON_IDENTITY_WORDS * 8 ? length - PYTHON_IDENTITY_WORDS * 8 : 0;
	return length > PYTHON_IDENTITY_WORDS * 8 ? PYTHON_IDENTITY_WORDS * 8 : (__u32)length;
}

#endif
