/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF describes a unit as a tree of DIEs ("debugging information entries").
 * Functions are DW_TAG_subprogram with ranges of code; below them, perhaps inside
 * of blocks, DW_TAG_inlined_subroutine are the places where the compiler put the
 * body of another function, again with ranges, and with the line of the call that
 * is no more. So the scopes whose ranges hold an address, from the innermost out,
 * are the stack that the source code had there.
 */
#include "symbol/dwarf_scopes.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

#define MAX_SCOPES (1u << 22) /* of one unit */
#define MAX_DEPTH 96	      /* of the tree; deeper DIEs are not looked at */
#define MAX_NESTING 256	      /* outer extents tried */

/* Can a DIE of this kind have functions or inlined calls below it? */
static bool is_way_down(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust: functions of an enum */
		return true;
	default:
		return false;
	}
}

static int add_extents(struct dwarf_scopes *table, Dwarf_Die *die, uint32_t scope, uint32_t depth,
		       struct dwarf_budget *budget)
{
	Dwarf_Addr base = 0, low, high;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		if (table->extent_count == MAX_SCOPES || !dwarf_budget_step(budget))
			return -E2BIG;
		if (low == 0 || low >= high)
			continue;
		if (VEC_PUSH_ROOM(table->extents, table->extent_count, table->extent_capacity) < 0)
			return -ENOMEM;
		table->extents[table->extent_count++] = (struct dwarf_extent){
			.low = low, .high = high, .scope = scope, .depth = depth
		};
	}
	return 0;
}

/* *scope is the scope that `die` lies in; if it opens one with code, that one then. */
static int add_scope(struct dwarf_scopes *table, Dwarf_Die *die, uint32_t *scope, uint32_t depth,
		     struct dwarf_budget *budget)
{
	int tag = dwarf_tag(die), r;
	size_t extents = table->extent_count;

	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return 0;
	if (table->scope_count == MAX_SCOPES)
		return -E2BIG;
	r = add_extents(table, die, (uint32_t)table->scope_count, depth, budget);
	if (r < 0)
		return r;
	/* What is declared here, or is only ever inlined elsewhere, holds no code. */
	if (table->extent_count == extents)
		return 0;
	if (VEC_PUSH_ROOM(table->scopes, table->scope_count, table->scope_capacity) < 0) {
		table->extent_count = extents;
		return -ENOMEM;
	}
	table->scopes[table->scope_count] = (struct dwarf_scope){
		.die = dwarf_dieoffset(die),
		.parent = tag == DW_TAG_subprogram ? DWARF_NO_SCOPE : *scope,
	};
	*scope = (uint32_t)table->scope_count++;
	return 0;
}

static int walk(struct dwarf_scopes *table, Dwarf_Die *unit, struct dwarf_budget *budget)
{
	struct level {
		Dwarf_Die die;
		uint32_t scope; /* that die lies in */
	} levels[MAX_DEPTH];
	uint32_t depth = 0;

	if (dwarf_child(unit, &levels[0].die) != 0)
		return 0;
	levels[0].scope = DWARF_NO_SCOPE;
	for (;;) {
		struct level *level = &levels[depth];
		Dwarf_Off offset = dwarf_dieoffset(&level->die);
		uint32_t scope = level->scope;
		int r;

		if (!dwarf_budget_step(budget))
			return -E2BIG;
		r = add_scope(table, &level->die, &scope, depth, budget);
		if (r < 0)
			return r;
		if (depth + 1 < MAX_DEPTH && is_way_down(dwarf_tag(&level->die)) &&
		    dwarf_child(&level->die, &levels[depth + 1].die) == 0) {
			levels[++depth].scope = scope;
			continue;
		}
		/* A sibling is told by its place, which could lead back: only forward is a way. */
		while (dwarf_siblingof(&levels[depth].die, &levels[depth].die) != 0 ||
		       dwarf_dieoffset(&levels[depth].die) <= offset) {
			if (depth-- == 0)
				return 0;
			offset = dwarf_dieoffset(&levels[depth].die);
		}
	}
}

static int compare_extents(const void *left, const void *right)
{
	const struct dwarf_extent *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high)
		return a->high > b->high ? -1 : 1;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->scope > b->scope) - (a->scope < b->scope);
}

int dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *unit, struct dwarf_budget *budget)
{
	uint32_t open = DWARF_NO_SCOPE;
	int r = walk(scopes, unit, budget);

	if (scopes->extent_count)
		qsort(scopes->extents, scopes->extent_count, sizeof(*scopes->extents),
		      compare_extents);
	for (size_t i = 0; i < scopes->extent_count; i++) {
		while (open != DWARF_NO_SCOPE && scopes->extents[open].high <= scopes->extents[i].low)
			open = scopes->extents[open].outer;
		scopes->extents[i].outer = open;
		open = (uint32_t)i;
	}
	return r;
}

void dwarf_scopes_free(struct dwarf_scopes *scopes)
{
	free(scopes->scopes);
	free(scopes->extents);
	*scopes = (struct dwarf_scopes){ 0 };
}

uint32_t dwarf_scopes_find(const struct dwarf_scopes *scopes, uint64_t vaddr)
{
	size_t low = 0, high = scopes->extent_count;
	uint32_t index;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scopes->extents[middle].low <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	index = low ? (uint32_t)(low - 1) : DWARF_NO_SCOPE;
	for (unsigned int i = 0; i < MAX_NESTING && index != DWARF_NO_SCOPE; i++) {
		const struct dwarf_extent *extent = &scopes->extents[index];

		if (vaddr < extent->high)
			return extent->scope;
		index = extent->outer;
	}
	return DWARF_NO_SCOPE;
}
