/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file in memory, in a form that is safe to hand to libdw. */
#ifndef OUTLIVE_SYMBOL_ELF_FLAT_H
#define OUTLIVE_SYMBOL_ELF_FLAT_H

#include <stddef.h>

#define ELF_FLAT_MAX_BYTES (2ull << 30) /* of a file, and of it expanded */

struct elf_flat {
	unsigned char *bytes;
	size_t size;
};

/*
 * Copy the file open at `fd` (it stays open) into memory, its compressed sections
 * expanded, with zeroes behind each of these and behind the whole. libdw looks for
 * the end of a string without minding the end of the section (0.188 does so for
 * the folders of a line table), and finds one here. A copy, since a mapped file that
 * shrinks meanwhile would raise SIGBUS.
 *
 * Returns 0 and *ret_flat, -EFBIG beyond bounds, -ENOEXEC when it is no ELF file of
 * this machine's kind or a section cannot be expanded, -ENOMEM, or a read's -errno.
 */
int elf_flat_read(int fd, struct elf_flat *ret_flat);
void elf_flat_free(struct elf_flat *flat);

#endif
