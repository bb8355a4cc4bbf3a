/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int proc_file_read(uint32_t pid, const char *name, char *buffer, size_t size)
{
	char path[64];
	size_t used = 0;
	CLEANUP_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (used + 1 < size) {
		ssize_t got = read(fd, buffer + used, size - 1 - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += got;
	}
	buffer[used] = '\0';
	return 0;
}

const char *proc_status_find(const char *status, const char *name)
{
	const char *line = status;
	size_t length = strlen(name);

	while (line) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

uint64_t proc_status_number(const char *status, const char *name)
{
	const char *value = proc_status_find(status, name);

	return value ? strtoull(value, NULL, 10) : 0;
}
