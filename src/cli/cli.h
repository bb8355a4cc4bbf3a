/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs share: exit statuses and the one way to complain. */
#ifndef OUTLIVE_CLI_CLI_H
#define OUTLIVE_CLI_CLI_H

#include <signal.h>

#include "base/error.h"
#include "cli/options.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,     /* while running */
	EXIT_USAGE = 2,
	EXIT_IMPOSSIBLE = 3, /* here: privilege, kernel, no such process */
};

/* Set by SIGINT and SIGTERM; ends a trace. */
extern volatile sig_atomic_t cli_interrupted;

/* "outlive: what. Remedy." on standard error. */
void cli_complain(const struct error *error);

/* The verbs: each in a file of its own. They return an exit status. */
int cli_report(const struct options *options, enum verb_bit verb);
int cli_record(const struct options *options, enum verb_bit verb);
int cli_top(const struct options *options, enum verb_bit verb);
int cli_diff(const struct options *options, enum verb_bit verb);
int cli_doctor(const struct options *options, enum verb_bit verb);

#endif
