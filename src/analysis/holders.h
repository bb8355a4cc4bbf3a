/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which threads hold the live blocks of a site, or of a process. */
#ifndef OUTLIVE_ANALYSIS_HOLDERS_H
#define OUTLIVE_ANALYSIS_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

struct holder {
	uint32_t thread; /* index into snapshot_process.threads */
	uint64_t live_bytes, live_blocks;
};

/* All zeroes is empty. Reused from site to site, so that a long report allocates once. */
struct holders {
	struct holder *rows; /* who holds most comes first */
	size_t count, capacity;
};

/* Make `holders` tell of `site`. Returns 0 or -ENOMEM (then it is empty). */
int holders_find(struct holders *holders, const struct snapshot_site *site);

/* The same of a whole process. */
int holders_of_process(struct holders *holders, const struct snapshot_process *process);

void holders_free(struct holders *holders);

#endif
