/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/mappings.h"

#include <errno.h>
#include <sys/mman.h>

static void apply_brk(struct process *process, const struct event *event)
{
	if (!process->brk_start)
		process->brk_start = event->range.old_address ? event->range.old_address
							      : event->range.address;
	process->brk_end = event->range.address;
}

/* Who mapped it, where that is told and of interest; 0: nobody. */
static uint32_t owner_of(struct process *process, const struct event *event, enum range_kind kind,
			 uint64_t now_ns)
{
	uint32_t thread;

	if (!event->range.stack || kind != RANGE_ANONYMOUS ||
	    threads_find(&process->threads, event->tid, now_ns, &thread) < 0)
		return 0;
	return ranges_owner(&process->ranges, event->range.stack, thread, event->range.length,
			    now_ns);
}

int mappings_apply(struct ledger *ledger, struct process *process, const struct event *event)
{
	uint64_t now_ns = ledger_time(ledger, event->time_ns);
	uint64_t enter_ns = ledger_time(ledger, event->range.enter_ns);
	enum range_kind kind;
	int result = 0;

	switch (event->kind) {
	case EVENT_MAP:
		kind = range_kind_of(event->range.prot, event->range.map_flags, event->range.fd,
				     event->flags);
		result = ranges_map(&process->ranges, event->range.address, event->range.length,
				    enter_ns, now_ns, kind,
				    owner_of(process, event, kind, now_ns));
		break;
	case EVENT_UNMAP:
		modules_unmap(&process->modules, &process->stacks, event->range.address,
			      event->range.address + event->range.length, event->time_ns);
		result = ranges_unmap(&process->ranges, event->range.address, event->range.length,
				      enter_ns);
		break;
	case EVENT_REMAP:
		result = ranges_remap(&process->ranges, event->range.old_address,
				      event->range.old_length, event->range.address,
				      event->range.length, enter_ns, now_ns,
				      event->range.map_flags & MREMAP_DONTUNMAP);
		break;
	default:
		apply_brk(process, event);
		break;
	}
	if (result == -EINVAL || result == -ENOSPC) {
		ledger->quality.senseless++;
		result = 0;
	}
	return result;
}
