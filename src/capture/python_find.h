/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there a CPython interpreter in a process, which version, and where are its parts? */
#ifndef OUTLIVE_CAPTURE_PYTHON_FIND_H
#define OUTLIVE_CAPTURE_PYTHON_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/binaries.h"
#include "capture/python_layout.h"

struct python_found {
	struct python_layout layout;
	uint64_t head; /* address of the pointer to the first interpreter state */
	struct event_range eval[EVENT_PYTHON_RANGES]; /* machine code of the eval function */
	struct event_range own[EVENT_PYTHON_RANGES];  /* of the interpreter as a whole */
};

/* Does this file hold the interpreter (libpython, or a program that it is linked into)? */
bool python_in_file(const struct elf_file *elf);

/*
 * Find the parts of the interpreter that `mapping`, of which python_in_file() said
 * yes, brings into a process. Returns 0 and *ret_found; -ENOTSUP when its version
 * (ret_found->layout.version; 0 not found out) is not supported; -ENOENT when a symbol that is needed is missing.
 */
int python_find(const struct binary_mapping *mapping, struct python_found *ret_found);

/*
 * The version in a file's name: "libpython3.6m.so.1.0", "python2.7". 0: none.
 */
uint32_t python_version_of_name(const char *path);

/*
 * Where a thread of process `pid` keeps its thread state, from its thread pointer:
 * found by looking where the existing threads have theirs. Returns that offset (for
 * python_process.tss); 0 when no thread has run Python yet or the C library is not
 * one that we know; -EBADMSG when memory does not look as `found` says.
 */
int python_find_slot(uint32_t pid, const struct python_found *found);

#endif
