/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call paths by their names, so that two runs of a program that was rebuilt in between
 * can be compared.
 *
 * Addresses move with every run and lines with every edit; what stays are functions
 * and the files that hold them. So a path is its functions, each with the base name of
 * its module (of a Python function: of its source file), and equal paths have equal
 * keys. What says nothing about the program is left out of it:
 *
 *   - the program's own name: its two builds may be called app-old and app-new
 *   - versions behind ".so": a library may have been upgraded
 *   - suffixes of clones that the compiler made: ".constprop.0", ".part.1", ".cold"
 *   - how often a function called itself: that depends on data
 *   - how the C library starts programs and threads, and the interpreter's own frames
 *
 * A function without a name counts by its offset where both runs had the same build
 * of its module; in a rebuilt module only the module itself can be compared.
 */
#ifndef OUTLIVE_ANALYSIS_CALL_PATH_H
#define OUTLIVE_ANALYSIS_CALL_PATH_H

#include <stdint.h>

#include "analysis/stack.h"
#include "base/map.h"
#include "ledger/snapshot.h"

struct call_paths {
	struct map builds[2]; /* modules of both runs: hash of name and build-id */
	struct stack stack;   /* room to name one in */
};

/* Note which builds the run number `side` (0, 1) has. Returns 0 or -ENOMEM. */
int call_paths_add(struct call_paths *paths, unsigned int side, const struct snapshot *snapshot);

/* The key of a site of the run number `side`; `frames` as in stack_resolve(). */
uint64_t call_path_key(struct call_paths *paths, unsigned int side, struct frames *frames,
		       const struct snapshot_process *process, const struct snapshot_site *site);

/* Release what `paths` holds. All zeroes is fine. */
void call_paths_free(struct call_paths *paths);

#endif
