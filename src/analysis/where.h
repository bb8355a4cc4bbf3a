/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a process runs, in few words for a person: its container, its service. */
#ifndef OUTLIVE_ANALYSIS_WHERE_H
#define OUTLIVE_ANALYSIS_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger/snapshot.h"

#define WHERE_ID 12 /* digits of a container's id that people know it by: "docker ps" */
#define WHERE_BUFFER 64

/*
 * What tells its place best, clean: the first digits of the container's id, else the
 * cgroup's last name ("redis-server.service"), cut to fit. Returns `buffer`; "" when
 * nothing is known, or it is at the top of the hierarchy.
 */
char *where_short(const struct snapshot_home *home, char buffer[WHERE_BUFFER]);

/* The user's name, or the number, or "" when neither is known. Returns `buffer`. */
char *where_user(const struct snapshot_home *home, char buffer[WHERE_BUFFER]);

/* Has it another pid where it lives than where outlive ran? */
bool where_renumbered(const struct snapshot_process *process);

#endif
