/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as a process sees them, opened without falling for its links. */
#ifndef OUTLIVE_SYMBOL_ROOT_H
#define OUTLIVE_SYMBOL_ROOT_H

#include <sys/stat.h>

/*
 * Open the regular file `path` below the root folder `root` ("/", "/proc/42/root")
 * for reading. Links are followed as from within that root and never out of it,
 * which a plain open of "/proc/42/root/tmp/x" would do; a FIFO or device is not
 * opened at all. Returns a descriptor the caller closes and, where ret_stat is not
 * NULL, fills *ret_stat; -EINVAL when it is no regular file, or another -errno.
 */
int root_open(const char *root, const char *path, struct stat *ret_stat);

#endif
