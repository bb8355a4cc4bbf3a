/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of one compilation unit, and what was inlined into them. */
#ifndef OUTLIVE_SYMBOL_DWARF_SCOPES_H
#define OUTLIVE_SYMBOL_DWARF_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/dwarf_units.h"

#define DWARF_NO_SCOPE UINT32_MAX

/* A function with code of its own, or one inlined into another. */
struct dwarf_scope {
	Dwarf_Off die;
	uint32_t parent; /* what it is inlined into; DWARF_NO_SCOPE for a function of its own */
};

/* Code of a scope: some have several pieces. */
struct dwarf_extent {
	uint64_t low, high;
	uint32_t scope;
	uint32_t depth;
	uint32_t outer; /* an earlier extent that may reach beyond this one's start */
};

/* All zeroes is an empty table. */
struct dwarf_scopes {
	struct dwarf_scope *scopes;
	size_t scope_count, scope_capacity;
	struct dwarf_extent *extents; /* by low, outer before inner */
	size_t extent_count, extent_capacity;
};

/*
 * Read the unit whose DIE is `unit`, once through; libdw's dwarf_getscopes would
 * walk it again for each address. Returns 0, -ENOMEM, or -E2BIG beyond bounds
 * (what was read until then stays).
 */
int dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *unit, struct dwarf_budget *budget);
void dwarf_scopes_free(struct dwarf_scopes *scopes);

/* The index of the innermost scope with code at `vaddr`, or DWARF_NO_SCOPE. */
uint32_t dwarf_scopes_find(const struct dwarf_scopes *scopes, uint64_t vaddr);

#endif
