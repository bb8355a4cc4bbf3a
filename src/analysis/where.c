/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/where.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

char *where_short(const struct snapshot_home *home, char buffer[WHERE_BUFFER])
{
	const char *name = home->cgroup ? strrchr(home->cgroup, '/') : NULL;

	buffer[0] = '\0';
	if (home->container && home->container[0])
		text_clean(buffer, WHERE_ID + 1, home->container, strlen(home->container));
	else if (name)
		text_clean(buffer, WHERE_BUFFER, name + 1, strlen(name + 1));
	return buffer;
}

char *where_user(const struct snapshot_home *home, char buffer[WHERE_BUFFER])
{
	buffer[0] = '\0';
	if (home->user && home->user[0])
		text_clean(buffer, WHERE_BUFFER, home->user, strlen(home->user));
	else if (home->known && home->uid != SNAPSHOT_NO_UID)
		snprintf(buffer, WHERE_BUFFER, "%" PRIu32, home->uid);
	return buffer;
}

bool where_renumbered(const struct snapshot_process *process)
{
	return process->home.inner_pid && process->home.inner_pid != process->pid;
}
