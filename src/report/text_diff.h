/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the diff for people: text_diff.c puts them together. */
#ifndef OUTLIVE_REPORT_TEXT_DIFF_H
#define OUTLIVE_REPORT_TEXT_DIFF_H

#include "report/diff.h"
#include "report/text.h"

struct text_diff {
	struct text text; /* options and row: those of the side at hand */
	const struct diff_report *report;
	const struct diff_process *process;
};

/* Speak of one side from now on. */
void text_diff_side(struct text_diff *text, unsigned int side);

/* A rate as a number to be formatted: what is beyond it becomes the largest. */
uint64_t text_diff_whole(double value);

/* "+21.2 MB", "-300", "0": a change of bytes or of a count. Returns `buffer`, of UNITS_BUFFER. */
char *text_diff_bytes(char *buffer, int64_t change);
char *text_diff_count(char *buffer, int64_t change);

/* What became of live memory, where, by how many call paths; and how sure that is. */
void text_diff_headline(struct text_diff *text);

/* How live bytes went on both sides, on one scale, side by side; nothing where it is not
 * known or not one process each. */
void text_diff_chart(struct text_diff *text);

/* WHAT CHANGED: a line for each call path, and the stacks of the first. Returns 0. */
void text_diff_rows(struct text_diff *text);

/* Does a row belong in a list of what changed? */
bool text_diff_wanted(const struct diff_row *row);

#endif
