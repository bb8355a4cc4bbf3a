/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small x86-64 ELF files with code, dynamic symbols, slots and needed libraries, for tests
 * of who calls whom and who serves what. Addresses are file offsets. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_ELF_OBJECTS_H
#define TESTS_UNIT_ELF_OBJECTS_H

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/elf_file.h"

#define OBJECT_TEXT 0x1000  /* the code's first byte */
#define OBJECT_SLOTS 0x3000 /* slot i lies at OBJECT_SLOTS + 8 * i */
#define OBJECT_ROOM 8	    /* symbols, slots, needed libraries; the last one is empty */

struct object_symbol {
	const char *name;
	uint64_t vaddr; /* 0: of another file */
	uint64_t size;
};

struct object {
	const uint8_t *code;
	size_t code_size;
	struct object_symbol symbols[OBJECT_ROOM];
	const char *slots[OBJECT_ROOM]; /* names of symbols */
	const char *soname, *needed[OBJECT_ROOM];
	const char *section; /* one more, empty */
};

struct object_layout {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[7]; /* 0, dynsym, dynstr, rela, dynamic, shstrtab, one more */
	Elf64_Sym symbols[OBJECT_ROOM + 1];
	Elf64_Rela slots[OBJECT_ROOM];
	Elf64_Dyn dynamic[OBJECT_ROOM + 2];
	char strings[512];
	char section_names[64];
};

static inline uint32_t object_string(struct object_layout *file, uint32_t *used, const char *text)
{
	uint32_t at = *used;

	assert_true(at + strlen(text) + 1 <= sizeof(file->strings));
	memcpy(file->strings + at, text, strlen(text) + 1);
	*used += (uint32_t)strlen(text) + 1;
	return at;
}

#define OBJECT_SECTION(number, kind, member, link, entry)                                          \
	file->sections[number] = (Elf64_Shdr){ .sh_type = kind,                                    \
					       .sh_addr = offsetof(struct object_layout, member),  \
					       .sh_offset = offsetof(struct object_layout, member),\
					       .sh_size = sizeof(file->member),                    \
					       .sh_link = link,                                    \
					       .sh_entsize = entry }

/* Open the file that `object` describes. */
static inline struct elf_file *object_open(const struct object *object)
{
	struct object_layout *file = calloc(1, OBJECT_SLOTS + 4096);
	int fd = memfd_create("object", MFD_CLOEXEC);
	uint32_t used = 1, entry = 0;
	struct elf_file *elf;

	assert_true(fd >= 0 && sizeof(*file) <= OBJECT_TEXT);
	assert_true(object->code_size <= OBJECT_SLOTS - OBJECT_TEXT);
	memcpy(file->header.e_ident, ELFMAG, SELFMAG);
	file->header.e_ident[EI_CLASS] = ELFCLASS64;
	file->header.e_ident[EI_DATA] = ELFDATA2LSB;
	file->header.e_ident[EI_VERSION] = EV_CURRENT;
	file->header.e_type = ET_DYN;
	file->header.e_machine = EM_X86_64;
	file->header.e_version = EV_CURRENT;
	file->header.e_phoff = offsetof(struct object_layout, segment);
	file->header.e_shoff = offsetof(struct object_layout, sections);
	file->header.e_ehsize = sizeof(Elf64_Ehdr);
	file->header.e_phentsize = sizeof(Elf64_Phdr);
	file->header.e_phnum = 1;
	file->header.e_shentsize = sizeof(Elf64_Shdr);
	file->header.e_shnum = 7;
	file->header.e_shstrndx = 5;
	file->segment = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
				      .p_filesz = OBJECT_SLOTS + 4096,
				      .p_memsz = OBJECT_SLOTS + 4096 };
	OBJECT_SECTION(1, SHT_DYNSYM, symbols, 2, sizeof(Elf64_Sym));
	OBJECT_SECTION(2, SHT_STRTAB, strings, 0, 0);
	OBJECT_SECTION(3, SHT_RELA, slots, 1, sizeof(Elf64_Rela));
	OBJECT_SECTION(4, SHT_DYNAMIC, dynamic, 2, sizeof(Elf64_Dyn));
	OBJECT_SECTION(5, SHT_STRTAB, section_names, 0, 0);
	if (object->section) {
		strcpy(file->section_names + 1, object->section);
		file->sections[6] = (Elf64_Shdr){ .sh_name = 1, .sh_type = SHT_PROGBITS };
	}
	for (size_t i = 0; i < OBJECT_ROOM && object->symbols[i].name; i++) {
		const struct object_symbol *symbol = &object->symbols[i];

		file->symbols[i + 1] = (Elf64_Sym){
			.st_name = object_string(file, &used, symbol->name),
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = symbol->vaddr ? 1 : SHN_UNDEF,
			.st_value = symbol->vaddr,
			.st_size = symbol->size,
		};
		for (size_t j = 0; j < OBJECT_ROOM && object->slots[j]; j++) {
			if (strcmp(object->slots[j], symbol->name) == 0)
				file->slots[j] = (Elf64_Rela){
					.r_offset = OBJECT_SLOTS + 8 * j,
					.r_info = ELF64_R_INFO(i + 1, R_X86_64_JUMP_SLOT),
				};
		}
	}
	if (object->soname)
		file->dynamic[entry++] = (Elf64_Dyn){
			.d_tag = DT_SONAME, .d_un.d_val = object_string(file, &used, object->soname),
		};
	for (size_t i = 0; i < OBJECT_ROOM && object->needed[i]; i++)
		file->dynamic[entry++] = (Elf64_Dyn){
			.d_tag = DT_NEEDED,
			.d_un.d_val = object_string(file, &used, object->needed[i]),
		};
	if (object->code_size)
		memcpy((char *)file + OBJECT_TEXT, object->code, object->code_size);
	assert_int_equal(write(fd, file, OBJECT_SLOTS + 4096), OBJECT_SLOTS + 4096);
	free(file);
	assert_int_equal(elf_file_open(fd, &elf), 0);
	return elf;
}

/* Put the distance from the next instruction, at `at` + 4, to `goal` into code at `at`. */
static inline void object_reach(uint8_t *code, size_t at, uint64_t goal)
{
	int32_t distance = (int32_t)(goal - (OBJECT_TEXT + at + 4));

	memcpy(code + at, &distance, sizeof(distance));
}

#endif
