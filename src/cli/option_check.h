/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the options given go together. */
#ifndef OUTLIVE_CLI_OPTION_CHECK_H
#define OUTLIVE_CLI_OPTION_CHECK_H

#include "cli/options.h"

/* How many recordings `verb` reads at most. */
size_t options_most_files(enum verb_bit verb);

/*
 * Is there something for `verb` to work on, and only one such thing, and does the rest fit
 * it? `live`: an option that was given and says how to trace, or NULL. Returns 0, or
 * -EINVAL with `error` filled.
 */
int options_check(const struct options *options, enum verb_bit verb, const char *live,
		  struct error *error);

#endif
