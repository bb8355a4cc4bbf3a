/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Side records: what was written is read, by this version and from older ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/side_record.h"

#define OLD_PROCESS_BYTES 56 /* of a process record of version 0.1: no home */

static const struct event_home home = {
	.parent_pid = 7,
	.inner_pid = 3,
	.uid = 33,
	.namespaces = 5,
	.user = "www-data",
	.cgroup = "/system.slice/docker-x.scope",
	.container = "3f1c",
};

static struct event make_event(const struct event_home *lives)
{
	struct event event = { .kind = EVENT_PROCESS, .pid = 42, .time_ns = 9 };

	event.process.start_ns = 8;
	event.process.brk_start = 0x1000;
	event.process.brk_end = 0x2000;
	event.process.comm = "nginx";
	event.process.exe = "/usr/sbin/nginx";
	event.process.home = lives;
	return event;
}

/* Decode all that is in `buffer`; its last record's event is left. */
static void read_all(const struct side_buffer *buffer, struct side_reader *reader,
		     struct event *ret_event)
{
	for (size_t at = 0; at < buffer->size;) {
		int length = side_decode(reader, buffer->bytes + at, buffer->size - at, ret_event);

		assert_true(length > 0);
		at += (size_t)length;
	}
}

static void test_process(void **state)
{
	struct event event = make_event(&home), read = { .kind = EVENT_NONE };
	struct side_writer writer = { .seed = 1 };
	struct side_reader reader = { .count = 0 };
	struct side_buffer buffer = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(side_encode(&writer, &event, &buffer), 0);
	read_all(&buffer, &reader, &read);
	assert_int_equal(read.kind, EVENT_PROCESS);
	assert_int_equal(read.process.start_ns, 8);
	assert_string_equal(read.process.exe, "/usr/sbin/nginx");
	assert_non_null(read.process.home);
	assert_int_equal(read.process.home->parent_pid, 7);
	assert_int_equal(read.process.home->inner_pid, 3);
	assert_int_equal(read.process.home->uid, 33);
	assert_int_equal(read.process.home->namespaces, 5);
	assert_string_equal(read.process.home->user, "www-data");
	assert_string_equal(read.process.home->cgroup, "/system.slice/docker-x.scope");
	assert_string_equal(read.process.home->container, "3f1c");
	side_reader_free(&reader);
	side_writer_free(&writer);
	free(buffer.bytes);
}

static void test_process_without_home(void **state)
{
	struct event event = make_event(NULL), read = { .kind = EVENT_NONE };
	struct side_writer writer = { .seed = 1 };
	struct side_reader reader = { .count = 0 };
	struct side_buffer buffer = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(side_encode(&writer, &event, &buffer), 0);
	read_all(&buffer, &reader, &read);
	assert_string_equal(read.process.comm, "nginx");
	assert_null(read.process.home);
	side_reader_free(&reader);
	side_writer_free(&writer);
	free(buffer.bytes);
}

/* The record as an older version wrote it: shorter, and its length says so. */
static void test_process_of_an_older_version(void **state)
{
	struct event event = make_event(&home), read = { .kind = EVENT_NONE };
	struct side_writer writer = { .seed = 1 };
	struct side_reader reader = { .count = 0 };
	struct side_buffer buffer = { NULL, 0, 0 };
	uint16_t length = OLD_PROCESS_BYTES;
	char *record;

	(void)state;
	assert_int_equal(side_encode(&writer, &event, &buffer), 0);
	assert_true(buffer.size > 88);
	record = buffer.bytes + buffer.size - 88;
	memcpy(record + offsetof(struct wire_header, length), &length, sizeof(length));
	buffer.size -= 88 - OLD_PROCESS_BYTES;
	read_all(&buffer, &reader, &read);
	assert_int_equal(read.kind, EVENT_PROCESS);
	assert_int_equal(read.process.brk_end, 0x2000);
	assert_string_equal(read.process.comm, "nginx");
	assert_null(read.process.home);
	/* One byte less is none at all. */
	length--;
	memcpy(record + offsetof(struct wire_header, length), &length, sizeof(length));
	assert_int_equal(side_decode(&reader, record, OLD_PROCESS_BYTES, &read), -EBADMSG);
	side_reader_free(&reader);
	side_writer_free(&writer);
	free(buffer.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_process_without_home),
		cmocka_unit_test(test_process_of_an_older_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
