/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ELF file as the target layer needs it: where an address lies in the file,
 * where functions are, what bytes they begin with, and the build-id.
 *
 * The file is hostile: nothing in it is trusted, and it may change while it is
 * read, so it is read (pread), never mapped.
 *
 * Format: System V ABI, chapters 4 and 5; symbol versions: LSB Core, "Symbol
 * Versioning"; build-id note: NT_GNU_BUILD_ID in elf.h.
 */
#ifndef OUTLIVE_TARGET_ELF_FILE_H
#define OUTLIVE_TARGET_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

#define ELF_BUILD_ID_HEX 129 /* 64 bytes in hex and a NUL; the usual id has 20 bytes */

/*
 * Take `fd` (open for reading) as an ELF file; it belongs to the elf_file from then
 * on, and is closed here too on failure. Returns 0; -ENOEXEC not ELF or broken;
 * -ENOTSUP not x86-64, which is what the planner decodes; -ENOMEM.
 */
int elf_file_open(int fd, struct elf_file **ret_file);

/* Close it; NULL is fine. */
void elf_file_close(struct elf_file *file);

/* Build-id in lower-case hex, or "". Lives as long as the file. */
const char *elf_file_build_id(const struct elf_file *file);

/* Address of the lowest PT_LOAD, rounded down to a page: what the load bias is counted from. */
uint64_t elf_file_base(const struct elf_file *file);

/* File offset of virtual address `vaddr`, by PT_LOAD. Returns 0, or -ENOENT when no
 * segment has it in the file. */
int elf_file_offset(const struct elf_file *file, uint64_t vaddr, uint64_t *ret_offset);

/* Virtual address of file offset `offset`, by executable PT_LOAD. Returns 0 or -ENOENT. */
int elf_file_address(const struct elf_file *file, uint64_t offset, uint64_t *ret_vaddr);

/*
 * Read up to `size` bytes at `vaddr`, no further than the segment's bytes in the file.
 * Returns the number read (0 when there are none) or a -errno.
 */
long elf_file_read(const struct elf_file *file, uint64_t vaddr, void *buffer, size_t size);

/* Does it have a section of that name? Needs no more than the section headers. */
bool elf_file_has_section(const struct elf_file *file, const char *name);

/*
 * What its dynamic section says: the name that others need it by (DT_SONAME), and the
 * `index`th library that it needs (DT_NEEDED), in order. NULL: none, or no more. They live
 * as long as the file, and are not cleaned.
 */
const char *elf_file_soname(const struct elf_file *file);
const char *elf_file_needed(const struct elf_file *file, size_t index);

/* A larger symbol or string table is refused. */
#define ELF_MAX_SECTION_BYTES (1024ull * 1024 * 1024)

enum elf_symbols {
	ELF_SYMBOLS_DYNAMIC, /* .dynsym: what the file offers to others */
	ELF_SYMBOLS_ALL,     /* .dynsym, and .symtab for names not found there */
	ELF_SYMBOLS_HIDDEN,  /* both, and local functions of .symtab: hidden ones become such */
	ELF_SYMBOLS_DATA,    /* variables instead of functions, of .dynsym: ELF_NO_CODE */
};

enum elf_found {
	ELF_NOT_FOUND = 0,
	ELF_FOUND,
	ELF_INDIRECT, /* STT_GNU_IFUNC: a resolver that chooses the function at load time */
	ELF_NO_CODE,  /* defined, but not at an executable place in the file */
};

struct elf_function {
	enum elf_found found;
	uint64_t vaddr;
	uint64_t size; /* as the symbol says, 0 not known; not to be trusted */
	uint64_t offset; /* of vaddr in the file */
};

/*
 * Find global functions by name (names are all different): ret_functions[i] tells of
 * names[i]. Of several versions of a name the default one (name@@VERSION) counts; a compatibility version
 * (name@VERSION) only when it is the only one, since old programs still call it.
 * Returns 0 (even when nothing was found); -ENOEXEC for a broken symbol table; -ENOMEM.
 */
int elf_file_find(const struct elf_file *file, enum elf_symbols which, const char *const *names,
		  size_t count, struct elf_function *ret_functions);

/* Where the dynamic linker puts the address of a function that the file calls: a slot of
 * its global offset table. */
struct elf_slot {
	uint64_t vaddr;
	uint32_t name; /* of the list given */
};

/*
 * Find the slots of functions by name: R_X86_64_JUMP_SLOT and R_X86_64_GLOB_DAT of the
 * System V ABI, AMD64 supplement, 4.4.1. Fills at most `room` of ret_slots and returns
 * how many, or -ENOEXEC for broken tables, -ENOMEM.
 */
int elf_file_slots(const struct elf_file *file, const char *const *names, size_t count,
		   struct elf_slot *ret_slots, size_t room);

/*
 * Is there a stub of the procedure linkage table at `vaddr`: [endbr64;] [bnd] jmp
 * *slot(%rip), System V ABI, AMD64 supplement, 5.2? Then *ret_slot is its slot.
 */
bool elf_file_stub(const struct elf_file *file, uint64_t vaddr, uint64_t *ret_slot);

#define ELF_MAX_SLOTS 65536 /* more are not kept */

struct map;

/*
 * All slots of functions, by address; the value is the number of the function's dynamic
 * symbol. The caller frees *ret_slots, also after a failure. Returns 0 (even when there are
 * none), -ENOEXEC, -ENOMEM.
 */
int elf_file_slot_map(const struct elf_file *file, struct map *ret_slots);

/* Where dynamic symbol `number` is, if in this file. Returns 0 or -ENOENT. A preloaded
 * library may have another function of that name take its place. */
int elf_file_symbol_goal(const struct elf_file *file, uint32_t number, uint64_t *ret_vaddr);

/* Has it one of these names? */
bool elf_file_symbol_is(const struct elf_file *file, uint32_t number, const char *const *names,
			size_t count);

#endif
