/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a report goes: standard output or the file of -o, and how it is to look there. */
#ifndef OUTLIVE_CLI_OUTPUT_H
#define OUTLIVE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/options.h"

/* As wide as the terminal, within reason; 80 columns where there is none. */
unsigned int output_width(const struct options *options);

/* Does the terminal take colours, and the user want them? */
bool output_colour(const struct options *options);

/*
 * Open the file of -o, or name standard output. Before the work, so that a typing error
 * does not cost a trace; what the file held is given up in output_begin. Returns 0 or a
 * -errno with `error` filled.
 */
int output_open(const struct options *options, FILE **ret_file, struct error *error);

/* There is something to put in the file now: empty it. Returns 0 or -errno. */
int output_begin(const struct options *options, FILE *file);

/* What a renderer returned, or output_begin, as 0 or a -errno with `error` filled: a reader
 * that has seen enough (`| head`) is no failure. */
int output_result(const struct options *options, int result, struct error *error);

/* Close the file. Returns 0, or a -errno after complaining. */
int output_close(const struct options *options, FILE *file, struct error *error);

#endif
