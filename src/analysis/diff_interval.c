/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How sure a change is, where blocks were sampled. */
#include "analysis/diff.h"

bool diff_is_sampled(const struct diff_process *process)
{
	return process->sides[DIFF_BEFORE].sampled.bytes || process->sides[DIFF_AFTER].sampled.bytes;
}

static struct estimate_change interval(const struct snapshot_sampled *sampled_before,
				       uint64_t before, const struct snapshot_sampled *sampled_after,
				       uint64_t after)
{
	struct estimate first = estimate_live(sampled_before, before);
	struct estimate last = estimate_live(sampled_after, after);

	return estimate_change(&first, before, &last, after);
}

struct estimate_change diff_row_interval(const struct diff_row *row)
{
	const struct diff_part *before = &row->parts[DIFF_BEFORE], *after = &row->parts[DIFF_AFTER];

	return interval(&before->sampled, before->counts.live_bytes, &after->sampled,
			after->counts.live_bytes);
}

struct estimate_change diff_process_interval(const struct diff_process *process)
{
	const struct diff_program *before = &process->sides[DIFF_BEFORE];
	const struct diff_program *after = &process->sides[DIFF_AFTER];

	return interval(&before->sampled, before->counts.live_bytes, &after->sampled,
			after->counts.live_bytes);
}
