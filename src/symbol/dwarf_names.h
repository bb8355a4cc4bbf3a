/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address in an ELF file -> functions and source lines, from its DWARF. */
#ifndef OUTLIVE_SYMBOL_DWARF_NAMES_H
#define OUTLIVE_SYMBOL_DWARF_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define DWARF_FRAMES_MAX 64 /* of one address; of deeper inlining the outer ones are lost */

struct dwarf_names; /* the DWARF of one file */

/* One of the functions that an address is in. Strings are owned by the file: hostile
 * bytes, clean before printing. */
struct dwarf_frame {
	const char *function; /* mangled where it has such a name; NULL: not known */
	const char *file;     /* where it is at that address, or calls the one inlined into it;
			       * NULL: not known */
	uint32_t line;	      /* 1-based; 0 not known */
};

/*
 * Read the DWARF of the file open at `fd`, and what of it was moved to the file
 * open at `alt_fd` (-1: none; see debug_file_alt). Units are read on first use.
 * Both descriptors are taken over, also on failure.
 *
 * Returns 0 and *ret_names (release with dwarf_names_close), -ENOENT when the
 * file has no DWARF, -EFBIG when it is larger than what is read, -ENOEXEC when it
 * makes no sense or needs a file that is not there, -ENOMEM.
 */
int dwarf_names_open(int fd, int alt_fd, struct dwarf_names **ret_names);
void dwarf_names_close(struct dwarf_names *names); /* NULL is fine */

/*
 * The functions at ELF virtual address `vaddr`: the innermost inlined one first,
 * the one that has the code of its own last. At most `room` of them, which is
 * DWARF_FRAMES_MAX at least. Returns how many; 0 when nothing is known. A single
 * frame may have no function and just a line, as hand-written assembly has.
 */
size_t dwarf_names_lookup(struct dwarf_names *names, uint64_t vaddr, struct dwarf_frame *frames,
			  size_t room);

#endif
