/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The symbols of an ELF file: where functions are, and which it takes from others. */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"
#include "target/elf_file_private.h"

#define VERSION_HIDDEN 0x8000 /* LSB Core 10.7.2: not the default version of its name */

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

#define MAX_NAME 256 /* a longer name than any that is sought */

/* Of the name before '\0' or '@', at most `room` bytes long. */
static uint64_t name_hash(const char *name, size_t room)
{
	uint64_t hash = HASH_TEXT;

	for (size_t i = 0; i < room && i < MAX_NAME && name[i] && name[i] != '@'; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3ull;
	return hash_mix(hash);
}

/* What is sought: the names, and where each is in the list by its hash. */
struct sought {
	const char *const *names;
	struct map places;
};

static void free_sought(struct sought *sought)
{
	map_free(&sought->places);
}

static int sought_make(struct sought *sought, const char *const *names, size_t count)
{
	sought->names = names;
	for (size_t i = 0; i < count; i++) {
		int err = map_set(&sought->places, name_hash(names[i], MAX_NAME), i);

		if (err)
			return err;
	}
	return 0;
}

/* Is the name at `at` of the table one of those sought? Returns how well it fits
 * (see name_fit) and *ret_index. */
static int sought_find(const struct sought *sought, const struct table *table, size_t at,
		       uint32_t *ret_index)
{
	if (at >= table->names_size ||
	    !map_get(&sought->places, name_hash(table->names + at, table->names_size - at),
		     ret_index))
		return 0;
	return name_fit(table, at, sought->names[*ret_index],
			strlen(sought->names[*ret_index]));
}

static bool kind_fits(const GElf_Sym *symbol, enum elf_symbols which)
{
	int type = GELF_ST_TYPE(symbol->st_info), binding = GELF_ST_BIND(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF)
		return false;
	if (which == ELF_SYMBOLS_DATA ? type != STT_OBJECT
				      : type != STT_FUNC && type != STT_GNU_IFUNC)
		return false;
	return binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE ||
	       (binding == STB_LOCAL && which == ELF_SYMBOLS_HIDDEN);
}

/* Take what symbol `index` tells into the function it names. `fits` is the best so far. */
static void take_symbol(const struct elf_file *file, const struct table *table, int index,
			enum elf_symbols which, const struct sought *sought,
			struct elf_function *functions, uint8_t *fits)
{
	struct elf_function *function;
	const GElf_Phdr *segment;
	GElf_Versym version = 1;
	GElf_Sym symbol;
	uint32_t place;
	int fit;

	if (!gelf_getsym(table->symbols, index, &symbol) || !kind_fits(&symbol, which))
		return;
	fit = sought_find(sought, table, symbol.st_name, &place);
	if (fit == 0)
		return;
	if (table->versions)
		gelf_getversym(table->versions, index, &version);
	if (fit == 2 && version & VERSION_HIDDEN)
		fit = 1;
	if (fit <= fits[place])
		return;
	fits[place] = fit;
	function = &functions[place];
	function->vaddr = symbol.st_value;
	function->size = symbol.st_size;
	function->offset = 0;
	segment = elf_file_segment(file, symbol.st_value);
	if (GELF_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC)
		function->found = ELF_INDIRECT;
	else if (!segment || !(segment->p_flags & PF_X) ||
		 elf_file_offset(file, symbol.st_value, &function->offset))
		function->found = ELF_NO_CODE;
	else
		function->found = ELF_FOUND;
}

int elf_file_find(const struct elf_file *file, enum elf_symbols which, const char *const *names,
		  size_t count, struct elf_function *ret_functions)
{
	static const uint32_t types[] = { SHT_DYNSYM, SHT_SYMTAB };
	__attribute__((cleanup(free_sought))) struct sought sought = { 0 };
	CLEANUP_FREE uint8_t *fits = calloc(count ? count : 1, 1);
	bool both = which == ELF_SYMBOLS_ALL || which == ELF_SYMBOLS_HIDDEN;

	if (!fits || sought_make(&sought, names, count))
		return -ENOMEM;
	memset(ret_functions, 0, count * sizeof(*ret_functions));
	for (size_t t = 0; t < (both ? 2 : 1); t++) {
		struct table table = { 0 };
		int err = open_table(file->elf, types[t], &table);

		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		for (size_t i = 0; i < table.count; i++)
			take_symbol(file, &table, i, which, &sought, ret_functions, fits);
		/* A name that the first table has at all is not sought in the second. */
		for (size_t i = 0; i < count; i++)
			fits[i] = fits[i] ? UINT8_MAX : 0;
	}
	return 0;
}

/* The text of the `index`th entry of kind `tag` in the dynamic section. */
static const char *dynamic_text(const struct elf_file *file, int64_t tag, size_t index)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		GElf_Dyn entry;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNAMIC)
			continue;
		data = section_data(section);
		for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
			if (entry.d_tag == tag && index-- == 0)
				return elf_strptr(file->elf, header.sh_link, entry.d_un.d_val);
		}
		return NULL;
	}
	return NULL;
}

const char *elf_file_soname(const struct elf_file *file)
{
	return dynamic_text(file, DT_SONAME, 0);
}

const char *elf_file_needed(const struct elf_file *file, size_t index)
{
	return dynamic_text(file, DT_NEEDED, index);
}

bool elf_file_has_section(const struct elf_file *file, const char *name)
{
	Elf_Scn *section = NULL;
	size_t strings;

	if (elf_getshdrstrndx(file->elf, &strings))
		return false;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		const char *found;

		if (!gelf_getshdr(section, &header))
			return false;
		found = elf_strptr(file->elf, strings, header.sh_name);
		if (found && strcmp(found, name) == 0)
			return true;
	}
	return false;
}

/* The symbol that slot relocation `index` of a section is for. False: it is for no slot. */
static bool slot_symbol(Elf_Data *relocations, size_t index, const struct table *symbols,
			uint64_t *ret_slot, GElf_Sym *ret_symbol)
{
	GElf_Rela row;

	if (!gelf_getrela(relocations, (int)index, &row) ||
	    (GELF_R_TYPE(row.r_info) != R_X86_64_JUMP_SLOT &&
	     GELF_R_TYPE(row.r_info) != R_X86_64_GLOB_DAT) ||
	    GELF_R_SYM(row.r_info) > INT32_MAX ||
	    !gelf_getsym(symbols->symbols, (int)GELF_R_SYM(row.r_info), ret_symbol))
		return false;
	*ret_slot = row.r_offset;
	return true;
}

static size_t relocation_count(Elf_Data *relocations)
{
	size_t count = relocations ? relocations->d_size / sizeof(Elf64_Rela) : 0;

	return count < INT32_MAX ? count : INT32_MAX;
}

/* The next section of relocations after `section` (NULL: the first); NULL: no more. */
static Elf_Scn *next_relocations(Elf *elf, Elf_Scn *section)
{
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section))) {
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA)
			return section;
	}
	return NULL;
}

int elf_file_slots(const struct elf_file *file, const char *const *names, size_t count,
		   struct elf_slot *ret_slots, size_t room)
{
	__attribute__((cleanup(free_sought))) struct sought sought = { 0 };
	struct table symbols = { 0 };
	Elf_Scn *section = NULL;
	size_t found = 0;
	int err = open_table(file->elf, SHT_DYNSYM, &symbols);

	if (err == -ENOENT)
		return 0;
	if (!err)
		err = sought_make(&sought, names, count);
	while (!err && (section = next_relocations(file->elf, section))) {
		Elf_Data *data = section_data(section);

		for (size_t i = 0; i < relocation_count(data) && found < room; i++) {
			GElf_Sym symbol;

			if (slot_symbol(data, i, &symbols, &ret_slots[found].vaddr, &symbol) &&
			    sought_find(&sought, &symbols, symbol.st_name, &ret_slots[found].name))
				found++;
		}
	}
	return err ? err : (int)found;
}

bool elf_file_stub(const struct elf_file *file, uint64_t vaddr, uint64_t *ret_slot)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t bytes[16];
	long size = elf_file_read(file, vaddr, bytes, sizeof(bytes));
	int32_t distance;
	long at = 0;

	if (size >= (long)sizeof(endbr64) && memcmp(bytes, endbr64, sizeof(endbr64)) == 0)
		at = sizeof(endbr64);
	if (at < size && bytes[at] == 0xf2) /* bnd */
		at++;
	if (size - at < 6 || bytes[at] != 0xff || bytes[at + 1] != 0x25)
		return false;
	memcpy(&distance, bytes + at + 2, sizeof(distance));
	*ret_slot = vaddr + at + 6 + (int64_t)distance;
	return true;
}

int elf_file_slot_map(const struct elf_file *file, struct map *ret_slots)
{
	struct table symbols = { 0 };
	Elf_Scn *section = NULL;
	int err = open_table(file->elf, SHT_DYNSYM, &symbols);

	if (err == -ENOENT)
		return 0;
	while (!err && (section = next_relocations(file->elf, section))) {
		Elf_Data *data = section_data(section);

		for (size_t i = 0; i < relocation_count(data) && !err; i++) {
			uint64_t slot;
			GElf_Sym symbol;
			GElf_Rela row;

			if (ret_slots->count < ELF_MAX_SLOTS &&
			    slot_symbol(data, i, &symbols, &slot, &symbol) &&
			    gelf_getrela(data, (int)i, &row))
				err = map_set(ret_slots, slot, (uint32_t)GELF_R_SYM(row.r_info));
		}
	}
	return err;
}

/* Dynamic symbol `number`. */
static bool dynamic_symbol(const struct elf_file *file, uint32_t number, struct table *ret_symbols,
			   GElf_Sym *ret_symbol)
{
	return open_table(file->elf, SHT_DYNSYM, ret_symbols) == 0 && number <= INT32_MAX &&
	       gelf_getsym(ret_symbols->symbols, (int)number, ret_symbol);
}

int elf_file_symbol_goal(const struct elf_file *file, uint32_t number, uint64_t *ret_vaddr)
{
	struct table symbols = { 0 };
	GElf_Sym symbol;

	if (!dynamic_symbol(file, number, &symbols, &symbol) || symbol.st_shndx == SHN_UNDEF)
		return -ENOENT;
	*ret_vaddr = symbol.st_value;
	return 0;
}

bool elf_file_symbol_is(const struct elf_file *file, uint32_t number, const char *const *names,
			size_t count)
{
	struct table symbols = { 0 };
	GElf_Sym symbol;

	if (!dynamic_symbol(file, number, &symbols, &symbol))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (name_fit(&symbols, symbol.st_name, names[i], strlen(names[i])))
			return true;
	}
	return false;
}
