/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address of a traced process -> what a person calls it.
 *
 * A snapshot holds bare addresses. This joins them with the process's modules
 * and the modules' symbol tables, each read once, on first use, however many
 * processes map the file.
 */
#ifndef OUTLIVE_ANALYSIS_FRAMES_H
#define OUTLIVE_ANALYSIS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

struct frames; /* the resolver: a cache of symbol tables */

/* One frame of a stack. Strings are hostile bytes of the target: clean before printing. */
struct frame {
	uint64_t address;   /* as the stack has it: a return address */
	const char *symbol; /* function, or NULL: not known */
	uint64_t offset;    /* from the symbol's start; without a symbol the ELF virtual address
			     * in the module (what addr2line takes); without a module 0 */
	const char *module; /* path as the target names it, or NULL: in no known file */
	const char *file;   /* source file, or NULL: not known */
	uint32_t line;	      /* 1-based; 0 not known */
	const char *language; /* "native" */
	bool inlined;	      /* a function inlined into the next frame */
};

/* A new, empty resolver, or NULL without memory. Release with frames_free (NULL is fine). */
struct frames *frames_new(void);
void frames_free(struct frames *frames);

/*
 * Name `address`, one frame of a stack of `process`. It is a return address, so
 * the byte before it is what is looked up: a call may be a function's last
 * instruction. Never fails: what cannot be found out stays NULL or 0. With
 * `frames` NULL only the module is found.
 *
 * Strings belong to the resolver and to the snapshot, and live as long as both.
 */
void frames_resolve(struct frames *frames, const struct snapshot_process *process,
		    uint64_t address, struct frame *ret_frame);

/*
 * Is this frame machinery rather than the program's own code: the C and C++
 * libraries, the dynamic linker, a function that wraps an allocator? A site is
 * called by its innermost frame that is not.
 */
bool frame_is_runtime(const struct frame *frame);

/*
 * How many of the `count` frames of a whole stack (innermost first) are left
 * without the outermost ones, by which the C library starts a program or a
 * thread (_start, __libc_start_main, clone3, start_thread). Never 0 unless
 * `count` is.
 */
size_t frames_without_start(const struct frame *frames, size_t count);

#endif
