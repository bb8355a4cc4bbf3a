/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What elf_file.c and elf_symbols.c share. */
#ifndef OUTLIVE_TARGET_ELF_FILE_PRIVATE_H
#define OUTLIVE_TARGET_ELF_FILE_PRIVATE_H

#include <gelf.h>
#include <libelf.h>

#include "target/elf_file.h"

struct elf_file {
	int fd;
	Elf *elf;
	GElf_Phdr *segments; /* PT_LOAD only */
	size_t segment_count;
	char build_id[ELF_BUILD_ID_HEX];
};

/* The segment whose bytes in the file hold `vaddr`, or NULL. */
const GElf_Phdr *elf_file_segment(const struct elf_file *file, uint64_t vaddr);

#endif
