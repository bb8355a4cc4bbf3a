/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions of a file get a probe, and where. */
#ifndef OUTLIVE_TARGET_ALLOCATOR_PLAN_H
#define OUTLIVE_TARGET_ALLOCATOR_PLAN_H

#include <stdbool.h>

#include "target/allocator.h"

/*
 * Fill in the functions of `file`, whose contents are `elf`; `program`: it is a main
 * program. Returns 0; -ENODATA when it has none; -ENOEXEC; -ENOMEM. What was filled in is
 * released by allocator_file_free() either way.
 */
int allocator_plan(struct allocator_file *file, const struct elf_file *elf, bool program);

#endif
