/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is known about the names of one ELF file: its symbol tables,
 * its DWARF, and those of the debug file that belongs to it.
 */
#ifndef OUTLIVE_SYMBOL_NAMES_H
#define OUTLIVE_SYMBOL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/debug_file.h"
#include "symbol/dwarf_names.h"

#define NAMES_FRAMES_MAX DWARF_FRAMES_MAX

struct names;

/* A function that an address is in. Strings are owned by struct names; hostile bytes
 * of bounded length: clean before printing. */
struct name_frame {
	const char *function; /* demangled; NULL: not known */
	const char *file;     /* NULL: not known */
	uint32_t line;	      /* 1-based; 0 not known */
	bool inlined;	      /* into the next one, which is on the given line of the file */
};

/*
 * Open the ELF file at `path` and read its symbol tables; anything else waits for
 * the first lookup. Returns 0 and *ret_names (release with names_close), or the
 * errors of symbol_file_open.
 */
int names_open(const char *path, struct names **ret_names);
void names_close(struct names *names); /* NULL is fine */

/* The file's build-id in lower-case hex, "" when it has none. */
const char *names_build_id(const struct names *names);

/* Has there been a lookup, so that `search` of the next one does not matter? */
bool names_prepared(const struct names *names);

/*
 * The functions at ELF virtual address `vaddr`: the innermost inlined one first,
 * the one with code of its own last. On the first call `search` says where debug
 * files may be. `room` is at least NAMES_FRAMES_MAX.
 *
 * Returns how many (0: nothing is known), and in *ret_start where the last one
 * starts, 0 when only its lines are known.
 */
size_t names_lookup(struct names *names, const struct debug_search *search, uint64_t vaddr,
		    struct name_frame *frames, size_t room, uint64_t *ret_start);

#endif
