/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/loss.h"

#define LARGER_BUFFER "give the ring more room with --buffer, or trace fewer processes"

const struct loss_cause loss_causes[WIRE_LOSS_COUNT] = {
	[WIRE_LOSS_ALLOC_RING] = {
		"lost_allocs",
		"allocations not seen, the ring buffer was nearly full: live bytes are too low",
		LARGER_BUFFER,
	},
	[WIRE_LOSS_FREE_RING] = {
		"lost_frees",
		"frees not seen, the ring buffer was full: some live blocks are false",
		LARGER_BUFFER,
	},
	[WIRE_LOSS_STACK_RING] = {
		"lost_stacks",
		"stacks not seen, the ring buffer was full: their bytes count at an unknown site",
		LARGER_BUFFER,
	},
	[WIRE_LOSS_THREAD_STATE] = {
		"lost_calls",
		"calls not seen, the kernel gave no memory for a thread's state",
		"free some memory on this machine and trace again",
	},
	[WIRE_LOSS_RANGE_RING] = {
		"lost_ranges",
		"mapping, thread or process records not seen, the ring buffer was full: mappings "
		"and thread names may be wrong, heap bytes are not",
		LARGER_BUFFER,
	},
	[WIRE_LOSS_OUT_POINTER] = {
		"lost_out_pointers",
		"results of posix_memalign could not be read: these blocks are missing",
		"trace again: the page was not resident when the call returned",
	},
	[WIRE_LOSS_FIRST_THREAD] = {
		"lost_sight",
		"processes whose first thread ended before the others: what those did after it "
		"is not seen",
		"trace on Linux 6.10 or later: older kernels tie probes to the first thread",
	},
	[WIRE_LOSS_RECORDING] = {
		"lost_recorded",
		"recorded events that could not be read: blocks freed in them look live",
		"the recording is damaged; what lies before and after is shown",
	},
	[WIRE_LOSS_PROCESS] = {
		"lost_processes",
		"processes not traced, there were more than outlive has places for",
		"trace a cgroup instead of single processes with many children, or fewer processes",
	},
	[WIRE_LOSS_SLOT] = {
		"lost_tables",
		"processes without unwind tables of their own, there were more than outlive makes room "
		"for: their stacks go by frame pointers and may be short, bytes are right",
		"trace fewer: by -p, --cgroup, --comm or --user",
	},
	[WIRE_LOSS_SAMPLED] = {
		"lost_samples",
		"sampled blocks dropped, no room to note them until they are freed: live bytes are "
		"too low",
		"sample more coarsely: a larger --sample",
	},
	[WIRE_LOSS_STALE_CALL] = {
		"stale_calls",
		"allocator calls never returned (a thread died in them or jumped out)",
		"nothing to do unless it is many: such a call's block is not counted",
	},
};
