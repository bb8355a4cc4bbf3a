/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the options say is to be traced, as a capture takes it. */
#ifndef OUTLIVE_CLI_TARGET_H
#define OUTLIVE_CLI_TARGET_H

#include "cli/options.h"

/*
 * Fill the part of *ret_capture that says which processes. It points into `options` and to
 * memory of this module's. Returns 0, or -ENOENT with `error` filled: no such cgroup.
 */
int target_of_options(const struct options *options, struct capture_options *ret_capture,
		      struct error *error);

#endif
