/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ELF file says about which build it is, and where the rest of it lies. */
#ifndef OUTLIVE_SYMBOL_ELF_LINKS_H
#define OUTLIVE_SYMBOL_ELF_LINKS_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

#define LINK_BUILD_ID_HEX (2 * 64 + 1) /* SHA-1 has 20 bytes; more than 64 is none */
#define LINK_NAME_BYTES 256

/* Strings are hostile, but terminated; "" where the file has none. */
struct elf_links {
	char build_id[LINK_BUILD_ID_HEX]; /* lower-case hex */
	char debug_name[LINK_NAME_BYTES]; /* .gnu_debuglink: a file name without folders … */
	uint32_t debug_crc;		  /* … and the CRC-32 of that file */
	bool has_alt;			  /* .gnu_debugaltlink: part of the DWARF was moved … */
	char alt_name[LINK_NAME_BYTES];	  /* … to this file … */
	char alt_build_id[LINK_BUILD_ID_HEX]; /* … of this build */
	uint64_t mini_offset, mini_size;      /* .gnu_debugdata in the file; size 0: none */
};

/* Fill *ret_links from an open ELF file. What makes no sense is as if not there. */
void elf_links_read(Elf *elf, struct elf_links *ret_links);

/* The same from a descriptor, which stays open. Returns 0, or -ENOEXEC: no ELF file. */
int elf_links_read_fd(int fd, struct elf_links *ret_links);

#endif
