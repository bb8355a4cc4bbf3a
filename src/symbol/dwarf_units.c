/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/dwarf_units.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/vec.h"

#define MAX_RANGES (1u << 22) /* of one file; Chromium has some hundred thousand */
#define CLOCK_STEPS 256	      /* between looks at the clock, which costs a system call */

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void dwarf_budget_start(struct dwarf_budget *budget, uint64_t ns)
{
	*budget = (struct dwarf_budget){ .until_ns = cpu_ns() + ns };
}

bool dwarf_budget_step(struct dwarf_budget *budget)
{
	if (!budget->spent && budget->steps++ % CLOCK_STEPS == 0)
		budget->spent = cpu_ns() > budget->until_ns;
	return !budget->spent;
}

static int add_unit(struct dwarf_units *units, Dwarf_Die *unit, struct dwarf_budget *budget)
{
	Dwarf_Addr base = 0, low, high;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(unit, offset, &base, &low, &high)) > 0) {
		if (units->count == MAX_RANGES || !dwarf_budget_step(budget))
			return -E2BIG;
		/* The linker leaves the ranges of functions it dropped at address 0. */
		if (low == 0 || low >= high)
			continue;
		if (VEC_PUSH_ROOM(units->rows, units->count, units->capacity) < 0)
			return -ENOMEM;
		units->rows[units->count++] = (struct dwarf_unit_range){
			.low = low, .high = high, .unit = dwarf_dieoffset(unit)
		};
	}
	return 0;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct dwarf_unit_range *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return (a->unit > b->unit) - (a->unit < b->unit);
}

int dwarf_units_read(struct dwarf_units *units, Dwarf *dwarf, struct dwarf_budget *budget)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r = 0;

	/* The last argument is NULL: libdw would open the file that a unit names (.dwo). */
	while (r == 0 && dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
		if (!dwarf_budget_step(budget))
			r = -E2BIG;
		else if (type == DW_UT_compile || type == DW_UT_skeleton)
			r = add_unit(units, &die, budget);
	}
	if (units->count)
		qsort(units->rows, units->count, sizeof(*units->rows), compare_ranges);
	return r;
}

void dwarf_units_free(struct dwarf_units *units)
{
	free(units->rows);
	*units = (struct dwarf_units){ 0 };
}

bool dwarf_units_find(const struct dwarf_units *units, uint64_t vaddr, Dwarf_Off *ret_unit)
{
	size_t low = 0, high = units->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (units->rows[middle].low <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || vaddr >= units->rows[low - 1].high)
		return false;
	*ret_unit = units->rows[low - 1].unit;
	return true;
}
