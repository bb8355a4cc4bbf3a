/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a process: its threads, programs, children and end, and what the tracer tells
 * of it beside: its name and home, what is resident, how closely it is watched.
 */
#ifndef OUTLIVE_LEDGER_LIFE_H
#define OUTLIVE_LEDGER_LIFE_H

#include "ledger/tables.h"

/*
 * Apply an EVENT_THREAD (a thread is there) or EVENT_EXEC (the program was replaced), of a
 * process that need not have been seen before. Returns 0 or -ENOMEM.
 */
int life_thread(struct ledger *ledger, const struct event *event);

/*
 * Apply an EVENT_FORK of `process`: a child that is traced itself begins with what its parent
 * holds. Returns 0 or -ENOMEM.
 */
int life_fork(struct ledger *ledger, struct process *process, const struct event *event);

/* Apply an EVENT_EXIT: a thread ended, and with the last one its process. */
void life_exit(struct ledger *ledger, const struct event *event);

/*
 * Apply an EVENT_PROCESS: who a process is, as user space found it; it need not have been
 * seen before. Texts are copied. Returns 0 or -ENOMEM.
 */
int life_process(struct ledger *ledger, const struct event *event);

/*
 * Apply an EVENT_RESIDENT, EVENT_CALLS (what a process that is sampled called so far),
 * EVENT_TIER (how closely it is watched from now on) or EVENT_COVERED (how long it ran
 * without probes). Those of a process without books are ignored.
 */
void life_resident(struct ledger *ledger, const struct event *event);
void life_calls(struct ledger *ledger, const struct event *event);
void life_tier(struct ledger *ledger, const struct event *event);
void life_covered(struct ledger *ledger, const struct event *event);

#endif
