/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive doctor -p: the allocators of one process. */
#ifndef OUTLIVE_CLI_DOCTOR_ALLOCATORS_H
#define OUTLIVE_CLI_DOCTOR_ALLOCATORS_H

#include <stdint.h>

#include "target/allocator.h"

/*
 * Print every file of `list`, those of process `pid`: which functions get a probe, where
 * and why, and which do not; how often a call stops; and whose malloc the program calls.
 */
void doctor_allocators(uint32_t pid, const struct allocator_list *list);

#endif
