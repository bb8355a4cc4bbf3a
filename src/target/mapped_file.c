/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

int regular_file_open(const char *path, struct stat *ret_stat)
{
	CLEANUP_CLOSE int handle = open(path, O_PATH | O_CLOEXEC);
	char by_handle[32];
	int fd;

	if (handle < 0 || fstat(handle, ret_stat))
		return -errno;
	if (!S_ISREG(ret_stat->st_mode))
		return -EINVAL;
	snprintf(by_handle, sizeof(by_handle), "/proc/self/fd/%d", handle);
	fd = open(by_handle, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Is the open file what maps shows? On btrfs and overlayfs the device that maps shows
 * is that of the filesystem below, so there only the inode is compared. */
static bool same_file(int fd, const struct stat *stat, const struct mapping *row)
{
	struct statfs fs;

	if (stat->st_ino != row->inode)
		return false;
	if (stat->st_dev == makedev(row->dev_major, row->dev_minor))
		return true;
	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC);
}

int mapped_file_open(uint32_t pid, const struct mapping *row, struct stat *ret_stat)
{
	char path[PATH_MAX + 32];
	int first, fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, pid,
		 row->start, row->end);
	first = regular_file_open(path, ret_stat);
	if (first >= 0 || first == -EINVAL)
		return first;
	for (int in_root = 1; in_root >= 0; in_root--) {
		int length = in_root ? snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root%s", pid,
						row->path)
				     : snprintf(path, sizeof(path), "%s", row->path);

		if (length < 0 || (size_t)length >= sizeof(path))
			continue;
		fd = regular_file_open(path, ret_stat);
		if (fd >= 0 && same_file(fd, ret_stat, row))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return first;
}
