/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probe planner: at which instruction of a function to put the probe.
 * Why it matters and what the rules are: see the lecture in planner.c.
 */
#ifndef OUTLIVE_TARGET_PLANNER_H
#define OUTLIVE_TARGET_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANNER_WINDOW 64   /* a site lies less than this many bytes after the entry */
#define PLANNER_LOOK 4096 /* more code than this is not searched for branches back */

struct probe_request {
	const uint8_t *code; /* from the function's entry on, as in the file */
	size_t size;	     /* bytes of code; those after PLANNER_LOOK are not looked at */
	uint64_t vaddr;	     /* of the entry: only for the text of the instruction */
	uint8_t arguments;   /* which must be intact: bit 0 = first (rdi), 1 = rsi, 2 = rdx, 3 = rcx */
	bool with_return;    /* a return probe sits at the same place */
};

/* Where an argument may be found at a site; the first four in the order of arguments. */
enum probe_register {
	PROBE_NOWHERE,
	PROBE_RDI,
	PROBE_RSI,
	PROBE_RDX,
	PROBE_RCX,
	PROBE_RAX,
};

struct probe_site {
	uint16_t offset;      /* from the entry, bytes; always an instruction boundary */
	uint16_t sp_offset;   /* bytes the stack pointer lies below the return address there */
	uint8_t registers[4]; /* where each argument is: enum probe_register */
	bool emulated;	      /* the kernel emulates the instruction: one trap instead of two */
	char instruction[64]; /* for a person; "" when there was nothing to decode */
	char reason[96];      /* why here and not elsewhere, for a person */
};

/* Choose a site. Never fails: with no code that could be decoded, the site is the entry. */
void planner_choose(const struct probe_request *request, struct probe_site *ret_site);

#endif
