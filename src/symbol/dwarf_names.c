/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libdw reads the DWARF; here is what keeps it within bounds, and an index per
 * compilation unit, made when the first address of the unit is asked for:
 *
 *   address -> unit          dwarf_units.c, the whole file once
 *   address -> scopes        dwarf_scopes.c, per unit
 *   address -> file, line    libdw's table of the unit's line program, sorted
 *
 * The line program says where the address itself comes from. For the function
 * around an inlined one that is the place of the call, which the inlined one's
 * DIE tells (DW_AT_call_file, DW_AT_call_line).
 *
 * The files may be the target's own. Sections are read whole, so their size is
 * bounded, also the one that a compressed section claims. A line program makes up
 * to a row per byte, so its length is looked at before libdw runs it. What depends
 * on contents is bounded by time: see struct dwarf_budget.
 */
#include "symbol/dwarf_names.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "symbol/dwarf_scopes.h"
#include "symbol/dwarf_units.h"

#define MAX_DEBUG_BYTES (2ull << 30)	/* of all debug sections, as they are in memory */
#define MAX_EXPANDED_BYTES (1ull << 30) /* of those that are compressed in the file */
#define MAX_LINE_PROGRAM (8u << 20)	/* bytes of one; sqlite's, a large one, has 0.4 MB */
#define BUDGET_NS 8000000000ull

struct unit {
	Dwarf_Die die;
	struct dwarf_scopes scopes;
	bool has_lines;
};

struct dwarf_names {
	Elf *elf, *alt_elf;
	Dwarf *dwarf, *alt;
	int fd, alt_fd;
	const unsigned char *line_bytes; /* .debug_line */
	size_t line_size;
	struct dwarf_units table;
	struct dwarf_budget budget;
	struct unit *units; /* those asked for */
	size_t unit_count, unit_capacity;
	struct map by_offset; /* of the unit's DIE */
};

/* Bytes of a section as libdw will hold it, and whether it is compressed in the file. */
static uint64_t expanded_size(Elf_Scn *section, const GElf_Shdr *header, const char *name,
			      bool *ret_compressed)
{
	GElf_Chdr compression;
	Elf_Data *data;
	uint64_t size = 0;

	*ret_compressed = true;
	if (header->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(section, &compression) ? compression.ch_size : UINT64_MAX;
	*ret_compressed = false;
	if (strncmp(name, ".zdebug", 7) != 0)
		return header->sh_size;
	/* The GNU way before: "ZLIB" and the size as a big-endian number of 8 bytes. */
	*ret_compressed = true;
	data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf || data->d_size < 12)
		return UINT64_MAX;
	for (size_t i = 4; i < 12; i++)
		size = size << 8 | ((const unsigned char *)data->d_buf)[i];
	return size;
}

/* Is what libdw would read of acceptable size? -ENOENT when there is nothing to read. */
static int check_sections(Elf *elf, bool is_alt)
{
	uint64_t total = 0, expanded = 0;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	bool found = false;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return -ENOENT;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;
		bool compressed;
		uint64_t size;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		/* The moved part moved again would be opened by libdw by a hostile name. */
		if (name && is_alt && strcmp(name, ".gnu_debugaltlink") == 0)
			return -ENOEXEC;
		if (!name || (strncmp(name, ".debug_", 7) != 0 && strncmp(name, ".zdebug_", 8) != 0))
			continue;
		if (header.sh_size > MAX_DEBUG_BYTES)
			return -EFBIG;
		size = expanded_size(section, &header, name, &compressed);
		if (size > MAX_DEBUG_BYTES)
			return -EFBIG;
		total += size;
		expanded += compressed ? size : 0;
		if (total > MAX_DEBUG_BYTES || expanded > MAX_EXPANDED_BYTES)
			return -EFBIG;
		found |= strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0;
	}
	return found ? 0 : -ENOENT;
}

static int open_dwarf(int fd, bool is_alt, Elf **ret_elf, Dwarf **ret_dwarf)
{
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	/* Not mapped: a file that shrinks meanwhile must not raise SIGBUS. */
	*ret_elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!*ret_elf || elf_kind(*ret_elf) != ELF_K_ELF)
		return -ENOEXEC;
	r = check_sections(*ret_elf, is_alt);
	if (r < 0)
		return r;
	*ret_dwarf = dwarf_begin_elf(*ret_elf, DWARF_C_READ, NULL);
	return *ret_dwarf ? 0 : -ENOEXEC;
}

/* After libdw opened the file its sections are no longer compressed. */
static void find_line_section(struct dwarf_names *names)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t strings;

	if (elf_getshdrstrndx(names->elf, &strings) != 0)
		return;
	while ((section = elf_nextscn(names->elf, section))) {
		const char *name;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(names->elf, strings, header.sh_name);
		if (!name || (strcmp(name, ".debug_line") != 0 && strcmp(name, ".zdebug_line") != 0))
			continue;
		data = elf_rawdata(section, NULL);
		if (data && data->d_buf) {
			names->line_bytes = data->d_buf;
			names->line_size = data->d_size;
		}
		return;
	}
}

int dwarf_names_open(int fd, int alt_fd, struct dwarf_names **ret_names)
{
	struct dwarf_names *names = calloc(1, sizeof(*names));
	int r;

	if (!names) {
		close(fd);
		if (alt_fd >= 0)
			close(alt_fd);
		return -ENOMEM;
	}
	names->fd = fd;
	names->alt_fd = alt_fd;
	r = open_dwarf(fd, false, &names->elf, &names->dwarf);
	if (r == 0 && alt_fd >= 0) {
		r = open_dwarf(alt_fd, true, &names->alt_elf, &names->alt);
		if (r == 0)
			dwarf_setalt(names->dwarf, names->alt);
	}
	if (r == 0) {
		find_line_section(names);
		dwarf_budget_start(&names->budget, BUDGET_NS);
		r = dwarf_units_read(&names->table, names->dwarf, &names->budget);
	}
	if (r < 0 && r != -E2BIG) {
		dwarf_names_close(names);
		return r;
	}
	*ret_names = names;
	return 0;
}

void dwarf_names_close(struct dwarf_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->unit_count; i++)
		dwarf_scopes_free(&names->units[i].scopes);
	free(names->units);
	map_free(&names->by_offset);
	dwarf_units_free(&names->table);
	dwarf_end(names->dwarf);
	dwarf_end(names->alt);
	elf_end(names->elf);
	elf_end(names->alt_elf);
	close(names->fd);
	if (names->alt_fd >= 0)
		close(names->alt_fd);
	free(names);
}

/*
 * Has the unit a line program, and one of acceptable length? It begins with the
 * length of what follows, 4 bytes or 0xffffffff and 8 (DWARF 5, 7.4 and 6.2.4).
 */
static bool has_lines(const struct dwarf_names *names, Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;
	uint64_t length;
	Dwarf_Word at;
	uint32_t word;

	if (!dwarf_attr(unit, DW_AT_stmt_list, &attribute) ||
	    dwarf_formudata(&attribute, &at) != 0 || names->line_size < 12 ||
	    at > names->line_size - 12)
		return false;
	memcpy(&word, names->line_bytes + at, sizeof(word));
	length = word;
	if (word == UINT32_MAX)
		memcpy(&length, names->line_bytes + at + 4, sizeof(length));
	return length <= MAX_LINE_PROGRAM;
}

/* The unit whose DIE is at `offset`, read on first sight; NULL when it cannot be. */
static struct unit *unit_get(struct dwarf_names *names, Dwarf_Off offset)
{
	struct unit *unit;
	uint32_t index;

	if (map_get(&names->by_offset, offset, &index))
		return &names->units[index];
	if (!dwarf_budget_step(&names->budget) ||
	    VEC_PUSH_ROOM(names->units, names->unit_count, names->unit_capacity) < 0 ||
	    map_set(&names->by_offset, offset, (uint32_t)names->unit_count) < 0)
		return NULL;
	unit = &names->units[names->unit_count++];
	*unit = (struct unit){ .has_lines = false };
	if (!dwarf_offdie(names->dwarf, offset, &unit->die))
		return unit;
	/* Where there is no memory for all of it, what there is will do. */
	dwarf_scopes_read(&unit->scopes, &unit->die, &names->budget);
	unit->has_lines = has_lines(names, &unit->die);
	return unit;
}

static const char *function_name(Dwarf_Die *die)
{
	static const unsigned int mangled[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name };
	Dwarf_Attribute attribute;

	for (size_t i = 0; i < ARRAY_LENGTH(mangled); i++) {
		const char *name = dwarf_formstring(dwarf_attr_integrate(die, mangled[i], &attribute));

		if (name && *name)
			return name;
	}
	return dwarf_diename(die);
}

static uint32_t line_in_range(uint64_t line)
{
	return line <= INT32_MAX ? (uint32_t)line : 0;
}

/* The place of the address itself. */
static void find_line(struct unit *unit, uint64_t vaddr, struct dwarf_frame *frame)
{
	Dwarf_Line *line = unit->has_lines ? dwarf_getsrc_die(&unit->die, vaddr) : NULL;
	int number;

	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (frame->file && dwarf_lineno(line, &number) == 0 && number > 0)
		frame->line = line_in_range((uint64_t)number);
}

/* The place of the call that `inlined` stands for. */
static void find_call(struct unit *unit, Dwarf_Die *inlined, struct dwarf_frame *frame)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	Dwarf_Files *files;
	size_t count;

	if (!unit->has_lines || !dwarf_attr(inlined, DW_AT_call_file, &attribute) ||
	    dwarf_formudata(&attribute, &value) != 0 ||
	    dwarf_getsrcfiles(&unit->die, &files, &count) != 0 || value >= count)
		return;
	frame->file = dwarf_filesrc(files, value, NULL, NULL);
	if (frame->file && dwarf_attr(inlined, DW_AT_call_line, &attribute) &&
	    dwarf_formudata(&attribute, &value) == 0)
		frame->line = line_in_range(value);
}

size_t dwarf_names_lookup(struct dwarf_names *names, uint64_t vaddr, struct dwarf_frame *frames,
			  size_t room)
{
	struct unit *unit;
	Dwarf_Off offset;
	uint32_t scope;
	size_t count = 0;

	if (!dwarf_units_find(&names->table, vaddr, &offset))
		return 0;
	unit = unit_get(names, offset);
	if (!unit)
		return 0;
	scope = dwarf_scopes_find(&unit->scopes, vaddr);
	frames[0] = (struct dwarf_frame){ .line = 0 };
	find_line(unit, vaddr, &frames[0]);
	while (scope != DWARF_NO_SCOPE) {
		const struct dwarf_scope *row = &unit->scopes.scopes[scope];
		Dwarf_Die die;

		if (!dwarf_offdie(names->dwarf, row->die, &die))
			break;
		frames[count++].function = function_name(&die);
		if (row->parent == DWARF_NO_SCOPE || count == room)
			break;
		frames[count] = (struct dwarf_frame){ .line = 0 };
		find_call(unit, &die, &frames[count]);
		scope = row->parent;
	}
	return count ? count : frames[0].file != NULL;
}
