/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/home.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "target/proc_file.h"

#define ID_DIGITS (HOME_CONTAINER_BYTES - 1)
#define CGROUP_BYTES (16 * 1024) /* a dozen hierarchies, most with the same path */
#define PASSWD_LINE_BYTES 4096

const char *const home_namespaces[HOME_NAMESPACES] = {
	[HOME_MOUNT] = "mnt", [HOME_PID] = "pid",	[HOME_USER] = "user",
	[HOME_NETWORK] = "net", [HOME_CGROUP] = "cgroup", [HOME_IPC] = "ipc",
	[HOME_UTS] = "uts",	[HOME_TIME] = "time",
};

/* --- cgroup and container --------------------------------------------------------- */

/* How much a line is to be believed: higher is better, 0 not at all. */
static int rank_line(const char *number, const char *controllers, size_t length)
{
	static const char memory[] = "memory", systemd[] = "name=systemd";
	const char *at = controllers, *end = controllers + length;

	if (strncmp(number, "0:", 2) == 0 && length == 0)
		return 4;
	if (length == sizeof(systemd) - 1 && memcmp(at, systemd, length) == 0)
		return 2;
	/* "cpu,memory": controllers that share a hierarchy. */
	while (at < end) {
		size_t word = strcspn(at, ",:");

		if (word == sizeof(memory) - 1 && memcmp(at, memory, word) == 0)
			return 3;
		at += word + 1;
	}
	return 1;
}

/* The path of a cgroup that is removed while processes live in it ends so. */
static size_t without_suffix(const char *path, size_t length)
{
	static const char suffix[] = " (deleted)";
	const size_t cut = sizeof(suffix) - 1;

	return length > cut && memcmp(path + length - cut, suffix, cut) == 0 ? length - cut : length;
}

void home_parse_cgroup(const char *text, char *buffer, size_t size)
{
	int best = 0;

	buffer[0] = '\0';
	for (const char *line = text; *line;) {
		size_t whole = strcspn(line, "\n"), length;
		const char *controllers = memchr(line, ':', whole);
		const char *path = NULL;
		int rank;

		if (controllers)
			path = memchr(controllers + 1, ':', whole - (size_t)(controllers + 1 - line));
		if (path) {
			length = without_suffix(path + 1, whole - (size_t)(path + 1 - line));
			rank = rank_line(line, controllers + 1, (size_t)(path - controllers - 1));
			/* In a hierarchy nobody uses everybody is at the top. */
			if (length > 1)
				rank += 4;
			if (rank > best && length && length < size) {
				memcpy(buffer, path + 1, length);
				buffer[length] = '\0';
				best = rank;
			}
		}
		line += whole + (line[whole] == '\n');
	}
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The id in one folder's name, or NULL. */
static const char *find_id(const char *name, size_t length)
{
	static const char monitor[] = "conmon";

	if (memmem(name, length, monitor, sizeof(monitor) - 1))
		return NULL;
	for (size_t i = 0; i < length;) {
		size_t digits = 0;

		while (i + digits < length && is_hex(name[i + digits]))
			digits++;
		if (digits == ID_DIGITS && (i == 0 || !is_word(name[i - 1])) &&
		    (i + digits == length || !is_word(name[i + digits])))
			return name + i;
		i += digits ? digits : 1;
	}
	return NULL;
}

char *home_container(const char *cgroup, char buffer[HOME_CONTAINER_BYTES])
{
	buffer[0] = '\0';
	while (*cgroup) {
		size_t length = strcspn(cgroup, "/");
		const char *id = find_id(cgroup, length);

		if (id) {
			memcpy(buffer, id, ID_DIGITS);
			buffer[ID_DIGITS] = '\0';
		}
		cgroup += length + (cgroup[length] == '/');
	}
	return buffer;
}

/* --- user ---------------------------------------------------------------------------- */

/* The file and not getpwuid(): a name service over the network may hang just when the
 * machine is in trouble. */
char *home_user(const char *passwd, uint32_t uid, char buffer[HOME_USER_BYTES])
{
	CLEANUP_FCLOSE FILE *file = fopen(passwd, "re");
	char line[PASSWD_LINE_BYTES];
	struct passwd entry, *found;

	buffer[0] = '\0';
	while (file && fgetpwent_r(file, &entry, line, sizeof(line), &found) == 0) {
		if (entry.pw_uid != uid)
			continue;
		snprintf(buffer, HOME_USER_BYTES, "%s", entry.pw_name);
		break;
	}
	return buffer;
}

/* --- all of it ------------------------------------------------------------------------ */

/* "NSpid:\t4242\t7": its pid in our namespace first, in the innermost last. */
static uint32_t innermost_pid(const char *status)
{
	const char *value = proc_status_find(status, "NSpid");
	uint32_t pid = 0;
	char *end;

	while (value) {
		unsigned long number = strtoul(value, &end, 10);

		if (end == value)
			break;
		pid = (uint32_t)number;
		value = *end == '\n' || *end == '\0' ? NULL : end;
	}
	return pid;
}

/* "Uid:\treal\teffective\tsaved\tfilesystem", in the numbers of our user namespace. */
static uint32_t effective_user(const char *status)
{
	const char *value = proc_status_find(status, "Uid");
	uint32_t real, effective;

	return value && sscanf(value, "%" SCNu32 " %" SCNu32, &real, &effective) == 2 ?
		       effective : HOME_NO_USER;
}

static uint32_t foreign_namespaces(uint32_t pid)
{
	uint32_t foreign = 0;
	char path[48];

	for (int i = 0; i < HOME_NAMESPACES; i++) {
		struct stat theirs, ours;

		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/%s", pid, home_namespaces[i]);
		if (stat(path, &theirs) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", home_namespaces[i]);
		if (stat(path, &ours) == 0 &&
		    (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev))
			foreign |= 1u << i;
	}
	return foreign;
}

int home_read_user(uint32_t pid, uint32_t *ret_uid)
{
	char status[PROC_STATUS_BYTES];
	int err = proc_file_read(pid, "status", status, sizeof(status));

	if (!err)
		*ret_uid = effective_user(status);
	return err;
}

int home_read(uint32_t pid, struct process_home *ret_home)
{
	char status[PROC_STATUS_BYTES], cgroups[CGROUP_BYTES];
	int err = proc_file_read(pid, "status", status, sizeof(status));

	if (err)
		return err;
	ret_home->inner_pid = innermost_pid(status);
	ret_home->uid = effective_user(status);
	ret_home->namespaces = foreign_namespaces(pid);
	home_user("/etc/passwd", ret_home->uid, ret_home->user);
	if (proc_file_read(pid, "cgroup", cgroups, sizeof(cgroups)))
		cgroups[0] = '\0';
	home_parse_cgroup(cgroups, ret_home->cgroup, sizeof(ret_home->cgroup));
	home_container(ret_home->cgroup, ret_home->container);
	return 0;
}
