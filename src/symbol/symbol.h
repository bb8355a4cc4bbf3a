/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address in an ELF file -> name, from .symtab and .dynsym. */
#ifndef OUTLIVE_SYMBOL_SYMBOL_H
#define OUTLIVE_SYMBOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/elf_links.h"

struct symbol_file; /* the function symbols of one ELF file, sorted */

/*
 * Read the function symbols of the ELF file at `path` (opened and closed here).
 * Returns 0 and *ret_file (release with symbol_file_close), -ENOENT and other
 * open errors, -ENOEXEC when it is no ELF file of this machine's class, -ENOMEM.
 * A file without symbols is fine: every lookup then finds nothing.
 */
int symbol_file_open(const char *path, struct symbol_file **ret_file);
void symbol_file_close(struct symbol_file *file); /* NULL is fine */

/* The same for an open file, which stays open, and for one in memory, which is not
 * needed afterwards (libelf may swap bytes in it). */
int symbol_file_open_fd(int fd, struct symbol_file **ret_file);
int symbol_file_open_memory(void *bytes, size_t size, struct symbol_file **ret_file);

/*
 * Add the symbols of `from`, which describes the same program (its debug file).
 * Names found in `into` before are not valid any more. Returns 0, or -EFBIG or
 * -ENOMEM with `into` unchanged.
 */
int symbol_file_merge(struct symbol_file *into, const struct symbol_file *from);

/*
 * The function that holds ELF virtual address `vaddr`: its name (owned by the
 * file, as the ELF file has it: clean before printing) and start, so that
 * vaddr - *ret_start is the offset into it. Returns NULL when no symbol covers
 * the address: the nearest one below is never guessed past its end.
 */
const char *symbol_file_lookup(const struct symbol_file *file, uint64_t vaddr, uint64_t *ret_start);

/* Build-id and the way to debug files; owned by the file. */
const struct elf_links *symbol_file_links(const struct symbol_file *file);

/* The file's GNU build-id in lower-case hex, or "" when it has none; owned by the file. */
const char *symbol_file_build_id(const struct symbol_file *file);

#endif
