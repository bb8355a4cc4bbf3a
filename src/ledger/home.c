/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_TEXT 4096 /* bytes of a cgroup's path: PATH_MAX */

void home_free(struct home *home)
{
	free(home->user);
	free(home->cgroup);
	free(home->container);
	memset(home, 0, sizeof(*home));
}

static char *copy_text(const char *text)
{
	return strndup(text ? text : "", MAX_TEXT);
}

int home_set(struct home *home, const struct event_home *event)
{
	struct home fresh = {
		.known = true,
		.parent_pid = event->parent_pid,
		.inner_pid = event->inner_pid,
		.uid = event->uid,
		.namespaces = event->namespaces,
		.user = copy_text(event->user),
		.cgroup = copy_text(event->cgroup),
		.container = copy_text(event->container),
	};

	if (!fresh.user || !fresh.cgroup || !fresh.container) {
		home_free(&fresh);
		return -ENOMEM;
	}
	home_free(home);
	*home = fresh;
	return 0;
}

int home_inherit(struct home *child, const struct home *parent, uint32_t parent_pid)
{
	const struct event_home event = {
		.parent_pid = parent_pid,
		.uid = parent->known ? parent->uid : SNAPSHOT_NO_UID,
		.namespaces = parent->namespaces,
		.user = parent->user,
		.cgroup = parent->cgroup,
		.container = parent->container,
	};

	return child->known ? 0 : home_set(child, &event);
}

int home_copy(const struct home *home, struct snapshot_owner *owner, struct snapshot_home *out)
{
	out->known = home->known;
	out->parent_pid = home->parent_pid;
	out->inner_pid = home->inner_pid;
	out->uid = home->known ? home->uid : SNAPSHOT_NO_UID;
	out->namespaces = home->namespaces;
	out->user = owner_text(owner, home->user);
	out->cgroup = owner_text(owner, home->cgroup);
	out->container = owner_text(owner, home->container);
	return out->user && out->cgroup && out->container ? 0 : -ENOMEM;
}
