/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/stack_status.h"

const struct stack_status stack_statuses[WIRE_STACK_STATUS_COUNT] = {
	[WIRE_STACK_COMPLETE] = {
		"complete", "reaches the start of the thread",
	},
	[WIRE_STACK_TRUNCATED] = {
		"truncated", "deeper than 127 frames: the outer ones are missing",
	},
	[WIRE_STACK_NO_MODULE] = {
		"no-module", "goes on in memory that belongs to no known file",
	},
	[WIRE_STACK_NO_ROW] = {
		"no-row", "goes on in code without unwind information",
	},
	[WIRE_STACK_READ_FAULT] = {
		"read-fault", "goes on in stack memory that could not be read",
	},
	[WIRE_STACK_NO_PROGRESS] = {
		"no-progress", "its next frame would not lie above the last",
	},
	[WIRE_STACK_TRAMPOLINE] = {
		"trampoline", "its next return address belongs to another tracer's probe",
	},
};

const struct stack_status *stack_status_find(uint8_t status)
{
	static const struct stack_status unknown = {
		"unknown", "ended for a reason this version does not know"
	};

	return status < WIRE_STACK_STATUS_COUNT ? &stack_statuses[status] : &unknown;
}
