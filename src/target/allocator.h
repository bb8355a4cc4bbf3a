/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is malloc in this process? Every executable file mapped into it that offers
 * functions of the allocator table: libc, a preloaded jemalloc, the program itself.
 * All of them are probed: whoever is called first in a thread owns the block.
 */
#ifndef OUTLIVE_TARGET_ALLOCATOR_H
#define OUTLIVE_TARGET_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/map.h"
#include "target/allocators.h"
#include "target/elf_file.h"
#include "target/planner.h"

#define ALLOCATOR_MAX_FUNCTIONS ALLOC_MAX_SYMBOLS /* of one file */

struct allocator_function {
	uint8_t function;     /* row of the allocator table, 1-based */
	uint8_t family;	      /* whose name it has: row of alloc_families */
	uint8_t shape;	      /* enum call_shape: the row's, or a dearer one of its kind */
	bool with_return;     /* needs a return probe beside the entry probe, at the same site */
	bool dear;	      /* SHAPE_ALLOC_LEAVE: every way to leave it is single-stepped */
	uint64_t vaddr;	      /* of the entry */
	uint64_t size;	      /* bytes, as the symbol says; 0 not known */
	uint64_t file_offset; /* of the probe site: entry + site.offset; what a uprobe is given */
	struct probe_site site;
};

/* A function that gets no probe of its own. */
struct allocator_other {
	uint8_t function;
	uint8_t family;
	uint8_t same_as;      /* the function at the same place that has the probe; 0: see reason */
	uint64_t vaddr;	      /* of the entry, where it is known */
	const char *reason;   /* static text, "" for an alias */
};

struct allocator_file {
	char *path;	 /* as the target names it; not cleaned */
	/*
	 * The file, held open, and "/proc/self/fd/N" of it: what a uprobe is given. A path
	 * could name another file by the time of the attach, in which the offsets below hit
	 * the middle of an instruction, and for every process that maps it.
	 */
	int fd;
	char open_path[32];
	dev_t dev; /* as fstat() tells; may differ from what maps shows on overlays */
	ino_t inode;
	char build_id[ELF_BUILD_ID_HEX];
	struct allocator_function *functions;
	size_t function_count, function_capacity;
	struct allocator_other *others;
	size_t other_count, other_capacity;
	size_t call_count; /* of functions: those that make or free blocks (not SHAPE_THROW) */
	/* Where those with SHAPE_ALLOC_LEAVE are left: file offsets and cookies. */
	uint64_t *leaves, *leave_cookies;
	size_t leave_count, leave_capacity, leave_cookie_capacity;
};

#define ALLOCATOR_MAX_FILES 256 /* more are not kept: each costs a descriptor */

/* Empty when all zero. */
struct allocator_list {
	struct allocator_file *files; /* also those that only have SHAPE_THROW functions */
	size_t count;
	size_t capacity;
	size_t looked_at;  /* executable files found mapped */
	size_t unreadable; /* of them, those that could not be opened or are no ELF files */
	size_t left_out;   /* allocator files beyond ALLOCATOR_MAX_FILES */
	bool leaves;	   /* one of the files has some: exceptions matter */
	struct map others; /* files known not to be allocators, so that each is read once */
};

/*
 * Add the allocator files of process `pid` to `list`, those of other processes
 * included that are not in it yet (same dev and inode: once).
 * Returns 0 when the process has at least one function to probe (new or already in
 * the list), or with `error` (may be NULL) filled: -ENOENT no allocator function in any
 * file; -ESRCH; -EACCES; -ENOMEM. `list` stays valid either way.
 */
int allocator_find(uint32_t pid, struct allocator_list *list, struct error *error);

/*
 * Look at one file. `path` is its name for people, `open_path` what is opened;
 * `program`: it is a main program, whose .symtab counts too (a static binary).
 * Returns 0 with *ret_file to be released by allocator_file_free() (function_count can
 * be 0: only functions that cannot be probed); -ENODATA when it has no allocator function;
 * -ENOEXEC, -ENOTSUP as elf_file_open(); -errno of open(), -EINVAL not a regular file.
 */
int allocator_inspect(const char *path, const char *open_path, bool program,
		      struct allocator_file *ret_file);

void allocator_file_free(struct allocator_file *file);
void allocator_list_free(struct allocator_list *list);

/* The cookie of the function's probes (outlive/wire.h). */
uint64_t allocator_cookie(const struct allocator_function *function);

#define ALLOCATOR_NAME_BYTES 80 /* room for any of these names */

/* The name of a function as the file has it, C++ names for people: "je_malloc",
 * "operator new(size_t)". Returns `buffer`, terminated, at most `size` bytes. */
char *allocator_name(uint8_t function, uint8_t family, char *buffer, size_t size);

/*
 * One line for a person about functions[index], such as
 *   "free            +3    je 0x98fb8        one trap: first instruction the kernel emulates".
 * Returns `buffer`, terminated, at most `size` bytes.
 */
char *allocator_describe(const struct allocator_file *file, size_t index, char *buffer,
			 size_t size);

#endif
