/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of code in many processes: sites of several processes that are the same
 * call path of the same files, wherever each process has them mapped.
 */
#ifndef OUTLIVE_ANALYSIS_MERGE_H
#define OUTLIVE_ANALYSIS_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger/snapshot.h"

struct merged_part {
	const struct snapshot_process *process;
	const struct snapshot_site *site;
	uint64_t key;
};

struct merged_site {
	struct snapshot_site site; /* sums, oldest, newest, largest of all parts; frames and stack
				    * are the first part's, classes there are none */
	const struct merged_part *parts; /* what holds most comes first */
	size_t part_count;
	size_t holding_processes; /* with live blocks of it */
};

/* All zeroes is empty. */
struct merge {
	struct merged_part *parts;
	size_t part_count;
	struct merged_site *sites; /* what holds most comes first */
	size_t site_count;
};

/*
 * Merge the sites of `count` processes that allocated anything. Files are the same by
 * build-id, else by path; code in no file by its address. Sites whose stack is not known
 * are taken as one. Returns 0 and *ret_merge (release with merge_free), or -ENOMEM.
 */
int merge_sites(const struct snapshot_process *const *processes, size_t count,
		struct merge *ret_merge);
void merge_free(struct merge *merge);

#endif
