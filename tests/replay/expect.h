/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One expect line of a replay fixture against a snapshot; see replay/fixture.h. */
#ifndef OUTLIVE_TESTS_REPLAY_EXPECT_H
#define OUTLIVE_TESTS_REPLAY_EXPECT_H

#include <stddef.h>

#include "ledger/snapshot.h"

struct expectation {
	char *const *words; /* "expect", scope, row, … */
	size_t word_count;
	char *const *keys; /* "field=value"; or only "none=1": there is no such row */
	size_t key_count;
	size_t checked;	 /* out: fields compared */
	char fault[256]; /* out: what is wrong */
};

/* Returns 0, or -1 with expectation->fault. */
int expectation_holds(struct expectation *expectation, const struct snapshot *snapshot);

#endif
