/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which file is the map of a process: anybody can write one into /tmp. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbol/perf_map.h"
#include "symbol/root.h"

#define MAX_BYTES (64 << 20)
#define NS_PER_S 1000000000ll

/* From /proc/PID/status: the pid in the innermost namespace, and whose process it is. */
static int read_status(uint32_t pid, uint32_t *ret_inner, uid_t *ret_user)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[64], line[512];
	bool known = false;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	*ret_inner = pid;
	while (fgets(line, sizeof(line), file)) {
		unsigned int real, effective;
		char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			*ret_inner = (uint32_t)strtoul(last, NULL, 10);
		else if (sscanf(line, "Uid: %u %u", &real, &effective) == 2) {
			*ret_user = effective;
			known = true;
		}
	}
	return known ? 0 : -EPROTO;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* File times are wall-clock time, of a clock tick that may lie before the process's start. */
static bool is_older(const struct stat *status, uint64_t start_ns)
{
	int64_t age = clock_ns(CLOCK_MONOTONIC) - (int64_t)start_ns;
	int64_t changed = status->st_mtim.tv_sec * NS_PER_S + status->st_mtim.tv_nsec;

	return changed + NS_PER_S / 10 < clock_ns(CLOCK_REALTIME) - age;
}

static int read_text(int fd, off_t size, struct perf_map **ret_map)
{
	CLEANUP_FREE char *text = NULL;
	size_t used = 0;
	ssize_t got;

	if (size > MAX_BYTES)
		return -EFBIG;
	text = malloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	while (used < (size_t)size && (got = read(fd, text + used, (size_t)size - used)) > 0)
		used += (size_t)got;
	return perf_map_parse(text, used, ret_map);
}

int perf_map_open(uint32_t pid, uint64_t start_ns, bool alive, struct perf_map **ret_map)
{
	char root[64] = "/", path[64];
	CLEANUP_CLOSE int fd = -1;
	uint32_t inner = pid;
	struct stat status;
	uid_t user = 0;
	int r = alive ? read_status(pid, &inner, &user) : 0;

	if (r < 0)
		return r;
	if (alive)
		snprintf(root, sizeof(root), "/proc/%" PRIu32 "/root", pid);
	snprintf(path, sizeof(path), "/tmp/perf-%" PRIu32 ".map", inner);
	fd = root_open(root, path, &status);
	if (fd < 0)
		return fd;
	if (is_older(&status, start_ns) || (alive && status.st_uid != user && status.st_uid != 0))
		return -ENOENT;
	return read_text(fd, status.st_size, ret_map);
}
