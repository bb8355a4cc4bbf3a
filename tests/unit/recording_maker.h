/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording in a temporary file, of events made up here: some of every kind. */
#ifndef OUTLIVE_TESTS_RECORDING_MAKER_H
#define OUTLIVE_TESTS_RECORDING_MAKER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outlive/wire.h"
#include "stream/decode.h"
#include "stream/recorder.h"

#define MAKER_NOW_NS 99000000000ull
#define MAKER_DURATION_NS 98000000000ull

static const struct recording_about maker_about = {
	.kernel = "6.1.0-test", .stacks = "auto", .program = "0.1.0", .min_size = 7,
};

static struct wire_header maker_header(uint16_t kind, size_t length, uint64_t time_ns)
{
	return (struct wire_header){ .kind = kind, .length = (uint16_t)length, .function = 1,
				     .pid = 100, .tid = 101, .time_ns = time_ns };
}

/* What is delivered here goes into the recorder and, if wanted, to somebody else. */
struct maker {
	struct recorder *recorder;
	event_fn also;
	void *context;
};

static void maker_deliver(struct maker *maker, const struct event *event)
{
	recorder_event(event, maker->recorder);
	if (maker->also)
		maker->also(event, maker->context);
}

static void maker_wire(struct maker *maker, const void *record, size_t size)
{
	struct event event;

	if (decode_record(record, size, &event) != (int)size)
		abort();
	maker_deliver(maker, &event);
}

static void maker_process(struct maker *maker)
{
	struct event event = { .kind = EVENT_PROCESS, .pid = 100, .time_ns = 1000 };
	struct event map = { .kind = EVENT_MAP, .flags = WIRE_BEFORE_TRACE, .pid = 100,
			     .time_ns = 1001 };
	struct event module = { .kind = EVENT_MODULE, .pid = 100, .time_ns = 1002 };
	struct event python = { .kind = EVENT_PYTHON, .pid = 100, .time_ns = 1003 };

	event.process.comm = "shop";
	event.process.exe = "/usr/bin/shop";
	event.process.brk_start = 0x1000;
	event.process.brk_end = 0x9000;
	maker_deliver(maker, &event);
	map.range.address = 0x70000;
	map.range.length = 0x4000;
	map.range.fd = -1;
	map.range.prot = 3;
	map.range.map_flags = 0x22;
	maker_deliver(maker, &map);
	module.module.start = 0x400000;
	module.module.end = 0x500000;
	module.module.bias = 0x400000;
	module.module.path = "/usr/bin/shop";
	module.module.open_path = "/proc/self/fd/9";
	module.module.build_id = "abcdef0123";
	maker_deliver(maker, &module);
	python.python.version = 3 << 8 | 11;
	python.python.eval[0] = (struct event_range){ 0x400100, 0x400900 };
	python.python.own[0] = (struct event_range){ 0x400000, 0x480000 };
	maker_deliver(maker, &python);
}

static void maker_stack(struct maker *maker, uint64_t id, uint64_t time_ns)
{
	const uint64_t addresses[3] = { 0x401000 + id, 0x402000, 0x403000 };
	char record[sizeof(struct wire_stack) + sizeof(addresses)];
	const struct wire_stack stack = {
		.header = maker_header(WIRE_STACK, sizeof(record), time_ns), .id = id, .count = 3
	};
	const struct event_python_frame frames[] = {
		{ .function = "render", .file = "/srv/app.py", .line = (uint32_t)id, .flags = 7 },
		{ .function = NULL, .file = NULL },
		{ .function = "serve", .file = "/srv/app.py", .line = 9, .internal = true },
	};
	struct event python = { .kind = EVENT_PYTHON_FRAMES, .pid = 100, .tid = 101,
				.time_ns = time_ns };

	python.python_frames.id = id;
	python.python_frames.count = 3;
	python.python_frames.frames = frames;
	maker_deliver(maker, &python);
	memcpy(record, &stack, sizeof(stack));
	memcpy(record + sizeof(stack), addresses, sizeof(addresses));
	maker_wire(maker, record, sizeof(record));
}

static void maker_work(struct maker *maker, unsigned int count)
{
	uint64_t now = 2000;

	for (unsigned int i = 0; i < count; i++) {
		struct wire_alloc alloc = { .address = 0x10000 + i * 64ull, .size = 10 + i % 50,
					    .stack = 1 + i % 11 };
		struct wire_free release = { .address = 0x10000 + i * 64ull };
		struct wire_realloc again = { .old_address = 0x10000 + i * 64ull, .size = 99,
					      .address = 0x9000000 + i * 64ull, .stack = 3 };

		now += 10000;
		if (i < 11)
			maker_stack(maker, i + 1, now);
		alloc.header = maker_header(WIRE_ALLOC, sizeof(alloc), now);
		alloc.header.rate = i % 7 ? 0 : 0x4009;
		maker_wire(maker, &alloc, sizeof(alloc));
		release.header = maker_header(WIRE_FREE, sizeof(release), now + 3);
		again.header = maker_header(WIRE_REALLOC, sizeof(again), now + 4);
		again.enter_ns = now + 3;
		if (i % 3 == 0)
			maker_wire(maker, &release, sizeof(release));
		else if (i % 3 == 1)
			maker_wire(maker, &again, sizeof(again));
	}
}

static void maker_end(struct maker *maker)
{
	struct event resident = { .kind = EVENT_RESIDENT, .pid = 100, .time_ns = 97000000000ull };
	struct event loss = { .kind = EVENT_LOSS, .time_ns = 97000000001ull };
	struct event calls = { .kind = EVENT_CALLS, .pid = 100, .time_ns = 97000000002ull };
	struct event tier = { .kind = EVENT_TIER, .pid = 100, .time_ns = 97000000002ull };
	struct event mark = { .kind = EVENT_MARK, .time_ns = 97000000002ull };

	resident.resident.rss_bytes = 12345678;
	resident.resident.peak_rss_bytes = 22345678;
	maker_deliver(maker, &resident);
	loss.loss.totals[WIRE_LOSS_ALLOC_RING] = 5;
	maker_deliver(maker, &loss);
	calls.calls.blocks = 4310221;
	calls.calls.bytes = 13207024435ull;
	calls.calls.frees = 4309118;
	maker_deliver(maker, &calls);
	tier.tier.tier = EVENT_TIER_SAMPLE;
	tier.tier.sample_bytes = 65536;
	tier.tier.cost = 72;
	tier.tier.limit = 50;
	maker_deliver(maker, &tier);
	tier.tier.tier = EVENT_TIER_MMAP;
	tier.tier.probes_stay = true;
	maker_deliver(maker, &tier);
	mark.mark.name = "after request 7";
	maker_deliver(maker, &mark);
}

/* Make a recording of `count` blocks' lives at `path`. Events are also given to `also`. */
static void maker_record(const char *path, unsigned int count, uint64_t max_bytes, event_fn also,
			 void *context, struct recorder_total *ret_total)
{
	struct maker maker = { .also = also, .context = context };

	if (recorder_open(path, &maker_about, max_bytes, &maker.recorder) < 0)
		abort();
	maker_process(&maker);
	maker_work(&maker, count);
	maker_end(&maker);
	recorder_close(maker.recorder, MAKER_NOW_NS, MAKER_DURATION_NS, ret_total);
}

/* A name for a file, in `path` of 64 bytes. */
static void maker_path(char *path)
{
	int fd;

	snprintf(path, 64, "/tmp/outlive-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		abort();
	close(fd);
}

#endif
