/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that JSON documents of several kinds have: what they say about a trace, a verdict
 * and a stack is the same everywhere. */
#ifndef OUTLIVE_REPORT_JSON_H
#define OUTLIVE_REPORT_JSON_H

#include "analysis/overview.h"
#include "analysis/pattern.h"
#include "analysis/stack.h"
#include "report/json_writer.h"
#include "report/report.h"

/* "capture": how the snapshot came about. */
void json_capture(struct json *json, const struct snapshot *snapshot,
		  const struct report_options *options);

/* "quality": what was lost. */
void json_quality(struct json *json, const struct snapshot_quality *quality);

/* "frames", innermost first. */
void json_frames(struct json *json, const struct stack *stack);

/* "pattern". */
void json_pattern(struct json *json, const struct pattern *pattern);

/* A number of which 0 means that it is not known, a text of which "" does: null. */
void json_known(struct json *json, const char *name, uint64_t value);
void json_text(struct json *json, const char *name, const char *text);

/* "functions": calls by allocator function. */
void json_calls(struct json *json, const struct snapshot_site *site);

/* "live_bytes_low" …: equal to live_bytes where every block was recorded. */
void json_interval(struct json *json, const struct snapshot_sampled *sampled, uint64_t live_bytes);

/* Where a process lives, whose it is, and when: its start is on the kernel's monotonic clock,
 * its end since the first event. */
void json_home(struct json *json, const struct snapshot *snapshot,
	       const struct snapshot_process *process);

/* "verdict", "growth_bytes_per_s". */
void json_process_verdict(struct json *json, const struct process_verdict *verdict);

/* "more_exited": of these only the sum was kept. */
void json_past(struct json *json, const struct snapshot_past *past);

/* "groups": processes of one program in one place, such as a server's workers. With what
 * their sites are together, where there are several. Returns 0 or -ENOMEM. */
int json_groups(struct json *json, const struct snapshot *snapshot,
		const struct report_options *options);

/* "mapped_sites" of a process; `room`: for a stack. */
void json_mapped(struct json *json, const struct report_options *options,
		 const struct snapshot_process *process, struct stack *room);

#endif
