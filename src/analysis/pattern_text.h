/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentences of a verdict. They are read at 3 a.m.: what it is, then what follows. */
#ifndef OUTLIVE_ANALYSIS_PATTERN_TEXT_H
#define OUTLIVE_ANALYSIS_PATTERN_TEXT_H

#include "analysis/evidence.h"
#include "analysis/growth.h"
#include "analysis/pattern.h"
#include "analysis/slot.h"

/* What besides the numbers of struct pattern and struct evidence a sentence may need. */
struct pattern_detail {
	struct slot slot;     /* PATTERN_PER_THREAD_SLOT */
	struct growth growth; /* PATTERN_GROWING */
	double site_share;    /* of the site's live bytes, when the verdict is on a class */
	const char *because;  /* PATTERN_UNKNOWN: a clause, "… : it is too early to tell" */
};

/* Write pattern->text from all the rest. Always NUL-terminated, cut at a character. */
void pattern_write_text(const struct evidence *evidence, const struct pattern_detail *detail,
			struct pattern *pattern);

#endif
