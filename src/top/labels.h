/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sites are called, found out once each.
 *
 * The first name out of a library reads its symbols and DWARF, which may take a
 * second; the next thousand take nothing. A list shows a screenful, so names are
 * found for what is shown, and for all only while somebody filters by them.
 */
#ifndef OUTLIVE_TOP_LABELS_H
#define OUTLIVE_TOP_LABELS_H

#include <stdbool.h>

#include "analysis/frames.h"
#include "ledger/snapshot.h"

/* Clean text. */
struct label {
	const char *function; /* of the frame that the site is called by */
	const char *place;    /* where that is, "app.c:41"; may be "" */
	const char *all;      /* all functions and places of the stack, one a line: to search in */
};

struct labels;

/* Names come from `frames`, which stays the caller's; `native` as in stack_resolve.
 * NULL without memory. Release with labels_free (NULL is fine). */
struct labels *labels_new(struct frames *frames, bool native);
void labels_free(struct labels *labels);

/*
 * The label of `site`; with `resolve` false only if it is known already. NULL: not
 * known, or no memory. Valid until the site's stack changes, or labels_free.
 */
const struct label *labels_get(struct labels *labels, const struct snapshot_process *process,
			       const struct snapshot_site *site, bool resolve);

#endif
