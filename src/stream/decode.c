/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each kind has one row: the least length its record may have, and the
 * function that copies its fields. A longer record is fine, it comes from a
 * newer version that appended fields; a shorter one is refused before any
 * field is read. Records are copied out first, because a file gives no
 * alignment.
 */
#include "stream/decode.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

struct decoder {
	uint16_t least; /* bytes */
	uint8_t kind;	/* enum event_kind */
	/* Checks all before it writes anything. */
	int (*fill)(const void *data, size_t length, struct event *event);
};

static int fill_alloc(const void *data, size_t length, struct event *event)
{
	struct wire_alloc record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->alloc.address = record.address;
	event->alloc.size = record.size;
	event->alloc.stack = record.stack;
	return 0;
}

static int fill_free(const void *data, size_t length, struct event *event)
{
	struct wire_free record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->free.address = record.address;
	return 0;
}

static int fill_realloc(const void *data, size_t length, struct event *event)
{
	struct wire_realloc record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->realloc.old_address = record.old_address;
	event->realloc.address = record.address;
	event->realloc.size = record.size;
	event->realloc.enter_ns = record.enter_ns;
	event->realloc.stack = record.stack;
	return 0;
}

static int fill_pairs(const void *data, size_t length, struct event *event)
{
	struct wire_pairs record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	/* One may be evidence about the last block that was counted before. */
	if (record.replaced > (uint64_t)record.count + 1 || record.log2_size > 63 ||
	    record.cleared_birth_ns > record.cleared_ns || record.refilled > record.replaced || record.first_birth_ns > record.last_birth_ns ||
	    record.last_birth_ns > record.header.time_ns)
		return -EBADMSG;
	event->pairs.stack = record.stack;
	event->pairs.bytes = record.bytes;
	event->pairs.lifetime_ns = record.lifetime_ns;
	event->pairs.first_birth_ns = record.first_birth_ns;
	event->pairs.last_birth_ns = record.last_birth_ns;
	event->pairs.count = record.count;
	event->pairs.replaced = record.replaced;
	event->pairs.refilled = record.refilled;
	event->pairs.cleared_birth_ns = record.cleared_birth_ns;
	event->pairs.cleared_ns = record.cleared_ns;
	event->pairs.log2_size = (uint8_t)record.log2_size;
	return 0;
}

static int fill_stack(const void *data, size_t length, struct event *event)
{
	struct wire_stack record;

	memcpy(&record, data, sizeof(record));
	if (record.id == 0 || record.count > WIRE_MAX_FRAMES ||
	    length < sizeof(record) + record.count * sizeof(uint64_t))
		return -EBADMSG;
	event->stack.id = record.id;
	event->stack.count = record.count;
	event->stack.status = record.status;
	event->stack.flags = record.flags;
	event->stack.frames =
		(const uint64_t *)(const void *)((const char *)data + sizeof(record));
	return 0;
}

static int fill_python_stack(const void *data, size_t length, struct event *event)
{
	struct wire_python_stack record;

	memcpy(&record, data, sizeof(record));
	if (record.id == 0 || record.count > WIRE_MAX_FRAMES ||
	    length < sizeof(record) + record.count * sizeof(struct wire_python_frame))
		return -EBADMSG;
	event->python_stack.id = record.id;
	event->python_stack.count = record.count;
	event->python_stack.status = record.status;
	event->python_stack.frames = (const char *)data + sizeof(record);
	return 0;
}

static int fill_range(const void *data, size_t length, struct event *event)
{
	struct wire_range record = { .stack = 0 };

	/* An earlier version's ends before `stack`. */
	memcpy(&record, data, length < sizeof(record) ? length : sizeof(record));
	event->range.address = record.address;
	event->range.length = record.length;
	event->range.old_address = record.old_address;
	event->range.old_length = record.old_length;
	event->range.enter_ns = record.enter_ns;
	event->range.prot = record.prot;
	event->range.map_flags = record.map_flags;
	event->range.fd = record.fd;
	event->range.stack = record.stack;
	return 0;
}

static int fill_thread(const void *data, size_t length, struct event *event)
{
	struct wire_thread record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->thread.thread_start_ns = record.thread_start_ns;
	event->thread.process_start_ns = record.process_start_ns;
	memcpy(event->thread.comm, record.comm, sizeof(record.comm));
	event->thread.comm[sizeof(record.comm) - 1] = '\0';
	return 0;
}

static int fill_fork(const void *data, size_t length, struct event *event)
{
	struct wire_fork record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->fork.child_pid = record.child_pid;
	event->fork.child_start_ns = record.child_start_ns;
	return 0;
}

static int fill_exit(const void *data, size_t length, struct event *event)
{
	struct wire_exit record;

	(void)length;
	memcpy(&record, data, sizeof(record));
	event->exit.last_thread = record.last_thread;
	return 0;
}

#define RANGE_LEAST offsetof(struct wire_range, stack)

/* Row 0 stands for every kind that is not known: EVENT_NONE, nothing to copy. */
static const struct decoder decoders[WIRE_KIND_COUNT] = {
	[WIRE_ALLOC] = { sizeof(struct wire_alloc), EVENT_ALLOC, fill_alloc },
	[WIRE_FREE] = { sizeof(struct wire_free), EVENT_FREE, fill_free },
	[WIRE_REALLOC] = { sizeof(struct wire_realloc), EVENT_REALLOC, fill_realloc },
	[WIRE_PAIRS] = { sizeof(struct wire_pairs), EVENT_PAIRS, fill_pairs },
	[WIRE_STACK] = { sizeof(struct wire_stack), EVENT_STACK, fill_stack },
	[WIRE_MAP] = { RANGE_LEAST, EVENT_MAP, fill_range },
	[WIRE_UNMAP] = { RANGE_LEAST, EVENT_UNMAP, fill_range },
	[WIRE_REMAP] = { RANGE_LEAST, EVENT_REMAP, fill_range },
	[WIRE_BRK] = { RANGE_LEAST, EVENT_BRK, fill_range },
	[WIRE_THREAD] = { sizeof(struct wire_thread), EVENT_THREAD, fill_thread },
	[WIRE_FORK] = { sizeof(struct wire_fork), EVENT_FORK, fill_fork },
	[WIRE_EXEC] = { sizeof(struct wire_thread), EVENT_EXEC, fill_thread },
	[WIRE_PYTHON_STACK] = { sizeof(struct wire_python_stack), EVENT_PYTHON_STACK,
				fill_python_stack },
	[WIRE_EXIT] = { sizeof(struct wire_exit), EVENT_EXIT, fill_exit },
};

int decode_record(const void *data, size_t size, struct event *ret_event)
{
	const struct decoder *decoder;
	struct wire_header header;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.length < sizeof(header) || header.length > size)
		return -EBADMSG;

	decoder = header.kind < ARRAY_LENGTH(decoders) ? &decoders[header.kind] : &decoders[0];
	if (decoder->fill) {
		if (header.length < decoder->least ||
		    decoder->fill(data, header.length, ret_event) < 0)
			return -EBADMSG;
	}
	ret_event->kind = decoder->kind;
	ret_event->function = header.function;
	ret_event->flags = header.flags;
	ret_event->rate = header.rate;
	ret_event->pid = header.pid;
	ret_event->tid = header.tid;
	ret_event->time_ns = header.time_ns;
	ret_event->wire = data;
	ret_event->wire_bytes = header.length;
	return header.length;
}
