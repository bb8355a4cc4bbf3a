/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int slots_open(struct slots *slots, size_t count)
{
	memset(slots, 0, sizeof(*slots));
	slots->users = calloc(count, sizeof(*slots->users));
	slots->free_ns = calloc(count, sizeof(*slots->free_ns));
	slots->stale = calloc(count, sizeof(*slots->stale));
	slots->queue = calloc(count, sizeof(*slots->queue));
	if (!slots->users || !slots->free_ns || !slots->stale || !slots->queue) {
		slots_close(slots);
		return -ENOMEM;
	}
	slots->count = count;
	for (uint32_t slot = SCOPE_NO_SLOT + 1; slot < count; slot++)
		slots->queue[slots->free++] = slot;
	return 0;
}

void slots_close(struct slots *slots)
{
	free(slots->users);
	free(slots->free_ns);
	free(slots->stale);
	free(slots->queue);
	memset(slots, 0, sizeof(*slots));
}

uint32_t slots_take(struct slots *slots, uint64_t now_ns)
{
	uint32_t slot;

	if (!slots->free)
		return SCOPE_NO_SLOT;
	slot = slots->queue[slots->first];
	if (slots->free_ns[slot] && now_ns < slots->free_ns[slot] + SLOTS_REST_NS)
		return SCOPE_NO_SLOT;
	slots->first = (slots->first + 1) % slots->count;
	slots->free--;
	slots->users[slot] = 1;
	return slot;
}

void slots_share(struct slots *slots, uint32_t slot)
{
	if (slot != SCOPE_NO_SLOT)
		slots->users[slot]++;
}

bool slots_give(struct slots *slots, uint32_t slot, uint64_t now_ns)
{
	if (slot == SCOPE_NO_SLOT || --slots->users[slot])
		return false;
	slots->free_ns[slot] = now_ns;
	slots->queue[(slots->first + slots->free) % slots->count] = slot;
	slots->free++;
	return true;
}
