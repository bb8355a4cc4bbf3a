/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/code.h"

#include <errno.h>

#include "ledger/pids.h"

int code_stack(struct ledger *ledger, struct process *process, const struct event *event)
{
	int added = stacks_add(&process->stacks, event->stack.id, event->stack.frames,
			       event->stack.count, event->stack.status, event->stack.flags);

	if (added <= 0)
		return added;
	sites_stack_known(&process->sites, event->stack.id);
	ledger->quality.stacks++;
	if (event->stack.status < WIRE_STACK_STATUS_COUNT)
		ledger->quality.stacks_by_status[event->stack.status]++;
	return 0;
}

int code_python_frames(struct ledger *ledger, struct process *process, const struct event *event)
{
	int added = python_stacks_add(&process->python_stacks, event);
	bool unread = event->python_frames.status == WIRE_PYTHON_READ_FAULT;

	if (added <= 0)
		return added;
	for (uint32_t i = 0; i < event->python_frames.count; i++)
		unread |= !event->python_frames.frames[i].function;
	ledger->quality.python_stacks++;
	ledger->quality.python_unread += unread;
	ledger->quality.python_truncated += event->python_frames.status == WIRE_PYTHON_TRUNCATED;
	return 0;
}

void code_python(struct process *process, const struct event *event)
{
	_Static_assert(EVENT_PYTHON_RANGES == SNAPSHOT_PYTHON_RANGES, "copied one by one");
	process->python.version = event->python.version;
	for (size_t i = 0; i < SNAPSHOT_PYTHON_RANGES; i++) {
		process->python.eval[i].start = event->python.eval[i].start;
		process->python.eval[i].end = event->python.eval[i].end;
		process->python.own[i].start = event->python.own[i].start;
		process->python.own[i].end = event->python.own[i].end;
	}
}

int code_module(struct ledger *ledger, const struct event *event)
{
	struct process *process = pids_find(ledger, event->pid);
	int result;

	if (!process && past_has(&ledger->past, event->pid, 0))
		return 0; /* of one whose books are closed */
	if (!process)
		process = pids_add(ledger, event->pid, ledger_time(ledger, event->time_ns));
	if (!process)
		return -ENOMEM;
	result = modules_add(&process->modules, &process->stacks, event->module.start,
			     event->module.end, event->module.bias, event->time_ns,
			     event->module.path, event->module.open_path, event->module.build_id);
	if (result == -EINVAL || result == -ENOSPC) {
		ledger->quality.senseless++;
		result = 0;
	}
	return result;
}
