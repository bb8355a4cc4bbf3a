/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a process lives and whose it is, as it was told last. */
#ifndef OUTLIVE_LEDGER_HOME_H
#define OUTLIVE_LEDGER_HOME_H

#include "ledger/snapshot_owner.h"
#include "stream/event.h"

/* All zeroes: nothing is known. */
struct home {
	bool known;
	uint32_t parent_pid, inner_pid, uid, namespaces;
	char *user, *cgroup, *container; /* NULL not known */
};

/* Know what `event` says. Returns 0, or -ENOMEM (`home` is as before). */
int home_set(struct home *home, const struct event_home *event);

/*
 * A fork: the child lives where its parent does. Its pid there is not known yet.
 * Returns 0, or -ENOMEM (the child's is as before).
 */
int home_inherit(struct home *child, const struct home *parent, uint32_t parent_pid);

/* Returns 0 or -ENOMEM. */
int home_copy(const struct home *home, struct snapshot_owner *owner, struct snapshot_home *out);

void home_free(struct home *home);

#endif
