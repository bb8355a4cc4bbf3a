/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive doctor -p: the allocators of one process. */
#ifndef OUTLIVE_CLI_DOCTOR_ALLOCATORS_H
#define OUTLIVE_CLI_DOCTOR_ALLOCATORS_H

#include "target/allocator.h"

/* Print every file of `list`: which functions get a probe, where and why, and which do not. */
void doctor_allocators(const struct allocator_list *list);

#endif
