/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Distributions strip their programs and put what was stripped into files of
 * their own, in packages of their own. Two conventions say which belong together:
 * the build-id, which both carry, and the older .gnu_debuglink, a file name with a
 * checksum (GDB manual, "Debugging Information in Separate Files").
 */
#ifndef OUTLIVE_SYMBOL_DEBUG_FILE_H
#define OUTLIVE_SYMBOL_DEBUG_FILE_H

#include <stddef.h>

#include "symbol/elf_links.h"

#define DEBUG_ROOTS 2

/* Where to look. */
struct debug_search {
	const char *roots[DEBUG_ROOTS]; /* the target's root, then ours; NULL: none */
	const char *path;		/* of the stripped file, as in the first root */
	bool debuginfod; /* ask the servers of DEBUGINFOD_URLS for what is not here */
};

/*
 * Find the debug file of a stripped file with `links`: by build-id below
 * /usr/lib/debug/.build-id, then by name beside `path`, in .debug there and below
 * /usr/lib/debug. A file counts only when its build-id or, without one, its
 * checksum is right. Returns a descriptor the caller closes, or -ENOENT.
 */
int debug_file_find(const struct debug_search *search, const struct elf_links *links);

/*
 * Find the file that dwz(1) moved common parts of several debug files to, by the
 * `links` of one of them. Returns a descriptor the caller closes, or -ENOENT.
 */
int debug_file_find_alt(const struct debug_search *search, const struct elf_links *links);

#endif
