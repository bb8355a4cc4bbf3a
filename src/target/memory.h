/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a running process, as it is at this moment. */
#ifndef OUTLIVE_TARGET_MEMORY_H
#define OUTLIVE_TARGET_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Read `size` bytes at `address` of process `pid`, all of them or none. Returns 0;
 * -EFAULT when something there is not mapped or not readable; -ESRCH no such
 * process; -EPERM not permitted. `buffer` may be written on failure too.
 */
int memory_read(uint32_t pid, uint64_t address, void *buffer, size_t size);

#endif
