/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts of the snapshot at hand: each worked out when it is first shown. */
#ifndef OUTLIVE_TOP_VERDICTS_H
#define OUTLIVE_TOP_VERDICTS_H

#include "analysis/pattern.h"
#include "base/map.h"
#include "ledger/snapshot.h"

/* All zeroes is empty. */
struct verdicts {
	struct map known; /* identity of a site -> enum pattern_name */
};

/* Another snapshot comes: time has passed, so all of them may have changed. */
void verdicts_clear(struct verdicts *verdicts);

enum pattern_name verdicts_get(struct verdicts *verdicts, const struct snapshot *snapshot,
			       const struct snapshot_process *process,
			       const struct snapshot_site *site);

#endif
