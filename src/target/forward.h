/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does an allocator function pass its call on to another one?
 *
 * libstdc++'s operator new calls malloc, jemalloc's operator delete jumps to free. One
 * that always does needs no probe: what it calls has one, and a second probe would
 * double the price. One that sometimes does, and frees, needs a return probe, or its
 * block would be freed twice. Both are read off the code: every way through the
 * function from its entry on is followed.
 */
#ifndef OUTLIVE_TARGET_FORWARD_H
#define OUTLIVE_TARGET_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/* What counts as the other function. */
struct forward_targets {
	const uint64_t *entries; /* functions of the file, by address */
	size_t entry_count;
	const uint64_t *slots; /* and where the file keeps addresses of others' functions */
	size_t slot_count;
	/* Calls through pointers may reach one too: the file asks the dynamic linker for
	 * functions by name. */
	bool by_pointer;
};

struct forward_code {
	const uint8_t *bytes; /* from the function's entry on */
	size_t size;
	uint64_t vaddr; /* of the entry */
};

enum forward {
	FORWARD_NEVER,	   /* as far as its own code tells */
	FORWARD_SOMETIMES, /* or always, but with another first argument */
	FORWARD_ALWAYS,	   /* every way to its end goes through such a call, that end apart where
			    * it does not return */
};

/*
 * Follow `code` of `file` (which the stubs of its procedure linkage table are read
 * from). `keeps_argument`: only calls that find the first argument untouched count for
 * FORWARD_ALWAYS. Code that cannot be read or decoded counts as an end.
 */
enum forward forward_find(const struct elf_file *file, const struct forward_code *code,
			  const struct forward_targets *targets, bool keeps_argument);

#endif
