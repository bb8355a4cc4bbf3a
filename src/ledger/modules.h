/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that one process has mapped executable.
 *
 * Addresses are used again: a library is loaded where another one was, or a program runs another by
 * exec. Stacks that came before are still of the file before, so what it was is kept, moved to
 * addresses that no process has (bit 63 set, below it a number of the move, which are not
 * canonical: AMD64 manual 2, 1.1.3) with the frames that lie in it. Distances, and so names,
 * stay what they were.
 */
#ifndef OUTLIVE_LEDGER_MODULES_H
#define OUTLIVE_LEDGER_MODULES_H

#include <stddef.h>
#include <stdint.h>

#define MODULES_MAX 65536
#define MODULES_MOVES_MAX 32767
#define MODULE_MOVE_SHIFT 48

struct module {
	uint64_t start, end, bias;
	uint64_t since_ns; /* when it was seen there */
	char *path, *open_path, *build_id;
};

/* All zeroes is an empty table. */
struct modules {
	struct module *rows; /* sorted by start, without overlap */
	size_t count, capacity;
	uint32_t moves; /* made so far */
};

struct stacks;

/* Where an address was before it was moved; one that was not is as it is. */
static inline uint64_t module_address(uint64_t address)
{
	return address >> 63 ? address & ((1ull << MODULE_MOVE_SHIFT) - 1) : address;
}

void modules_clear(struct modules *modules);

/*
 * Add a module; strings (NULL: "") are copied, cut at PATH_MAX. What lay there
 * before was unmapped: another file that is in `stacks` is moved away with its frames, else it is
 * dropped, as it is when there were too many moves. Returns 0, -EINVAL for an empty range or
 * one beyond what processes have,
 * -ENOSPC beyond MODULES_MAX, or -ENOMEM; the table is unchanged then.
 */
int modules_add(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
		uint64_t bias, uint64_t since_ns, const char *path, const char *open_path,
		const char *build_id);

/* [start, end) was unmapped at `time_ns`: move away what was seen there before. */
void modules_unmap(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
		   uint64_t time_ns);

/* Another program runs: move them all away. */
void modules_move_all(struct modules *modules, struct stacks *stacks);

/* Make `to`, which is empty, a copy of `from`. Returns 0 or -ENOMEM. */
int modules_copy(struct modules *to, const struct modules *from);

#endif
