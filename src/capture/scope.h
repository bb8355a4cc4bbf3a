/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are to be traced, where they are not named by pid. */
#ifndef OUTLIVE_CAPTURE_SCOPE_H
#define OUTLIVE_CAPTURE_SCOPE_H

#include <limits.h>

#include "capture/capture.h"

/* Is a process called `comm` wanted, as far as names go? A pattern longer than a name can be
 * stands for its beginning, as the kernel keeps it. */
bool scope_name_wanted(const struct capture_options *options, const char *comm);

/* The current name of `pid`. Returns 0, -ESRCH, or -EINVAL for a kernel thread. */
int scope_read_name(uint32_t pid, char comm[WIRE_COMM_BYTES]);

/*
 * The directory of a cgroup in the v2 hierarchy, given by its own path or by that from the
 * hierarchy's root. Returns 0 with it in `buffer`, or -ENOENT with `error` filled when there
 * is no such cgroup.
 */
int scope_cgroup(const char *path, char buffer[PATH_MAX], struct error *error);

/*
 * The processes of the scope that there are now, by name and user too, ourselves left out.
 * Returns 0 with *ret_pids, which the caller frees, and *ret_count; or with `error` filled the
 * -errno of reading /proc or the cgroup, or -ENOMEM.
 */
int scope_list(const struct capture_options *options, uint32_t **ret_pids, size_t *ret_count,
	       struct error *error);

#endif
