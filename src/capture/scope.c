/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/scope.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "target/home.h"
#include "target/process.h"

#define CGROUP_DEPTH 32 /* descriptors that nftw() may hold */

struct list {
	uint32_t *pids;
	size_t count, capacity;
};

static bool matches(const char *pattern, const char *comm)
{
	char beginning[WIRE_COMM_BYTES];

	if (!strpbrk(pattern, "*?[\\")) {
		snprintf(beginning, sizeof(beginning), "%s", pattern);
		return strcmp(beginning, comm) == 0;
	}
	return fnmatch(pattern, comm, 0) == 0;
}

bool scope_name_wanted(const struct capture_options *options, const char *comm)
{
	bool wanted = options->name_count == 0;

	for (size_t i = 0; i < options->name_count && !wanted; i++)
		wanted = matches(options->names[i], comm);
	for (size_t i = 0; i < options->not_name_count && wanted; i++)
		wanted = !matches(options->not_names[i], comm);
	return wanted;
}

int scope_read_name(uint32_t pid, char comm[WIRE_COMM_BYTES])
{
	struct process_stat stat;
	int result = process_read_stat(pid, &stat);

	if (result < 0 || stat.kernel_thread)
		return result < 0 ? result : -EINVAL;
	memcpy(comm, stat.comm, WIRE_COMM_BYTES);
	return 0;
}

static bool user_wanted(const struct capture_options *options, uint32_t pid)
{
	bool wanted = options->user_count == 0;
	uint32_t user;

	if (wanted || home_read_user(pid, &user) < 0)
		return wanted;
	for (size_t i = 0; i < options->user_count && !wanted; i++)
		wanted = options->users[i] == user;
	return wanted;
}

static int consider(const struct capture_options *options, uint32_t pid, struct list *list)
{
	char comm[WIRE_COMM_BYTES];
	int result;

	if (pid == (uint32_t)getpid() || scope_read_name(pid, comm) < 0 ||
	    !scope_name_wanted(options, comm) || !user_wanted(options, pid))
		return 0;
	result = VEC_PUSH_ROOM(list->pids, list->count, list->capacity);
	if (result == 0)
		list->pids[list->count++] = pid;
	return result;
}

static int list_all(const struct capture_options *options, struct list *list)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int result = 0;

	if (!folder)
		return -errno;
	while (result == 0 && (entry = readdir(folder))) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (pid && !*end && pid <= INT32_MAX)
			result = consider(options, (uint32_t)pid, list);
	}
	closedir(folder);
	return result;
}

int scope_cgroup(const char *path, char buffer[PATH_MAX], struct error *error)
{
	/* Where systemd mounts it, alone and beside hierarchies of version 1. */
	static const char *const roots[] = { "", "/sys/fs/cgroup/", "/sys/fs/cgroup/unified/" };
	char file[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LENGTH(roots); i++) {
		/* Only directories of version 2 have this file. */
		if (snprintf(buffer, PATH_MAX, "%s%s", roots[i], path) < PATH_MAX &&
		    snprintf(file, sizeof(file), "%s/cgroup.subtree_control", buffer) <
			    (int)sizeof(file) &&
		    access(file, F_OK) == 0)
			return 0;
	}
	return error_set(error, -ENOENT, "'cat /proc/PID/cgroup' shows that of a process",
			 "there is no cgroup (v2) %.200s", path);
}

/* nftw() hands nothing through to its callback. */
static __thread struct {
	const struct capture_options *options;
	struct list *list;
} walk;

static int visit_cgroup(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	CLEANUP_FREE char *name = NULL;
	uint32_t pid;
	int result = 0;

	(void)stat, (void)where;
	if (kind != FTW_D)
		return 0;
	if (asprintf(&name, "%s/cgroup.procs", path) < 0)
		return -ENOMEM;
	file = fopen(name, "re");
	while (file && result == 0 && fscanf(file, "%" SCNu32, &pid) == 1)
		result = consider(walk.options, pid, walk.list);
	return result;
}

static int list_cgroup(const struct capture_options *options, struct list *list)
{
	int result;

	walk.options = options;
	walk.list = list;
	errno = 0;
	result = nftw(options->cgroup, visit_cgroup, CGROUP_DEPTH, FTW_PHYS | FTW_MOUNT);
	return result == -1 ? -errno : result;
}

int scope_list(const struct capture_options *options, uint32_t **ret_pids, size_t *ret_count,
	       struct error *error)
{
	bool cgroup = options->scope == SCOPE_CGROUP;
	struct list list = { 0 };
	int result = cgroup ? list_cgroup(options, &list) : list_all(options, &list);

	if (result < 0) {
		free(list.pids);
		return error_set(error, result, "", "cannot list the processes of %s: %s",
				 cgroup ? options->cgroup : "/proc", strerror(-result));
	}
	*ret_pids = list.pids;
	*ret_count = list.count;
	return 0;
}
