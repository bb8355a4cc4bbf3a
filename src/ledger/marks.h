/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks: moments of a trace that somebody gave a name.
 *
 * A name belongs to the first mark that has it; the next one that asks for it
 * is called "name#2", then "name#3". Names may come from a file: they are clean
 * and short here, and there are no more than MARKS_MAX.
 */
#ifndef OUTLIVE_LEDGER_MARKS_H
#define OUTLIVE_LEDGER_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "ledger/snapshot.h"

#define MARKS_MAX 65536

/* All zeroes is an empty table. */
struct marks {
	struct snapshot_mark *rows; /* in the order of their coming */
	uint32_t *repeats; /* of a row: how many others asked for its name */
	size_t count, capacity, repeats_capacity;
	uint64_t left_out; /* beyond MARKS_MAX */
	struct map by_name; /* hash of a name -> row */
};

void marks_free(struct marks *marks);

/*
 * Keep a mark. `name` (NULL or "": "mark") is cleaned and cut at
 * SNAPSHOT_MARK_BYTES. Returns 1 with the row in *ret_row; 0 when there are too
 * many, which is counted; -ENOMEM.
 */
int marks_add(struct marks *marks, const char *name, uint64_t time_ns, size_t *ret_row);

#endif
