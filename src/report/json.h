/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that JSON documents of several kinds have: what they say about a trace, a verdict
 * and a stack is the same everywhere. */
#ifndef OUTLIVE_REPORT_JSON_H
#define OUTLIVE_REPORT_JSON_H

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

/* A number of which 0 means that it is not known: null. */
void json_known(struct json *json, const char *name, uint64_t value);

#endif
