/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where stacks begin, in files that do not say so.
 *
 * A walk is complete when it comes to the outermost frame. glibc marks that by an undefined
 * return address in .eh_frame; its dynamic linker, and musl as a whole, carry no unwind
 * information for the code that begins a program or a thread. That code is found here:
 *
 *  - the entry point of the file (System V ABI for x86-64, 3.4.1: the stack holds argc, so
 *    nothing called it), known by its first instructions;
 *  - in musl, what __libc_start_main() and pthread_create() hand on by address: the function that
 *    calls main(), and the one that a new thread begins with. Both tables of symbols are looked
 *    through for the two; a static program without symbols has them no more, and stacks
 *    in it stay marked as incomplete.
 */
#ifndef OUTLIVE_CAPTURE_STACK_STARTS_H
#define OUTLIVE_CAPTURE_STACK_STARTS_H

#include <stddef.h>
#include <stdint.h>

#include "capture/elf_image.h"

#define STACK_STARTS_MOST 16

struct stack_start {
	uint64_t start, end; /* ELF virtual addresses of code that nothing calls */
};

/*
 * Find them. Unwind information, where there is some, is to be believed more: this does not look at it.
 * Fills at most STACK_STARTS_MOST of `ret_starts`, which may touch or overlap each
 * other. Returns how many; a file that cannot be read or makes no sense has none.
 */
size_t stack_starts_find(const struct elf_image *image,
			 struct stack_start ret_starts[STACK_STARTS_MOST]);

#endif
