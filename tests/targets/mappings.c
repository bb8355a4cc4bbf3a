/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mappings SCENARIO: maps, unmaps and moves anonymous memory; the truth is how
 * many bytes and ranges are the program's own in the end. Nothing here calls malloc.
 */
#include <sys/mman.h>

#include "target.h"

#define PAGE ((size_t)4096)

static uint64_t mapped_bytes, mapped_ranges; /* ranges 0: whether neighbours merge is free */
static bool healthy = true;

static void expect(bool condition)
{
	if (!condition)
		healthy = false;
}

static char *map(size_t pages, int protection, int flags, void *where)
{
	void *range;

	flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	range = mmap(where, pages * PAGE, protection, flags, -1, 0);
	if (range == MAP_FAILED)
		_exit(94);
	return range;
}

/* A hole in a range that itself lies over a reservation, which is no memory. */
static void partial_munmap(void)
{
	char *fence = map(64, PROT_NONE, 0, NULL);
	char *range = map(16, PROT_READ | PROT_WRITE, MAP_FIXED, fence + 8 * PAGE);

	expect(munmap(range + 5 * PAGE, 3 * PAGE) == 0);
	expect(munmap(range + 1, PAGE) == -1);
	mapped_bytes = 13 * PAGE;
	mapped_ranges = 2;
}

static void map_fixed_over(void)
{
	char *range = map(32, PROT_READ | PROT_WRITE, 0, NULL);

	map(7, PROT_READ, MAP_FIXED, range + 3 * PAGE);
	map(5, PROT_NONE, MAP_FIXED, range + 20 * PAGE);
	mapped_bytes = 27 * PAGE;
}

static void remap(void)
{
	char *range = map(16, PROT_READ | PROT_WRITE, 0, NULL);
	char *moved;

	map(1, PROT_READ, 0, NULL);
	moved = mremap(range, 16 * PAGE, 4099 * PAGE, MREMAP_MAYMOVE);
	expect(moved != MAP_FAILED);
	expect(mremap(moved, 4099 * PAGE, 101 * PAGE, 0) == moved);
	expect(mremap(moved, 101 * PAGE, (size_t)1 << 62, MREMAP_MAYMOVE) == MAP_FAILED);
	mapped_bytes = 102 * PAGE;
}

static const struct scenario {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "partial_munmap", partial_munmap },
	{ "map_fixed_over", map_fixed_over },
	{ "remap", remap },
};

int main(int argc, char **argv)
{
	target_ready(argc, argv);
	for (size_t i = 0; argc > 1 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (strcmp(argv[1], scenarios[i].name) == 0)
			scenarios[i].run();
	}
	expect(mapped_bytes > 0);
	target_print("{\"truth\":{\"mapped_bytes\":%ju,\"mapped_ranges\":%ju,\"healthy\":%s}}\n",
		     (uintmax_t)mapped_bytes, (uintmax_t)mapped_ranges, healthy ? "true" : "false");
	target_finish();
}
