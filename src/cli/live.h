/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One live trace from beginning to end: capture in, snapshot out. */
#ifndef OUTLIVE_CLI_LIVE_H
#define OUTLIVE_CLI_LIVE_H

#include "cli/options.h"
#include "ledger/snapshot.h"

struct capture;

struct live {
	struct capture *capture; /* kept open: the report reads files through it */
	struct snapshot *snapshot;
	uint64_t duration_ns;
	bool began; /* tracing did begin: later failures are failures while running */
};

/*
 * Trace as `options` say until the time is over, the user interrupts or the
 * targets end. Returns 0 with live->snapshot, or a -errno with `error` filled.
 * live_end() releases either way.
 */
int live_run(const struct options *options, struct live *live, struct error *error);
void live_end(struct live *live);

#endif
