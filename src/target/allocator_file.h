/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file: its allocator functions and where their probes go. */
#ifndef OUTLIVE_TARGET_ALLOCATOR_FILE_H
#define OUTLIVE_TARGET_ALLOCATOR_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "target/allocator.h"

/*
 * allocator_inspect() of the open file `fd`, which becomes the allocator file's, or is
 * closed on failure. `stat` is of it.
 */
int allocator_take(const char *path, int fd, const struct stat *stat, bool program,
		   struct allocator_file *ret_file);

#endif
