/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the window that was asked for is there. */
#ifndef OUTLIVE_CLI_WINDOW_H
#define OUTLIVE_CLI_WINDOW_H

#include "base/error.h"
#include "ledger/snapshot.h"

/*
 * Returns 0, or -ENOENT with `error` filled, naming the marks there are: one that was
 * asked for never came, or nothing lies between the two.
 */
int window_check(const struct snapshot *snapshot, struct error *error);

#endif
