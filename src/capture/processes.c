/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/processes.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"

static uint32_t chain_of(uint32_t pid)
{
	return (uint32_t)hash_mix(pid) & (PROCESSES_CHAINS - 1);
}

void processes_free(struct processes *processes)
{
	free(processes->rows);
	memset(processes, 0, sizeof(*processes));
}

struct traced *processes_find(const struct processes *processes, uint32_t pid)
{
	uint32_t at = processes->chains[chain_of(pid)];

	while (at && processes->rows[at - 1].pid != pid)
		at = processes->rows[at - 1].next;
	return at ? &processes->rows[at - 1] : NULL;
}

struct traced *processes_add(struct processes *processes, uint32_t pid)
{
	uint32_t *chain = &processes->chains[chain_of(pid)], at = processes->free;
	struct traced *traced;

	if (at) {
		processes->free = processes->rows[at - 1].next;
	} else {
		if (VEC_PUSH_ROOM(processes->rows, processes->count, processes->capacity) < 0)
			return NULL;
		at = (uint32_t)++processes->count;
	}
	traced = &processes->rows[at - 1];
	*traced = (struct traced){ .pid = pid, .next = *chain, .used = true };
	*chain = at;
	processes->alive++;
	return traced;
}

void processes_exit(struct processes *processes, struct traced *traced)
{
	if (!traced->exited)
		processes->alive--;
	traced->exited = true;
}

void processes_remove(struct processes *processes, struct traced *traced)
{
	uint32_t *at = &processes->chains[chain_of(traced->pid)];
	uint32_t row = (uint32_t)(traced - processes->rows) + 1;

	processes_exit(processes, traced);
	while (*at != row)
		at = &processes->rows[*at - 1].next;
	*at = traced->next;
	*traced = (struct traced){ .next = processes->free };
	processes->free = row;
}
