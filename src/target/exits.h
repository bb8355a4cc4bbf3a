/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a function returns: the return instructions that its calls end at.
 *
 * A return probe puts a trampoline where the return address was. A C++ exception that
 * leaves the function finds it there, and the unwinder ends the program. So functions
 * that exceptions may leave are probed at their return instructions instead: dearer
 * (these are single-stepped), but nothing on the stack is touched.
 */
#ifndef OUTLIVE_TARGET_EXITS_H
#define OUTLIVE_TARGET_EXITS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

#define EXITS_MAX 64 /* a function that has more is not probed */

/*
 * Follow the code of `file` from `entry` on, also to where it jumps out of the function
 * (a tail call returns for it), but not into `stops`, other functions by address. Fills
 * ret_sites[EXITS_MAX] with the addresses of the return instructions, each once.
 * Returns how many; -ENOENT when there are none; -E2BIG when there is too much to follow;
 * -ENOMEM. A jump through a pointer is not followed: a call that ends that way is not seen
 * to return. Neither is one into another file.
 */
int exits_find(const struct elf_file *file, uint64_t entry, const uint64_t *stops,
	       size_t stop_count, uint64_t *ret_sites);

#endif
