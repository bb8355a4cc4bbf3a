/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Function symbols of one ELF file.
 *
 * An ELF file can have two symbol tables: .dynsym, what the dynamic linker needs
 * (always there in a shared library), and .symtab, everything the static linker
 * knew (gone from a stripped file). Both are read into one array sorted by
 * address, with one entry per address: a function often has several names
 * (`malloc`, `__libc_malloc`), and the public one is what a person knows.
 *
 * A symbol covers [start, start + size). Assembly often leaves the size zero:
 * such a symbol reaches to the next one, but not out of its section, since what
 * lies behind (the PLT, another section's code) is not it. Symbols may also nest
 * (`f` with an assembly label inside), so each entry knows which earlier one is
 * still open where it starts, and a lookup that falls behind the inner one goes
 * on with the outer one.
 *
 * The file may belong to the traced program and say anything: libelf checks that
 * sections lie in the file, and here no index, size or name offset is trusted.
 */
#include "symbol/symbol.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

/* Names of one file; more is no symbol table. Also keeps offsets within 32 bits. */
#define MAX_STRING_BYTES (1ull << 30)
#define MAX_SYMBOLS (1u << 26) /* of one table */
#define MAX_NESTING 64 /* outer symbols tried; real files nest one or two deep */
#define NO_SYMBOL UINT32_MAX

struct symbol {
	uint64_t start, end; /* while reading, an unsized symbol ends with its section */
	uint32_t name;	     /* offset into symbol_file.strings */
	uint32_t outer;	     /* an earlier symbol that may reach beyond this one's start */
	uint8_t rank;	     /* of several names the highest is kept */
	bool sized;
};

struct symbol_file {
	struct symbol *symbols;
	size_t count, capacity;
	char *strings;
	size_t string_bytes, string_capacity;
	struct elf_links links;
};

static uint8_t binding_rank(unsigned char binding)
{
	switch (binding) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return 2;
	case STB_WEAK:
		return 1;
	default:
		return 0;
	}
}

/* Copy string table `index` behind the strings so far, so that any offset into it
 * ends in a NUL. *ret_base is where it went, *ret_bytes how long it is. */
static int add_strings(struct symbol_file *file, Elf *elf, size_t index, uint32_t *ret_base,
		       size_t *ret_bytes)
{
	Elf_Scn *section = elf_getscn(elf, index);
	GElf_Shdr header;
	Elf_Data *data;
	int r;

	/* Checked before libelf reads it: a sparse file may claim any size. */
	if (!section || !gelf_getshdr(section, &header) ||
	    header.sh_size >= MAX_STRING_BYTES - file->string_bytes)
		return -ENOEXEC;
	data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf || data->d_size > header.sh_size)
		return -ENOEXEC;
	r = vec_reserve((void **)&file->strings, &file->string_capacity,
			file->string_bytes + data->d_size + 1, 1);
	if (r < 0)
		return r;
	memcpy(file->strings + file->string_bytes, data->d_buf, data->d_size);
	file->strings[file->string_bytes + data->d_size] = '\0';
	*ret_base = (uint32_t)file->string_bytes;
	*ret_bytes = data->d_size;
	file->string_bytes += data->d_size + 1;
	return 0;
}

/* Where the section of an unsized symbol ends; 0 when it is in none. */
static uint64_t section_end(Elf *elf, const GElf_Sym *sym)
{
	Elf_Scn *section;
	GElf_Shdr header;
	uint64_t end;

	if (sym->st_shndx >= SHN_LORESERVE)
		return 0;
	section = elf_getscn(elf, sym->st_shndx);
	if (!section || !gelf_getshdr(section, &header) ||
	    __builtin_add_overflow(header.sh_addr, header.sh_size, &end) ||
	    sym->st_value < header.sh_addr || sym->st_value >= end)
		return 0;
	return end;
}

static int add_symbol(struct symbol_file *file, Elf *elf, const GElf_Sym *sym, uint32_t strings,
		      size_t string_bytes)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);
	uint64_t end;
	int r;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_shndx == SHN_UNDEF ||
	    sym->st_value == 0 || sym->st_name >= string_bytes ||
	    file->strings[strings + sym->st_name] == '\0')
		return 0;
	if (sym->st_size == 0)
		end = section_end(elf, sym);
	else if (__builtin_add_overflow(sym->st_value, sym->st_size, &end))
		return 0;
	if (end == 0)
		return 0;
	r = VEC_PUSH_ROOM(file->symbols, file->count, file->capacity);
	if (r < 0)
		return r;
	file->symbols[file->count++] = (struct symbol){
		.start = sym->st_value,
		.end = end,
		.name = strings + (uint32_t)sym->st_name,
		.rank = binding_rank(GELF_ST_BIND(sym->st_info)),
		.sized = sym->st_size != 0,
	};
	return 0;
}

/* A table that cannot be read is one that is not there. */
static int read_table(struct symbol_file *file, Elf *elf, Elf_Scn *section,
		      const GElf_Shdr *header)
{
	size_t string_bytes, count;
	uint32_t strings;
	Elf_Data *data;
	int r;

	if (header->sh_entsize != sizeof(ElfW(Sym)) ||
	    header->sh_size / header->sh_entsize > MAX_SYMBOLS)
		return 0;
	data = elf_getdata(section, NULL);
	if (!data)
		return 0;
	r = add_strings(file, elf, header->sh_link, &strings, &string_bytes);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	count = data->d_size / header->sh_entsize;
	for (size_t i = 0; i < count; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		r = add_symbol(file, elf, &sym, strings, string_bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of two names for one address: public before private, plain before underscored. */
static int compare_names(const struct symbol *a, const struct symbol *b, const char *strings)
{
	const char *name_a = strings + a->name, *name_b = strings + b->name;
	size_t lines_a = strspn(name_a, "_"), lines_b = strspn(name_b, "_");

	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	if (a->sized != b->sized)
		return a->sized ? -1 : 1;
	if (lines_a != lines_b)
		return lines_a < lines_b ? -1 : 1;
	return strcmp(name_a, name_b);
}

static int compare_symbols(const void *left, const void *right, void *strings)
{
	const struct symbol *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return compare_names(a, b, strings);
}

/* One symbol per address, by the best of its names and the largest of its sizes. */
static void merge_names(struct symbol_file *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < file->count; i++) {
		struct symbol *last = kept ? &file->symbols[kept - 1] : NULL;
		const struct symbol *next = &file->symbols[i];

		if (!last || last->start != next->start) {
			file->symbols[kept++] = *next;
		} else if (next->sized && (!last->sized || next->end > last->end)) {
			last->end = next->end;
			last->sized = true;
		}
	}
	file->count = kept;
}

static void set_extents(struct symbol_file *file)
{
	struct symbol *symbols = file->symbols;
	uint32_t open = NO_SYMBOL;

	for (size_t i = 0; i < file->count; i++) {
		if (!symbols[i].sized && i + 1 < file->count &&
		    symbols[i + 1].start < symbols[i].end)
			symbols[i].end = symbols[i + 1].start;
		while (open != NO_SYMBOL && symbols[open].end <= symbols[i].start)
			open = symbols[open].outer;
		symbols[i].outer = open;
		open = (uint32_t)i;
	}
}

static void index_symbols(struct symbol_file *file)
{
	if (file->count)
		qsort_r(file->symbols, file->count, sizeof(*file->symbols), compare_symbols,
			file->strings);
	merge_names(file);
	set_extents(file);
}

static int read_sections(struct symbol_file *file, Elf *elf)
{
	Elf_Scn *section = NULL;
	unsigned int tables = 0;
	GElf_Shdr header;
	int r;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		/* The gABI allows one table of each kind; more would be a trap. */
		if ((header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) || tables == 2)
			continue;
		tables++;
		r = read_table(file, elf, section, &header);
		if (r < 0)
			return r;
	}
	index_symbols(file);
	elf_links_read(elf, &file->links);
	return 0;
}

static bool is_native(Elf *elf)
{
	GElf_Ehdr header;

	return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	       header.e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
	       header.e_ident[EI_DATA] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ?
					   ELFDATA2LSB : ELFDATA2MSB) &&
	       (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

static int read_elf(Elf *elf, struct symbol_file **ret_file)
{
	struct symbol_file *file;
	int r;

	if (!elf || !is_native(elf))
		return -ENOEXEC;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	r = read_sections(file, elf);
	if (r < 0) {
		symbol_file_close(file);
		return r;
	}
	*ret_file = file;
	return 0;
}

int symbol_file_open_fd(int fd, struct symbol_file **ret_file)
{
	Elf *elf;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	/* Not mapped: a file that shrinks meanwhile must not raise SIGBUS. */
	elf = elf_begin(fd, ELF_C_READ, NULL);
	r = read_elf(elf, ret_file);
	elf_end(elf);
	return r;
}

int symbol_file_open_memory(void *bytes, size_t size, struct symbol_file **ret_file)
{
	Elf *elf;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	elf = elf_memory(bytes, size);
	r = read_elf(elf, ret_file);
	elf_end(elf);
	return r;
}

int symbol_file_open(const char *path, struct symbol_file **ret_file)
{
	/* The target names the path: a FIFO must not hang the report. */
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) ? symbol_file_open_fd(fd, ret_file) : -ENOEXEC;
}

int symbol_file_merge(struct symbol_file *into, const struct symbol_file *from)
{
	size_t base = into->string_bytes;

	if (from->count == 0)
		return 0;
	if (from->string_bytes >= MAX_STRING_BYTES - base)
		return -EFBIG;
	if (vec_reserve((void **)&into->strings, &into->string_capacity,
			base + from->string_bytes, 1) < 0 ||
	    vec_reserve((void **)&into->symbols, &into->capacity, into->count + from->count,
			sizeof(*into->symbols)) < 0)
		return -ENOMEM;
	memcpy(into->strings + base, from->strings, from->string_bytes);
	into->string_bytes += from->string_bytes;
	for (size_t i = 0; i < from->count; i++) {
		into->symbols[into->count] = from->symbols[i];
		into->symbols[into->count++].name += (uint32_t)base;
	}
	index_symbols(into);
	return 0;
}

void symbol_file_close(struct symbol_file *file)
{
	if (!file)
		return;
	free(file->symbols);
	free(file->strings);
	free(file);
}

const char *symbol_file_lookup(const struct symbol_file *file, uint64_t vaddr, uint64_t *ret_start)
{
	size_t low = 0, high = file->count;
	uint32_t index;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->symbols[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	index = low ? (uint32_t)(low - 1) : NO_SYMBOL;
	for (unsigned int i = 0; i < MAX_NESTING && index != NO_SYMBOL; i++) {
		const struct symbol *symbol = &file->symbols[index];

		if (vaddr < symbol->end) {
			*ret_start = symbol->start;
			return file->strings + symbol->name;
		}
		index = symbol->outer;
	}
	return NULL;
}

const struct elf_links *symbol_file_links(const struct symbol_file *file)
{
	return &file->links;
}

const char *symbol_file_build_id(const struct symbol_file *file)
{
	return file->links.build_id;
}
