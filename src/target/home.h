/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a process lives and whose it is: its user, its pid in its own pid
 * namespace, its cgroup, and the container that the cgroup's name tells of.
 *
 * cgroup names may come from the target (a delegated subtree is its own to name)
 * and are hostile: bounded and terminated here, not cleaned (base/text.h).
 */
#ifndef OUTLIVE_TARGET_HOME_H
#define OUTLIVE_TARGET_HOME_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define HOME_USER_BYTES 64
#define HOME_CONTAINER_BYTES 65 /* 64 hexadecimal digits: SHA-256 or as many random bits */
#define HOME_NO_USER UINT32_MAX /* (uid_t)-1 is nobody's */

/* Rows of home_namespaces; bits of process_home.namespaces by these numbers. Append-only:
 * they are in recordings. */
enum home_namespace {
	HOME_MOUNT,
	HOME_PID,
	HOME_USER,
	HOME_NETWORK,
	HOME_CGROUP,
	HOME_IPC,
	HOME_UTS,
	HOME_TIME,
	HOME_NAMESPACES
};

/* Their names: in /proc/PID/ns, and in reports. */
extern const char *const home_namespaces[HOME_NAMESPACES];

struct process_home {
	uint32_t inner_pid;  /* in the pid namespace it lives in; 0: not known */
	uint32_t uid;	     /* effective, as numbered where outlive runs; HOME_NO_USER: not known */
	uint32_t namespaces; /* that it does not share with outlive: 1 << enum home_namespace */
	char user[HOME_USER_BYTES]; /* the uid's name in our /etc/passwd, or "" */
	char cgroup[PATH_MAX];	    /* path in the hierarchy, or "" */
	char container[HOME_CONTAINER_BYTES]; /* id, or "": in none that its cgroup tells of */
};

/* Read all of it that can be read. Returns 0, or -ESRCH when there is no such process. */
int home_read(uint32_t pid, struct process_home *ret_home);

/* The effective user of `pid`, as process_home.uid. Returns 0 or -ESRCH. */
int home_read_user(uint32_t pid, uint32_t *ret_uid);

/*
 * The cgroup that a text like /proc/PID/cgroup's names (cgroups(7)): the path in the
 * unified hierarchy, or where all controllers are in hierarchies of version 1 the
 * memory controller's, else that of systemd's own. "/" counts only when nothing else
 * is there. Fills `buffer`, "" for none.
 */
void home_parse_cgroup(const char *text, char *buffer, size_t size);

/*
 * The id of the innermost container in a cgroup path: 64 lower-case hexadecimal digits,
 * as Docker, containerd, CRI-O and Podman have them in names like
 * "docker-ID.scope", "cri-containerd-ID.scope", "kubepods/burstable/podUID/ID". A
 * container's monitor (conmon) is not in it. Returns `buffer`, "" for none.
 */
char *home_container(const char *cgroup, char buffer[HOME_CONTAINER_BYTES]);

/* Name of `uid` in a file like passwd(5). Returns `buffer`, "" for none. */
char *home_user(const char *passwd, uint32_t uid, char buffer[HOME_USER_BYTES]);

#endif
