/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "stream/decode.h"
#include "stream/loss.h"
#include "stream/stack_status.h"

static struct wire_header header(uint16_t kind, size_t length)
{
	return (struct wire_header){ .kind = kind, .length = (uint16_t)length, .function = 3,
				     .flags = WIRE_IN_ALLOCATOR, .rate = 0x1234, .pid = 7, .tid = 8, .time_ns = 9 };
}

/* Decode a copy that ends exactly where the record ends, at an odd address. */
static int decode_copy(const void *record, size_t size, struct event *ret_event)
{
	char *copy = malloc(size + 1);
	int result;

	assert_non_null(copy);
	memcpy(copy + 1, record, size);
	result = decode_record(copy + 1, size, ret_event);
	free(copy);
	return result;
}

static void every_kind_keeps_its_fields(void **state)
{
	struct wire_alloc alloc = { header(WIRE_ALLOC, sizeof(alloc)), 0x10, 20, 30 };
	struct wire_free release = { header(WIRE_FREE, sizeof(release)), 0x11 };
	struct wire_realloc grow = { header(WIRE_REALLOC, sizeof(grow)), 1, 2, 3, 4, 5 };
	struct wire_range range = { header(WIRE_REMAP, sizeof(range)), 1, 2, 3, 4, 5, 6, 7, -1, 0, 8 };
	struct wire_thread thread = { header(WIRE_EXEC, sizeof(thread)), 1, 2, "0123456789abcde" };
	struct wire_fork fork_record = { header(WIRE_FORK, sizeof(fork_record)), 1, 0, 2 };
	struct wire_exit exit_record = { header(WIRE_EXIT, sizeof(exit_record)), 1, 0 };
	struct event event;

	(void)state;
	assert_int_equal(decode_copy(&alloc, sizeof(alloc), &event), sizeof(alloc));
	assert_int_equal(event.kind, EVENT_ALLOC);
	assert_int_equal(event.function, 3);
	assert_int_equal(event.flags, WIRE_IN_ALLOCATOR);
	assert_int_equal(event.pid, 7);
	assert_int_equal(event.tid, 8);
	assert_int_equal(event.time_ns, 9);
	assert_int_equal(event.alloc.address, 0x10);
	assert_int_equal(event.alloc.size, 20);
	assert_int_equal(event.alloc.stack, 30);
	assert_int_equal(decode_copy(&release, sizeof(release), &event), sizeof(release));
	assert_int_equal(event.kind, EVENT_FREE);
	assert_int_equal(event.rate, 0x1234);
	assert_int_equal(event.free.address, 0x11);
	assert_int_equal(decode_copy(&grow, sizeof(grow), &event), sizeof(grow));
	assert_int_equal(event.kind, EVENT_REALLOC);
	assert_int_equal(event.realloc.old_address, 1);
	assert_int_equal(event.realloc.address, 2);
	assert_int_equal(event.realloc.size, 3);
	assert_int_equal(event.realloc.enter_ns, 4);
	assert_int_equal(event.realloc.stack, 5);
	assert_int_equal(decode_copy(&range, sizeof(range), &event), sizeof(range));
	assert_int_equal(event.kind, EVENT_REMAP);
	assert_int_equal(event.range.address, 1);
	assert_int_equal(event.range.old_length, 4);
	assert_int_equal(event.range.enter_ns, 5);
	assert_int_equal(event.range.prot, 6);
	assert_int_equal(event.range.map_flags, 7);
	assert_int_equal(event.range.fd, -1);
	assert_int_equal(event.range.stack, 8);
	/* As an earlier version wrote it. */
	range.header.length = offsetof(struct wire_range, stack);
	assert_int_equal(decode_copy(&range, range.header.length, &event), range.header.length);
	assert_int_equal(event.range.fd, -1);
	assert_int_equal(event.range.stack, 0);
	memset(thread.comm, 'x', sizeof(thread.comm));
	assert_int_equal(decode_copy(&thread, sizeof(thread), &event), sizeof(thread));
	assert_int_equal(event.kind, EVENT_EXEC);
	assert_int_equal(event.thread.process_start_ns, 2);
	assert_int_equal(strlen(event.thread.comm), WIRE_COMM_BYTES - 1);
	assert_int_equal(decode_copy(&fork_record, sizeof(fork_record), &event),
			 sizeof(fork_record));
	assert_int_equal(event.kind, EVENT_FORK);
	assert_int_equal(event.fork.child_start_ns, 2);
	assert_int_equal(decode_copy(&exit_record, sizeof(exit_record), &event),
			 sizeof(exit_record));
	assert_int_equal(event.kind, EVENT_EXIT);
	assert_int_equal(event.exit.last_thread, 1);
}

/* A stack record of `count` frames as bytes; returns its length. */
static size_t put_stack(char *bytes, uint64_t id, uint16_t count)
{
	struct wire_stack record = {
		.header = header(WIRE_STACK, sizeof(record) + count * sizeof(uint64_t)),
		.id = id,
		.count = count,
		.status = WIRE_STACK_NO_ROW,
	};

	memcpy(bytes, &record, sizeof(record));
	for (uint64_t i = 0; i < count; i++) {
		uint64_t frame = 1000 + i;

		memcpy(bytes + sizeof(record) + i * sizeof(frame), &frame, sizeof(frame));
	}
	return record.header.length;
}

static void a_stack_keeps_its_frames(void **state)
{
	char bytes[2048];
	size_t length = put_stack(bytes, 77, WIRE_MAX_FRAMES);
	struct event event;
	uint64_t frame;

	(void)state;
	assert_int_equal(decode_record(bytes, sizeof(bytes), &event), length);
	assert_int_equal(event.stack.id, 77);
	assert_int_equal(event.stack.count, WIRE_MAX_FRAMES);
	assert_int_equal(event.stack.status, WIRE_STACK_NO_ROW);
	memcpy(&frame, event.stack.frames + WIRE_MAX_FRAMES - 1, sizeof(frame));
	assert_int_equal(frame, 1000 + WIRE_MAX_FRAMES - 1);
}

static void hostile_stacks_are_refused(void **state)
{
	char bytes[2048];
	size_t length = put_stack(bytes, 77, 3);
	struct wire_stack record;
	struct event event;

	(void)state;
	assert_int_equal(decode_copy(bytes, length, &event), length);
	memcpy(&record, bytes, sizeof(record));
	record.count = 4; /* one more than the length holds */
	memcpy(bytes, &record, sizeof(record));
	assert_int_equal(decode_copy(bytes, length, &event), -EBADMSG);
	record.count = UINT16_MAX;
	memcpy(bytes, &record, sizeof(record));
	assert_int_equal(decode_copy(bytes, length, &event), -EBADMSG);
	length = put_stack(bytes, 77, WIRE_MAX_FRAMES + 1);
	assert_int_equal(decode_copy(bytes, length, &event), -EBADMSG);
	length = put_stack(bytes, 0, 3);
	assert_int_equal(decode_copy(bytes, length, &event), -EBADMSG);
}

static void a_python_stack_keeps_its_frames(void **state)
{
	struct {
		struct wire_python_stack head;
		struct wire_python_frame frames[3];
	} record = { .frames = { { 1, 2, 3, WIRE_PYTHON_ENTRY }, { 4, 5, 6, 0 }, { 7, 8, 9, 0 } } };
	struct wire_python_frame frame;
	struct event event;

	(void)state;
	record.head.header = header(WIRE_PYTHON_STACK, sizeof(record));
	record.head.id = 78;
	record.head.count = 3;
	record.head.status = WIRE_PYTHON_TRUNCATED;
	assert_int_equal(decode_record(&record, sizeof(record), &event), sizeof(record));
	assert_int_equal(event.kind, EVENT_PYTHON_STACK);
	assert_int_equal(event.python_stack.id, 78);
	assert_int_equal(event.python_stack.count, 3);
	assert_int_equal(event.python_stack.status, WIRE_PYTHON_TRUNCATED);
	memcpy(&frame, (const char *)event.python_stack.frames + 2 * sizeof(frame), sizeof(frame));
	assert_int_equal(frame.code, 7);
	assert_int_equal(frame.last, 9);
	record.head.count = 4; /* one more than the length holds */
	assert_int_equal(decode_copy(&record, sizeof(record), &event), -EBADMSG);
	record.head.count = WIRE_MAX_FRAMES + 1;
	record.head.header.length = UINT16_MAX;
	assert_int_equal(decode_copy(&record, sizeof(record), &event), -EBADMSG);
	record.head.header.length = sizeof(record);
	record.head.count = 3;
	record.head.id = 0;
	assert_int_equal(decode_copy(&record, sizeof(record), &event), -EBADMSG);
}

/* Every kind, cut at every length: refused whole, and nothing beyond is read
 * (the copies end where they are cut, which the sanitizer watches). */
static void truncated_records_are_refused(void **state)
{
	static const size_t sizes[WIRE_KIND_COUNT] = {
		[WIRE_ALLOC] = sizeof(struct wire_alloc),
		[WIRE_FREE] = sizeof(struct wire_free),
		[WIRE_REALLOC] = sizeof(struct wire_realloc),
		[WIRE_STACK] = sizeof(struct wire_stack),
		[WIRE_MAP] = offsetof(struct wire_range, stack),
		[WIRE_UNMAP] = offsetof(struct wire_range, stack),
		[WIRE_REMAP] = offsetof(struct wire_range, stack),
		[WIRE_BRK] = offsetof(struct wire_range, stack),
		[WIRE_THREAD] = sizeof(struct wire_thread),
		[WIRE_FORK] = sizeof(struct wire_fork),
		[WIRE_EXEC] = sizeof(struct wire_thread),
		[WIRE_EXIT] = sizeof(struct wire_exit),
		[WIRE_PYTHON_STACK] = sizeof(struct wire_python_stack),
	};
	struct event event = { .kind = 99 };

	(void)state;
	for (uint16_t kind = 1; kind < WIRE_KIND_COUNT; kind++) {
		for (size_t size = 0; size < sizes[kind]; size++) {
			char bytes[256] = { 0 };
			struct wire_header head = header(kind, sizes[kind]);

			memcpy(bytes, &head, sizeof(head));
			assert_int_equal(decode_copy(bytes, size, &event), -EBADMSG);
			head.length = (uint16_t)size; /* and honest about it */
			memcpy(bytes, &head, sizeof(head));
			assert_int_equal(decode_copy(bytes, size, &event), -EBADMSG);
		}
	}
	assert_int_equal(event.kind, 99);
}

static void unknown_kinds_are_skipped_by_length(void **state)
{
	char bytes[100] = { 0 };
	struct wire_header head = header(WIRE_KIND_COUNT + 5, 72);
	struct event event;

	(void)state;
	memcpy(bytes, &head, sizeof(head));
	assert_int_equal(decode_copy(bytes, sizeof(bytes), &event), 72);
	assert_int_equal(event.kind, EVENT_NONE);
	head.kind = WIRE_NONE;
	memcpy(bytes, &head, sizeof(head));
	assert_int_equal(decode_copy(bytes, sizeof(bytes), &event), 72);
	assert_int_equal(event.kind, EVENT_NONE);
}

static void longer_records_of_a_newer_version_are_read(void **state)
{
	struct {
		struct wire_free release;
		uint64_t appended;
	} record = { { header(WIRE_FREE, sizeof(record)), 0x11 }, 5 };
	struct event event;

	(void)state;
	assert_int_equal(decode_copy(&record, sizeof(record), &event), sizeof(record));
	assert_int_equal(event.free.address, 0x11);
}

static void garbage_never_harms(void **state)
{
	size_t accepted = 0;
	struct event event;

	(void)state;
	for (uint64_t round = 0; round < 200000; round++) {
		uint64_t words[32];
		size_t size = hash_mix(round) % sizeof(words);
		int result;

		for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
			words[i] = hash_mix(round * 64 + i);
		/* A likely kind and length: else nearly all stop at the header. */
		words[0] = (words[0] & ~0xffffffffull) | words[1] % (WIRE_KIND_COUNT + 2) |
			   words[2] % 260 << 16;
		result = decode_copy(words, size, &event);
		assert_true(result == -EBADMSG || (result >= 24 && (size_t)result <= size));
		accepted += result > 0;
	}
	assert_true(accepted > 1000);
}

static void every_loss_and_status_has_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIRE_LOSS_COUNT; i++) {
		assert_non_null(loss_causes[i].name);
		assert_non_null(loss_causes[i].text);
		assert_non_null(loss_causes[i].remedy);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(loss_causes[i].name, loss_causes[j].name);
	}
	assert_string_equal(loss_causes[WIRE_LOSS_FREE_RING].name, "lost_frees");
	for (size_t i = 0; i < WIRE_STACK_STATUS_COUNT; i++) {
		assert_non_null(stack_statuses[i].name);
		assert_ptr_equal(stack_status_find((uint8_t)i), &stack_statuses[i]);
	}
	assert_string_equal(stack_status_find(WIRE_STACK_STATUS_COUNT)->name, "unknown");
	assert_string_equal(stack_status_find(255)->name, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_keeps_its_fields),
		cmocka_unit_test(a_stack_keeps_its_frames),
		cmocka_unit_test(a_python_stack_keeps_its_frames),
		cmocka_unit_test(hostile_stacks_are_refused),
		cmocka_unit_test(truncated_records_are_refused),
		cmocka_unit_test(unknown_kinds_are_skipped_by_length),
		cmocka_unit_test(longer_records_of_a_newer_version_are_read),
		cmocka_unit_test(garbage_never_harms),
		cmocka_unit_test(every_loss_and_status_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
