/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address of a traced process -> what a person calls it.
 *
 * A snapshot holds bare addresses. This joins them with the process's modules
 * and what symbol/ knows about the modules' files, each read once, on first use,
 * however many processes map the file. Where the compiler inlined functions, one
 * address stands for several frames.
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
	const char *symbol; /* function, demangled; or NULL: not known */
	uint64_t offset;    /* from the start of the function that has the code; where that is
			     * not known the ELF virtual address in the module (what addr2line
			     * takes); without a module 0 */
	const char *module; /* path as the target names it, or NULL: in no known file */
	const char *file;   /* source file, or NULL: not known */
	uint32_t line;	      /* 1-based; 0 not known */
	const char *language; /* "native" */
	bool inlined;	      /* a function inlined into the next frame; same address and offset */
};

#define FRAMES_OF_ADDRESS_MAX 64 /* frames that one address can stand for */

/* A new, empty resolver, or NULL without memory. Release with frames_free (NULL is fine). */
struct frames *frames_new(void);
void frames_free(struct frames *frames);

/*
 * Where names may come from beside the modules' files. `live`: the processes are
 * those that have the pids now, so debug files in their roots and the maps that
 * their JITs write (/tmp/perf-PID.map) count. `debuginfod`: the servers that the
 * environment names are asked for debug files. Without this call neither.
 */
void frames_set_sources(struct frames *frames, bool live, bool debuginfod);

struct recorded_names;

/* Names that came with a recording are asked first, and stay the caller's. NULL: none. */
void frames_set_recorded(struct frames *frames, const struct recorded_names *recorded);

/* The module of `process` that `address` lies in, or NULL. */
const struct snapshot_module *frames_module(const struct snapshot_process *process,
					    uint64_t address);

/*
 * Name `address`, one frame of a stack of `process`. It is a return address, so
 * the byte before it is what is looked up: a call may be a function's last
 * instruction. Never fails: what cannot be found out stays NULL or 0. With
 * `frames` NULL only the module is found.
 *
 * Fills at most `room` (at least 1) of ret_frames: functions inlined there first,
 * innermost first, then the function that has the code. Returns how many, 1 at
 * least and FRAMES_OF_ADDRESS_MAX at most. Strings belong to the resolver and to
 * the snapshot, and live as long as both.
 */
size_t frames_resolve(struct frames *frames, const struct snapshot_process *process,
		      uint64_t address, struct frame *ret_frames, size_t room);

/*
 * Is this frame machinery rather than the program's own code: the C, C++ and Rust
 * libraries (their templates and generics too, which lie in the program), the
 * dynamic linker, a function that wraps an allocator? A site is called by its
 * innermost frame that is not.
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
