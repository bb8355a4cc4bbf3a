/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is who from one snapshot to the next: numbers that stay, never 0. */
#ifndef OUTLIVE_TOP_IDENTITY_H
#define OUTLIVE_TOP_IDENTITY_H

#include <stdint.h>

#include "base/hash.h"
#include "ledger/snapshot.h"

/* Process and thread ids are used again: their start times tell them apart. */
static inline uint64_t identity_of_process(const struct snapshot_process *process)
{
	return hash_mix(hash_mix(process->start_ns + 1) ^ process->pid) | 1;
}

static inline uint64_t identity_of_thread(const struct snapshot_thread *thread)
{
	return hash_mix(hash_mix(thread->start_ns + 2) ^ thread->tid) | 1;
}

static inline uint64_t identity_of_site(const struct snapshot_process *process,
					const struct snapshot_site *site)
{
	return hash_mix(identity_of_process(process) ^ hash_mix(site->id)) | 1;
}

#endif
