/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_SEGMENTS 1024
#define MAX_NOTE_BYTES 65536
#define PAGE_BYTES 4096ull
#define VERSION_HIDDEN 0x8000 /* LSB Core 10.7.2: not the default version of its name */

struct elf_file {
	int fd;
	Elf *elf;
	GElf_Phdr *segments; /* PT_LOAD only */
	size_t segment_count;
	char build_id[ELF_BUILD_ID_HEX];
};

void elf_file_close(struct elf_file *file)
{
	if (!file)
		return;
	elf_end(file->elf);
	close(file->fd);
	free(file->segments);
	free(file);
}

/* pread that ends only at the end of the file. Returns bytes read or -errno. */
static long read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	size_t used = 0;

	if (offset > INT64_MAX - size)
		return 0;
	while (used < size) {
		ssize_t got = pread(fd, (char *)buffer + used, size - used, offset + used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += got;
	}
	return used;
}

/* Find the build-id among the notes of one PT_NOTE; see elf(5), "Notes". */
static void scan_notes(struct elf_file *file, const GElf_Phdr *segment)
{
	size_t size = segment->p_filesz < MAX_NOTE_BYTES ? segment->p_filesz : MAX_NOTE_BYTES;
	size_t align = segment->p_align == 8 ? 8 : 4;
	CLEANUP_FREE uint8_t *bytes = malloc(size + 1);
	long got = bytes ? read_at(file->fd, segment->p_offset, bytes, size) : 0;
	size_t at = 0, left = got > 0 ? got : 0;

	while (left - at >= sizeof(Elf64_Nhdr)) {
		const uint8_t *name = bytes + at + sizeof(Elf64_Nhdr);
		size_t name_size, rest = left - at - sizeof(Elf64_Nhdr);
		Elf64_Nhdr note;

		memcpy(&note, bytes + at, sizeof(note));
		name_size = (note.n_namesz + align - 1) & ~(align - 1);
		if (name_size > rest || note.n_descsz > rest - name_size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(name, "GNU", 4) == 0 && note.n_descsz <= (ELF_BUILD_ID_HEX - 1) / 2) {
			for (size_t i = 0; i < note.n_descsz; i++) {
				static const char digits[] = "0123456789abcdef";

				file->build_id[2 * i] = digits[name[name_size + i] >> 4];
				file->build_id[2 * i + 1] = digits[name[name_size + i] & 15];
			}
			return;
		}
		rest -= name_size;
		name_size += (note.n_descsz + align - 1) & ~(align - 1);
		if (name_size > left - at - sizeof(Elf64_Nhdr))
			return;
		at += sizeof(Elf64_Nhdr) + name_size;
	}
}

static int read_segments(struct elf_file *file)
{
	size_t count;

	if (elf_getphdrnum(file->elf, &count) || count > MAX_SEGMENTS)
		return -ENOEXEC;
	file->segments = calloc(count ? count : 1, sizeof(*file->segments));
	if (!file->segments)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(file->elf, i, &segment))
			return -ENOEXEC;
		if (segment.p_type == PT_LOAD)
			file->segments[file->segment_count++] = segment;
		else if (segment.p_type == PT_NOTE && !file->build_id[0])
			scan_notes(file, &segment);
	}
	return 0;
}

int elf_file_open(int fd, struct elf_file **ret_file)
{
	struct elf_file *file = calloc(1, sizeof(*file));
	GElf_Ehdr header;
	int err = -ENOEXEC;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->fd = fd;
	if (elf_version(EV_CURRENT) == EV_NONE)
		goto fail;
	file->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header))
		goto fail;
	err = -ENOTSUP;
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64)
		goto fail;
	err = read_segments(file);
	if (err)
		goto fail;
	*ret_file = file;
	return 0;
fail:
	elf_file_close(file);
	return err;
}

const char *elf_file_build_id(const struct elf_file *file)
{
	return file->build_id;
}

uint64_t elf_file_base(const struct elf_file *file)
{
	uint64_t base = file->segment_count ? UINT64_MAX : 0;

	for (size_t i = 0; i < file->segment_count; i++) {
		if (file->segments[i].p_vaddr < base)
			base = file->segments[i].p_vaddr;
	}
	return base & ~(PAGE_BYTES - 1);
}

static const GElf_Phdr *segment_of(const struct elf_file *file, uint64_t vaddr)
{
	for (size_t i = 0; i < file->segment_count; i++) {
		const GElf_Phdr *segment = &file->segments[i];

		if (vaddr >= segment->p_vaddr && vaddr - segment->p_vaddr < segment->p_filesz &&
		    segment->p_offset <= INT64_MAX - (vaddr - segment->p_vaddr))
			return segment;
	}
	return NULL;
}

int elf_file_offset(const struct elf_file *file, uint64_t vaddr, uint64_t *ret_offset)
{
	const GElf_Phdr *segment = segment_of(file, vaddr);

	if (!segment)
		return -ENOENT;
	*ret_offset = segment->p_offset + (vaddr - segment->p_vaddr);
	return 0;
}

int elf_file_address(const struct elf_file *file, uint64_t offset, uint64_t *ret_vaddr)
{
	for (size_t i = 0; i < file->segment_count; i++) {
		const GElf_Phdr *segment = &file->segments[i];

		if (segment->p_flags & PF_X && offset >= segment->p_offset &&
		    offset - segment->p_offset < segment->p_filesz) {
			*ret_vaddr = segment->p_vaddr + (offset - segment->p_offset);
			return 0;
		}
	}
	return -ENOENT;
}

long elf_file_read(const struct elf_file *file, uint64_t vaddr, void *buffer, size_t size)
{
	const GElf_Phdr *segment = segment_of(file, vaddr);
	uint64_t left;

	if (!segment)
		return 0;
	left = segment->p_filesz - (vaddr - segment->p_vaddr);
	return read_at(file->fd, segment->p_offset + (vaddr - segment->p_vaddr), buffer,
		       size < left ? size : left);
}

/* One symbol table with its strings and, of .dynsym, its versions. */
struct table {
	Elf_Data *symbols, *versions;
	const char *names;
	size_t count, names_size;
};

/* The bytes of a section, or NULL when it has none or claims too many. */
static Elf_Data *section_data(Elf_Scn *section)
{
	GElf_Shdr header;
	Elf_Data *data;

	if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
	    header.sh_size > ELF_MAX_SECTION_BYTES)
		return NULL;
	data = elf_getdata(section, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}

/* Open the table of `type` (SHT_DYNSYM, SHT_SYMTAB). Returns 0, -ENOENT, -ENOEXEC. */
static int open_table(Elf *elf, uint32_t type, struct table *table)
{
	Elf_Scn *section = NULL, *found = NULL, *versions = NULL;
	GElf_Shdr header, found_header = { 0 };
	Elf_Data *names;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			return -ENOEXEC;
		if (header.sh_type == type && !found) {
			found = section;
			found_header = header;
		} else if (header.sh_type == SHT_GNU_versym && type == SHT_DYNSYM) {
			versions = section;
		}
	}
	if (!found)
		return -ENOENT;
	table->symbols = section_data(found);
	names = section_data(elf_getscn(elf, found_header.sh_link));
	if (!table->symbols || !names)
		return -ENOEXEC;
	table->versions = section_data(versions);
	table->count = table->symbols->d_size / sizeof(Elf64_Sym);
	if (table->count > INT32_MAX)
		table->count = INT32_MAX;
	table->names = names->d_buf;
	table->names_size = names->d_size;
	return 0;
}

/*
 * How well the name at `at` of the table fits `name`: 0 not, 1 as a compatibility
 * version, 2 as the default. The linker leaves "name@VERSION" and "name@@VERSION" in
 * .symtab; .dynsym has the version apart.
 */
static int name_fit(const struct table *table, size_t at, const char *name, size_t length)
{
	const char *here = table->names + at;

	if (at >= table->names_size || table->names_size - at <= length ||
	    memcmp(here, name, length) != 0)
		return 0;
	if (here[length] == '\0')
		return 2;
	if (here[length] != '@')
		return 0;
	return table->names_size - at > length + 1 && here[length + 1] == '@' ? 2 : 1;
}

/* Take what symbol `index` tells into the functions it names. `fits` is the best so far. */
static void take_symbol(const struct elf_file *file, const struct table *table, int index,
			bool data, const char *const *names, size_t count,
			struct elf_function *functions, uint8_t *fits)
{
	GElf_Versym version = 1;
	GElf_Sym symbol;
	int type, binding;

	if (!gelf_getsym(table->symbols, index, &symbol))
		return;
	type = GELF_ST_TYPE(symbol.st_info);
	binding = GELF_ST_BIND(symbol.st_info);
	if (symbol.st_shndx == SHN_UNDEF ||
	    (data ? type != STT_OBJECT : type != STT_FUNC && type != STT_GNU_IFUNC) ||
	    (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE))
		return;
	if (table->versions)
		gelf_getversym(table->versions, index, &version);
	for (size_t i = 0; i < count; i++) {
		int fit = name_fit(table, symbol.st_name, names[i], strlen(names[i]));
		const GElf_Phdr *segment;

		if (fit == 2 && version & VERSION_HIDDEN)
			fit = 1;
		if (fit <= fits[i])
			continue;
		segment = segment_of(file, symbol.st_value);
		fits[i] = fit;
		functions[i].vaddr = symbol.st_value;
		functions[i].size = symbol.st_size;
		functions[i].offset = 0;
		if (type == STT_GNU_IFUNC)
			functions[i].found = ELF_INDIRECT;
		else if (!segment || !(segment->p_flags & PF_X) ||
			 elf_file_offset(file, symbol.st_value, &functions[i].offset))
			functions[i].found = ELF_NO_CODE;
		else
			functions[i].found = ELF_FOUND;
	}
}

int elf_file_find(const struct elf_file *file, enum elf_symbols which, const char *const *names,
		  size_t count, struct elf_function *ret_functions)
{
	static const uint32_t types[] = { SHT_DYNSYM, SHT_SYMTAB };
	CLEANUP_FREE uint8_t *fits = calloc(count ? count : 1, 1);

	if (!fits)
		return -ENOMEM;
	memset(ret_functions, 0, count * sizeof(*ret_functions));
	for (size_t t = 0; t < (which == ELF_SYMBOLS_ALL ? 2 : 1); t++) {
		struct table table = { 0 };
		int err = open_table(file->elf, types[t], &table);

		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		for (size_t i = 0; i < table.count; i++)
			take_symbol(file, &table, i, which == ELF_SYMBOLS_DATA, names, count,
				    ret_functions, fits);
		/* A name that the first table has at all is not sought in the second. */
		for (size_t i = 0; i < count; i++)
			fits[i] = fits[i] ? UINT8_MAX : 0;
	}
	return 0;
}
