/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/pids.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/vec.h"

struct process *pids_find(const struct ledger *ledger, uint32_t pid)
{
	struct process *process;
	uint32_t row;

	if (!map_get(&ledger->by_pid, pid, &row))
		return NULL;
	process = ledger->processes[row];
	return process && process->pid == pid ? process : NULL;
}

/* A row that is free, or one more. Returns 0 or -ENOMEM. */
static int free_row(struct ledger *ledger, uint32_t *ret_row)
{
	if (ledger->free_count) {
		*ret_row = ledger->free_rows[--ledger->free_count];
		return 0;
	}
	if (ledger->process_count >= LEDGER_MAX_PROCESSES ||
	    VEC_PUSH_ROOM(ledger->processes, ledger->process_count, ledger->process_capacity) < 0 ||
	    vec_reserve((void **)&ledger->free_rows, &ledger->free_capacity,
			ledger->process_count + 1, sizeof(*ledger->free_rows)) < 0)
		return -ENOMEM;
	*ret_row = (uint32_t)ledger->process_count;
	ledger->processes[ledger->process_count++] = NULL;
	return 0;
}

struct process *pids_add(struct ledger *ledger, uint32_t pid, uint64_t now_ns)
{
	struct process *process;
	uint32_t row;

	if (free_row(ledger, &row) < 0)
		return NULL;
	process = process_new(row, pid, hash_mix(ledger->seed + row), now_ns);
	if (!process || map_set(&ledger->by_pid, pid, row) < 0) {
		process_free(process);
		ledger->free_rows[ledger->free_count++] = row;
		return NULL;
	}
	ledger->processes[row] = process;
	ledger->cached = process;
	return process;
}

/* Release the books of a process of the past; its sum stays. */
static void close_books(struct ledger *ledger, uint32_t row)
{
	struct process *process = ledger->processes[row];

	past_close(&ledger->past, process);
	replaced_forget(&ledger->replaced, row);
	if (ledger->cached == process)
		ledger->cached = NULL;
	ledger->processes[row] = NULL;
	ledger->free_rows[ledger->free_count++] = row;
	process_free(process);
}

void pids_end(struct ledger *ledger, struct process *process, uint64_t now_ns)
{
	uint32_t row;

	if (process->exited)
		return;
	process_exit(process, now_ns);
	past_add(&ledger->past, process);
	while (past_take(&ledger->past, &row))
		close_books(ledger, row);
}

struct process *pids_get(struct ledger *ledger, uint32_t pid, uint64_t now_ns)
{
	struct process *process = ledger->cached;

	if (!process || process->pid != pid)
		process = pids_find(ledger, pid);
	if (!process && past_has(&ledger->past, pid, now_ns))
		return NULL;
	if (!process || (process->exited && now_ns > process->exit_ns))
		return pids_add(ledger, pid, now_ns);
	ledger->cached = process;
	return process;
}

struct process *pids_get_started(struct ledger *ledger, uint32_t pid, uint64_t start_ns, bool exact,
				 uint64_t now_ns)
{
	struct process *process = pids_find(ledger, pid);

	if (process && start_ns && process->start_ns) {
		if (!process_started_at(process, start_ns, exact)) {
			pids_end(ledger, process, now_ns);
			process = NULL;
		}
	} else if (process && process->exited && now_ns > process->exit_ns) {
		process = NULL;
	}
	if (!process)
		process = pids_add(ledger, pid, now_ns);
	if (process)
		process_set_start(process, start_ns, exact);
	return process;
}
