/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Side records byte by byte, as they lie in a recording; private to side_encode.c and
 * side_decode.c. Texts are numbers from 1 on, 0 is no text. Fields are append-only.
 */
#ifndef OUTLIVE_STREAM_SIDE_LAYOUT_H
#define OUTLIVE_STREAM_SIDE_LAYOUT_H

#include <stdint.h>

#include "outlive/wire.h"
#include "stream/event.h"

struct side_text {
	struct wire_header header;
	uint32_t number;
	uint32_t zero;
	char bytes[]; /* up to NUL or the record's end, padded to a multiple of 8 */
};

struct side_process {
	struct wire_header header;
	uint64_t start_ns, brk_start, brk_end;
	uint32_t comm, exe;
	/* Appended later: struct event_home. */
	uint32_t home_known, parent_pid, inner_pid, uid, namespaces;
	uint32_t user, cgroup, container;
};

#define SIDE_PROCESS_LEAST 56 /* bytes of one without a home */

struct side_module {
	struct wire_header header;
	uint64_t start, end, bias;
	uint32_t path, build_id;
};

struct side_resident {
	struct wire_header header;
	uint64_t rss_bytes, peak_rss_bytes;
};

struct side_loss {
	struct wire_header header;
	uint64_t totals[]; /* up to the record's end; causes are append-only */
};

struct side_python {
	struct wire_header header;
	uint32_t version, zero;
	struct event_range eval[EVENT_PYTHON_RANGES], own[EVENT_PYTHON_RANGES];
};

struct side_python_frame {
	uint32_t function, file, line;
	uint8_t flags, internal;
	uint16_t zero;
};

struct side_python_frames {
	struct wire_header header;
	uint64_t id;
	uint32_t count;
	uint8_t status;
	uint8_t zero[3];
	struct side_python_frame frames[]; /* count of them */
};

struct side_mark {
	struct wire_header header;
	uint32_t name, zero;
};

struct side_covered {
	struct wire_header header;
	uint64_t after_ns;
};

struct side_calls {
	struct wire_header header;
	uint64_t blocks, bytes, frees;
};

struct side_tier {
	struct wire_header header;
	uint64_t sample_bytes;
	uint32_t cost, limit;
	uint8_t tier, probes_stay, zero[6];
};

_Static_assert(sizeof(struct side_text) == 32, "side_text is file format");
_Static_assert(sizeof(struct side_process) == 88, "side_process is file format");
_Static_assert(sizeof(struct side_module) == 56, "side_module is file format");
_Static_assert(sizeof(struct side_resident) == 40, "side_resident is file format");
_Static_assert(sizeof(struct side_python) == 96, "side_python is file format");
_Static_assert(sizeof(struct side_python_frame) == 16, "side_python_frame is file format");
_Static_assert(sizeof(struct side_python_frames) == 40, "side_python_frames is file format");
_Static_assert(sizeof(struct side_mark) == 32, "side_mark is file format");
_Static_assert(sizeof(struct side_covered) == 32, "side_covered is file format");
_Static_assert(sizeof(struct side_calls) == 48, "side_calls is file format");
_Static_assert(sizeof(struct side_tier) == 48, "side_tier is file format");

#endif
