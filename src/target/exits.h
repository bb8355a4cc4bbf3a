/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a function returns.
 *
 * A return probe puts a trampoline where the return address was. A C++ exception that
 * leaves the function finds it there, and the unwinder ends the program. So functions
 * that exceptions may leave are probed where their calls end instead, and nothing on the
 * stack is touched.
 *
 * That is at their return instructions, which the kernel single-steps: dear. Better, where
 * there is one, is the last conditional jump before: the kernel emulates it, and if from
 * there on the code runs straight to the return instruction and only moves registers, it
 * is known by then which register has the result. Allocators end so when all goes well.
 */
#ifndef OUTLIVE_TARGET_EXITS_H
#define OUTLIVE_TARGET_EXITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

#define EXITS_MAX 64 /* a function that has more is not probed */

struct exit_site {
	uint64_t vaddr;	 /* of the instruction */
	uint64_t cookie; /* leave_pack() of outlive/wire.h */
	bool is_return;	 /* a return instruction: single-stepped */
};

/*
 * Follow the code of `file` from `entry` on, also to where it jumps out of the function
 * (a tail call returns for it), but not into `stops`, other functions by address. Fills
 * ret_sites[EXITS_MAX], each instruction once. Returns how many; -ENOENT when there are
 * none; -E2BIG when there is too much to follow; -ENOMEM. A jump through a pointer is not
 * followed: a call that ends that way is not seen to return. Neither is one into another
 * file. `begin` is where the call's beginning is probed: the same place cannot be its end.
 */
int exits_find(const struct elf_file *file, uint64_t entry, uint64_t begin, const uint64_t *stops,
	       size_t stop_count, struct exit_site *ret_sites);

#endif
