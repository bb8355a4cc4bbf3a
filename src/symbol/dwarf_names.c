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
 * The files may be the target's own. libdw gets them as elf_flat.c makes them, of
 * bounded size. A line program makes up to a row per byte, so its length is looked
 * at before libdw runs it. What depends on contents is bounded by time: see struct
 * dwarf_budget.
 */
#include "symbol/dwarf_names.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "symbol/dwarf_scopes.h"
#include "symbol/dwarf_units.h"
#include "symbol/elf_flat.h"

#define MAX_LINE_PROGRAM (8u << 20) /* bytes of one; sqlite's, a large one, has 0.4 MB */
#define BUDGET_NS 8000000000ull

struct unit {
	Dwarf_Die die;
	struct dwarf_scopes scopes;
	bool has_lines;
};

/* An open file with DWARF. */
struct file {
	struct elf_flat flat;
	Elf *elf;
	Dwarf *dwarf;
};

struct dwarf_names {
	struct file main, alt;
	const unsigned char *line_bytes; /* .debug_line */
	size_t line_size;
	struct dwarf_units table;
	struct dwarf_budget budget;
	struct unit *units; /* those asked for */
	size_t unit_count, unit_capacity;
	struct map by_offset; /* of the unit's DIE */
};

/* Section `name` of `elf`, or NULL. */
static Elf_Scn *find_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *name = gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS
					   ? elf_strptr(elf, names, header.sh_name)
					   : NULL;

		if (name && strcmp(name, wanted) == 0)
			break;
	}
	return section;
}

static int open_file(int fd, struct file *file, bool is_alt)
{
	int r = elf_flat_read(fd, &file->flat);

	if (r < 0)
		return r;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	file->elf = elf_memory((char *)file->flat.bytes, file->flat.size);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF)
		return -ENOEXEC;
	if (!find_section(file->elf, ".debug_info"))
		return -ENOENT;
	/* The moved part moved again would be opened by libdw, by a hostile name. */
	if (is_alt && find_section(file->elf, ".gnu_debugaltlink"))
		return -ENOEXEC;
	file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	return file->dwarf ? 0 : -ENOEXEC;
}

static void close_file(struct file *file)
{
	dwarf_end(file->dwarf);
	elf_end(file->elf);
	elf_flat_free(&file->flat);
}

static void find_lines(struct dwarf_names *names)
{
	Elf_Scn *section = find_section(names->main.elf, ".debug_line");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;

	if (data && data->d_buf) {
		names->line_bytes = data->d_buf;
		names->line_size = data->d_size;
	}
}

int dwarf_names_open(int fd, int alt_fd, struct dwarf_names **ret_names)
{
	struct dwarf_names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	r = open_file(fd, &names->main, false);
	if (r == 0 && alt_fd >= 0) {
		r = open_file(alt_fd, &names->alt, true);
		if (r == 0)
			dwarf_setalt(names->main.dwarf, names->alt.dwarf);
	}
	if (r == 0) {
		find_lines(names);
		dwarf_budget_start(&names->budget, BUDGET_NS);
		r = dwarf_units_read(&names->table, names->main.dwarf, &names->budget);
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
	close_file(&names->main);
	close_file(&names->alt);
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
	if (!dwarf_offdie(names->main.dwarf, offset, &unit->die))
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
		const char *name =
			dwarf_formstring(dwarf_attr_integrate(die, mangled[i], &attribute));

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

		if (!dwarf_offdie(names->main.dwarf, row->die, &die))
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
