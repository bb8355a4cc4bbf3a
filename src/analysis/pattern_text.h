/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentences of a verdict. They are read at 3 a.m.: what it is, then what follows. */
#ifndef OUTLIVE_ANALYSIS_PATTERN_TEXT_H
#define OUTLIVE_ANALYSIS_PATTERN_TEXT_H

#include "analysis/evidence.h"
#include "analysis/pattern.h"
#include "analysis/slot.h"

/* What besides the numbers of struct pattern and struct evidence a sentence may need. */
struct pattern_detail {
	struct slot slot;      /* PATTERN_PER_THREAD_SLOT */
	double from_bytes;     /* PATTERN_GROWING: live bytes where the rise begins, … */
	double from_s;	       /* … and when that was, in seconds of the window */
	bool on_top;	       /* PATTERN_GROWING: beside what is full and does not grow */
	double site_share;     /* of the site's live bytes, when the verdict is on a class */
	bool replaces_unknown; /* PATTERN_GROWING: as many blocks from before the trace were freed */
	const char *because;   /* PATTERN_UNKNOWN: a clause, "… : it is too early to tell" */
};

/* Write pattern->text from all the rest. Always NUL-terminated, cut at a character. */
void pattern_write_text(const struct evidence *evidence, const struct pattern_detail *detail,
			struct pattern *pattern);

#endif
