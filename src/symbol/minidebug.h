/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "MiniDebugInfo": Fedora and its kin strip their programs too, but leave a small
 * ELF file in the section .gnu_debugdata, compressed by xz, whose .symtab names the
 * functions that .dynsym does not (GDB manual, "Debugging information in a special
 * section").
 */
#ifndef OUTLIVE_SYMBOL_MINIDEBUG_H
#define OUTLIVE_SYMBOL_MINIDEBUG_H

#include "symbol/elf_links.h"
#include "symbol/symbol.h"

/*
 * Read the symbols of the .gnu_debugdata that `links` found in the file open at
 * `fd` (it stays open). Returns 0 and *ret_file (release with symbol_file_close),
 * -ENOENT when there is none, -EFBIG beyond bounds, -ENOEXEC when it is damaged or
 * no ELF file, -ENOMEM.
 */
int minidebug_read(int fd, const struct elf_links *links, struct symbol_file **ret_file);

#endif
