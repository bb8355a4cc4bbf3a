/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has which slot of the unwind tables. A process and the children that it forked may
 * share one, as long as their mappings are the same.
 */
#ifndef OUTLIVE_CAPTURE_SLOTS_H
#define OUTLIVE_CAPTURE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/scope.h"

/* A slot given back is not handed out before this: a walk may still be under way in it. */
#define SLOTS_REST_NS 100000000ull

struct slots {
	uint32_t *users;   /* by slot */
	uint64_t *free_ns; /* since when it has none */
	bool *stale;	   /* its mappings are to be read anew; kept here for follow.c */
	uint32_t *queue;   /* a ring: free slots, longest free first */
	size_t first, free;
	size_t count; /* of all, SCOPE_NO_SLOT too */
};

/* `count` slots, SCOPE_NO_SLOT too; all others are free. Returns 0 or -ENOMEM; release with
 * slots_close. */
int slots_open(struct slots *slots, size_t count);
void slots_close(struct slots *slots);

/* A free slot, with one user; SCOPE_NO_SLOT when there is none at `now_ns`. */
uint32_t slots_take(struct slots *slots, uint64_t now_ns);

/* One user more, one less: returns whether that was the last. Nothing for SCOPE_NO_SLOT. */
void slots_share(struct slots *slots, uint32_t slot);
bool slots_give(struct slots *slots, uint32_t slot, uint64_t now_ns);

#endif
