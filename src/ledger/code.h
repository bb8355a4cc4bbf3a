/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What events tell of a process's code: which frames a stack has, in C and in Python, and
 * which files they lie in. They name what is there, and change nothing that is counted but
 * how well stacks were read. So they may come late.
 */
#ifndef OUTLIVE_LEDGER_CODE_H
#define OUTLIVE_LEDGER_CODE_H

#include "ledger/tables.h"

/*
 * Apply an EVENT_STACK or EVENT_PYTHON_FRAMES of `process`: frames are copied, and one told
 * before stays as it was. Return 0, or -ENOMEM with the books as they were.
 */
int code_stack(struct ledger *ledger, struct process *process, const struct event *event);
int code_python_frames(struct ledger *ledger, struct process *process, const struct event *event);

/* Apply an EVENT_PYTHON: which interpreter `process` runs, and where its code is. */
void code_python(struct process *process, const struct event *event);

/*
 * Apply an EVENT_MODULE, of its pid's process, which need not have been seen before.
 * Senseless ones, and those beyond MODULES_MAX, are counted. Returns 0 or -ENOMEM.
 */
int code_module(struct ledger *ledger, const struct event *event);

#endif
