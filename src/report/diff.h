/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between two snapshots, for people and for programs. */
#ifndef OUTLIVE_REPORT_DIFF_H
#define OUTLIVE_REPORT_DIFF_H

#include <stdio.h>

#include "analysis/diff.h"
#include "report/report.h"

struct diff_report {
	const struct diff *diff;
	const char *files[DIFF_SIDES]; /* the recordings' names; clean before printing */
	/* How each side came about. Rows, width, colour and the like: those of DIFF_AFTER. */
	struct report_options sides[DIFF_SIDES];
};

/* Write the diff to `file` and flush it. Return 0, -ENOMEM, or the -errno of a failed write. */
int diff_text(FILE *file, const struct diff_report *report);
int diff_json(FILE *file, const struct diff_report *report);

#endif
