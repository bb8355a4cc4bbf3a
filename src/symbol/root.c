/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int root_open(const char *root, const char *path, struct stat *ret_stat)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	CLEANUP_CLOSE int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int handle = -1;
	char by_handle[32];
	struct stat status;
	int fd;

	if (folder < 0)
		return -errno;
	handle = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	if (handle < 0 || fstat(handle, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	snprintf(by_handle, sizeof(by_handle), "/proc/self/fd/%d", handle);
	fd = open(by_handle, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ret_stat)
		*ret_stat = status;
	return fd;
}
