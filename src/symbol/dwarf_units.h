/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which compilation unit of a file's DWARF has the code at an address? */
#ifndef OUTLIVE_SYMBOL_DWARF_UNITS_H
#define OUTLIVE_SYMBOL_DWARF_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CPU time that the DWARF of one file may still cost. Its tables may be made to
 * be read again and again (one list of ranges shared by a million units), which
 * no bound on sizes prevents.
 */
struct dwarf_budget {
	uint64_t until_ns; /* of the thread's CPU time */
	uint32_t steps;
	bool spent;
};

void dwarf_budget_start(struct dwarf_budget *budget, uint64_t ns);

/* Count a step. Returns false, now and ever after, when the time is up. */
bool dwarf_budget_step(struct dwarf_budget *budget);

struct dwarf_unit_range {
	uint64_t low, high;
	Dwarf_Off unit; /* offset of the unit's DIE in .debug_info */
};

/* All zeroes is an empty table. */
struct dwarf_units {
	struct dwarf_unit_range *rows; /* by low; overlaps are the file's fault */
	size_t count, capacity;
};

/*
 * Read the ranges of all units. .debug_aranges would be quicker to read, but
 * clang does not write it. Returns 0, -ENOMEM, or -E2BIG beyond bounds (what was
 * read until then stays).
 */
int dwarf_units_read(struct dwarf_units *units, Dwarf *dwarf, struct dwarf_budget *budget);
void dwarf_units_free(struct dwarf_units *units);

/* The unit with code at `vaddr`: true and the offset of its DIE. */
bool dwarf_units_find(const struct dwarf_units *units, uint64_t vaddr, Dwarf_Off *ret_unit);

#endif
