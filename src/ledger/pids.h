/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process an event belongs to. A pid is handed out again: a process is (pid, start
 * time), and the books of one that ended may be closed, or still be open beside those of
 * the next that bears its pid.
 */
#ifndef OUTLIVE_LEDGER_PIDS_H
#define OUTLIVE_LEDGER_PIDS_H

#include "ledger/tables.h"

/* All times are ns since the ledger's start, but for `start_ns`: CLOCK_MONOTONIC. The
 * processes are the ledger's, and stay until the next one ends. */

/* The last process of that pid that has books, ended or not; NULL: none. */
struct process *pids_find(const struct ledger *ledger, uint32_t pid);

/* Open books for a new process of that pid, first seen at `now_ns`. NULL without memory, or
 * beyond LEDGER_MAX_PROCESSES. */
struct process *pids_add(struct ledger *ledger, uint32_t pid, uint64_t now_ns);

/*
 * The process that did something at `now_ns`: a new one when the pid was not
 * seen before, or when its last bearer had ended by then. NULL when the books of
 * that one are closed, or without memory.
 */
struct process *pids_get(struct ledger *ledger, uint32_t pid, uint64_t now_ns);

/*
 * The same for an event that tells the start time (`start_ns`; 0: not known; `exact`: the
 * kernel's own number, not that of /proc): another one is another process, and the one
 * before has ended. NULL without memory.
 */
struct process *pids_get_started(struct ledger *ledger, uint32_t pid, uint64_t start_ns, bool exact,
				 uint64_t now_ns);

/* `process` ended at `now_ns`, unless it has before. Too many that did: the books of those
 * that held least are closed. */
void pids_end(struct ledger *ledger, struct process *process, uint64_t now_ns);

#endif
