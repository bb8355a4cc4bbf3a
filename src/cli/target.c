/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/target.h"

#include <limits.h>

#include "capture/scope.h"

int target_of_options(const struct options *options, struct capture_options *ret_capture,
		      struct error *error)
{
	static char cgroup[PATH_MAX];

	ret_capture->scope = options->cgroup ? SCOPE_CGROUP : options->all ? SCOPE_ALL : SCOPE_PIDS;
	ret_capture->pids = options->pids;
	ret_capture->pid_count = options->pid_count;
	ret_capture->names = options->names;
	ret_capture->name_count = options->name_count;
	ret_capture->not_names = options->not_names;
	ret_capture->not_name_count = options->not_name_count;
	ret_capture->users = options->users;
	ret_capture->user_count = options->user_count;
	/* Children of what is in a scope are in it themselves. */
	ret_capture->follow = !options->no_follow || ret_capture->scope != SCOPE_PIDS;
	if (!options->cgroup)
		return 0;
	ret_capture->cgroup = cgroup;
	return scope_cgroup(options->cgroup, cgroup, error);
}
