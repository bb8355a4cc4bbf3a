/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Python frames on their way through the ledger into a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/python_stacks.h"

#define PID 100

static const uint64_t addresses[] = { 0x1000, 0x2000 };

static void apply(struct ledger *ledger, const struct event *event)
{
	assert_int_equal(ledger_apply(ledger, event), 0);
}

static struct event make(uint8_t kind, uint64_t time_ns)
{
	return (struct event){
		.kind = kind, .function = 1, .pid = PID, .tid = PID, .time_ns = time_ns
	};
}

/* An allocation of `size` on the stack `id`, with the Python frames given. */
static void allocate(struct ledger *ledger, uint64_t id, uint64_t size,
		     const struct event_python_frame *frames, uint32_t count, uint8_t status)
{
	struct event python = make(EVENT_PYTHON_FRAMES, id), stack = make(EVENT_STACK, id),
		     alloc = make(EVENT_ALLOC, id);

	python.python_frames.id = id;
	python.python_frames.count = count;
	python.python_frames.status = status;
	python.python_frames.frames = frames;
	if (count)
		apply(ledger, &python);
	stack.stack.id = id;
	stack.stack.count = 2;
	stack.stack.frames = addresses;
	apply(ledger, &stack);
	alloc.alloc.address = id * 0x1000;
	alloc.alloc.size = size;
	alloc.alloc.stack = id;
	apply(ledger, &alloc);
}

static void python_is_found(struct ledger *ledger)
{
	struct event event = make(EVENT_PYTHON, 1);

	event.python.version = 0x30b;
	event.python.eval[0] = (struct event_range){ 0x1000, 0x1800 };
	event.python.own[1] = (struct event_range){ 0x400, 0x8000 };
	apply(ledger, &event);
}

static void frames_reach_their_site(void **state)
{
	char function[16] = "render", file[16] = "app.py";
	const struct event_python_frame frames[] = {
		{ function, file, 41, WIRE_PYTHON_ENTRY, false },
		{ "main", file, 7, 0, true },
		{ NULL, NULL, 0, WIRE_PYTHON_ENTRY, false },
	};
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;
	const struct snapshot_site *site;

	(void)state;
	python_is_found(ledger);
	allocate(ledger, 5, 100, frames, 3, WIRE_PYTHON_TRUNCATED);
	allocate(ledger, 6, 200, NULL, 0, WIRE_PYTHON_COMPLETE);
	allocate(ledger, 7, 300, frames, 1, WIRE_PYTHON_COMPLETE);
	/* A stack that is sent again changes nothing. */
	strcpy(function, "other");
	allocate(ledger, 5, 100, frames, 1, WIRE_PYTHON_COMPLETE);
	assert_int_equal(ledger_snapshot(ledger, 10, &snapshot), 0);
	ledger_free(ledger);

	assert_int_equal(snapshot->processes[0].python.version, 0x30b);
	assert_int_equal(snapshot->processes[0].python.eval[0].end, 0x1800);
	assert_int_equal(snapshot->processes[0].python.own[1].start, 0x400);
	assert_int_equal(snapshot->quality.python_stacks, 2);
	assert_int_equal(snapshot->quality.python_unread, 1);
	assert_int_equal(snapshot->quality.python_truncated, 1);
	assert_int_equal(snapshot->processes[0].site_count, 3);
	site = &snapshot->processes[0].sites[0];
	assert_int_equal(site->frame_count, 2);
	assert_int_equal(site->python_count, 3);
	assert_string_equal(site->python[0].function, "render");
	assert_string_equal(site->python[0].file, "app.py");
	assert_int_equal(site->python[0].line, 41);
	assert_true(site->python[0].entry && !site->python[0].internal);
	assert_true(!site->python[1].entry && site->python[1].internal);
	assert_null(site->python[2].function);
	assert_true(site->python[2].entry);
	assert_int_equal(snapshot->processes[0].sites[1].python_count, 0);
	assert_int_equal(snapshot->processes[0].sites[2].python_count, 1);
	snapshot_free(snapshot);
}

static void a_fault_without_frames_is_counted(void **state)
{
	struct ledger *ledger = ledger_new();
	struct event event = make(EVENT_PYTHON_FRAMES, 3);
	struct snapshot *snapshot;

	(void)state;
	event.python_frames.id = 9;
	event.python_frames.status = WIRE_PYTHON_READ_FAULT;
	apply(ledger, &event);
	assert_int_equal(ledger_snapshot(ledger, 10, &snapshot), 0);
	assert_int_equal(snapshot->quality.python_unread, 1);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

static void a_new_program_has_no_interpreter(void **state)
{
	struct ledger *ledger = ledger_new();
	struct event event = make(EVENT_EXEC, 5);
	struct snapshot *snapshot;

	(void)state;
	python_is_found(ledger);
	apply(ledger, &event);
	assert_int_equal(ledger_snapshot(ledger, 10, &snapshot), 0);
	assert_int_equal(snapshot->processes[0].python.version, 0);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

/* Names are kept once, and no more of them than there is room for. */
static void names_are_bounded(void **state)
{
	static char name[60000];
	struct python_stacks stacks = { 0 };
	struct event_python_frame frame = { name, "app.py", 1, 0, false };
	struct event event = make(EVENT_PYTHON_FRAMES, 1);
	size_t before;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	event.python_frames.count = 1;
	event.python_frames.frames = &frame;
	for (uint64_t id = 1; id <= 1500; id++) {
		name[snprintf(name, sizeof(name), "%llu", (unsigned long long)id)] = 'x';
		event.python_frames.id = id;
		assert_int_equal(python_stacks_add(&stacks, &event), 1);
	}
	assert_true(stacks.text_bytes <= PYTHON_STACKS_MAX_TEXT);
	assert_int_equal(stacks.frames[python_stacks_find(&stacks, 1500)->first].function,
			 PYTHON_NO_TEXT);
	before = stacks.text_bytes;
	frame.function = "app.py";
	event.python_frames.id = 2000;
	assert_int_equal(python_stacks_add(&stacks, &event), 1);
	assert_int_equal(stacks.text_bytes, before);
	assert_null(python_stacks_find(&stacks, 3000));
	python_stacks_free(&stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_reach_their_site),
		cmocka_unit_test(a_fault_without_frames_is_counted),
		cmocka_unit_test(a_new_program_has_no_interpreter),
		cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
