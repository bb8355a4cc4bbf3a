/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The very file that a process has mapped, whatever its path names by now. */
#ifndef OUTLIVE_TARGET_MAPPED_FILE_H
#define OUTLIVE_TARGET_MAPPED_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "target/maps.h"

/*
 * Open a regular file for reading; nothing else is even opened, since opening a pipe
 * may hang and opening a device may do anything. Returns a descriptor the caller
 * closes and fills *ret_stat; -EINVAL when it is no regular file, or another -errno.
 */
int regular_file_open(const char *path, struct stat *ret_stat);

/*
 * Open the file behind a mapping of process `pid`. /proc/PID/map_files leads to that
 * very file, also when it was deleted or lies in another mount namespace (proc(5));
 * it needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. Otherwise by name, in the target's
 * root and in ours, if that is still the same file. Returns and errors as above.
 */
int mapped_file_open(uint32_t pid, const struct mapping *row, struct stat *ret_stat);

#endif
