/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events to side records: one put_…() a kind, and the texts that it is the first to use. */
#include "stream/side_record.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "base/vec.h"
#include "stream/side_layout.h"

int side_append(struct side_buffer *buffer, const void *bytes, size_t size)
{
	int result = 0;

	if (size > buffer->capacity - buffer->size)
		result = vec_reserve((void **)&buffer->bytes, &buffer->capacity,
				     buffer->size + size, 1);
	if (result < 0)
		return result;
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	return 0;
}

/* The number of `text`, which is put into the stream on its first use. One that there
 * is no room for is 0, no text. */
static uint32_t text_number(struct side_writer *writer, struct side_buffer *buffer,
			    const char *text)
{
	static const char zeroes[8];
	size_t length = text ? strnlen(text, SIDE_TEXT_MOST) : 0, padding = -length & 7;
	struct side_text record = { .header = { .kind = SIDE_TEXT } };
	size_t before = buffer->size;
	uint64_t hash;
	uint32_t number;

	if (!text)
		return 0;
	hash = XXH3_64bits_withSeed(text, length, writer->seed);
	if (map_get(&writer->by_hash, hash, &number))
		return number;
	if (writer->count + 1 >= SIDE_TEXTS_MOST || writer->total_bytes + length > SIDE_TEXTS_BYTES)
		return 0;
	number = writer->count + 1;
	record.header.length = (uint16_t)(sizeof(record) + length + padding);
	record.number = number;
	if (side_append(buffer, &record, sizeof(record)) < 0 ||
	    side_append(buffer, text, length) < 0 || side_append(buffer, zeroes, padding) < 0 ||
	    map_set(&writer->by_hash, hash, number) < 0) {
		buffer->size = before;
		return 0;
	}
	writer->count = number;
	writer->total_bytes += length;
	return number;
}

static struct wire_header header_of(const struct event *event, uint16_t kind, size_t length)
{
	return (struct wire_header){
		.kind = kind,
		.length = (uint16_t)length,
		.function = event->function,
		.flags = event->flags,
		.rate = event->rate,
		.pid = event->pid,
		.tid = event->tid,
		.time_ns = event->time_ns,
	};
}

static int put_process(struct side_writer *writer, const struct event *event,
		       struct side_buffer *buffer)
{
	struct side_process record = {
		.header = header_of(event, SIDE_PROCESS, sizeof(record)),
		.start_ns = event->process.start_ns,
		.brk_start = event->process.brk_start,
		.brk_end = event->process.brk_end,
		.comm = text_number(writer, buffer, event->process.comm),
		.exe = text_number(writer, buffer, event->process.exe),
	};
	const struct event_home *home = event->process.home;

	if (home) {
		record.home_known = 1;
		record.parent_pid = home->parent_pid;
		record.inner_pid = home->inner_pid;
		record.uid = home->uid;
		record.namespaces = home->namespaces;
		record.user = text_number(writer, buffer, home->user);
		record.cgroup = text_number(writer, buffer, home->cgroup);
		record.container = text_number(writer, buffer, home->container);
	}
	return side_append(buffer, &record, sizeof(record));
}

static int put_module(struct side_writer *writer, const struct event *event,
		      struct side_buffer *buffer)
{
	struct side_module record = {
		.header = header_of(event, SIDE_MODULE, sizeof(record)),
		.start = event->module.start,
		.end = event->module.end,
		.bias = event->module.bias,
		.path = text_number(writer, buffer, event->module.path),
		.build_id = text_number(writer, buffer, event->module.build_id),
	};

	return side_append(buffer, &record, sizeof(record));
}

static int put_resident(struct side_writer *writer, const struct event *event,
			struct side_buffer *buffer)
{
	struct side_resident record = {
		.header = header_of(event, SIDE_RESIDENT, sizeof(record)),
		.rss_bytes = event->resident.rss_bytes,
		.peak_rss_bytes = event->resident.peak_rss_bytes,
	};

	(void)writer;
	return side_append(buffer, &record, sizeof(record));
}

static int put_loss(struct side_writer *writer, const struct event *event,
		    struct side_buffer *buffer)
{
	struct side_loss record = {
		.header = header_of(event, SIDE_LOSS, sizeof(record) + sizeof(event->loss.totals)),
	};
	int result = side_append(buffer, &record, sizeof(record));

	(void)writer;
	return result < 0 ? result :
			    side_append(buffer, event->loss.totals, sizeof(event->loss.totals));
}

static int put_python(struct side_writer *writer, const struct event *event,
		      struct side_buffer *buffer)
{
	struct side_python record = {
		.header = header_of(event, SIDE_PYTHON, sizeof(record)),
		.version = event->python.version,
	};

	(void)writer;
	memcpy(record.eval, event->python.eval, sizeof(record.eval));
	memcpy(record.own, event->python.own, sizeof(record.own));
	return side_append(buffer, &record, sizeof(record));
}

static int put_python_frames(struct side_writer *writer, const struct event *event,
			     struct side_buffer *buffer)
{
	struct side_python_frame frames[WIRE_MAX_FRAMES];
	uint32_t count = event->python_frames.count;
	struct side_python_frames record = {
		.id = event->python_frames.id,
		.status = event->python_frames.status,
	};
	int result;

	if (count > WIRE_MAX_FRAMES)
		count = WIRE_MAX_FRAMES;
	for (uint32_t i = 0; i < count; i++) {
		const struct event_python_frame *frame = &event->python_frames.frames[i];

		frames[i] = (struct side_python_frame){
			.function = text_number(writer, buffer, frame->function),
			.file = text_number(writer, buffer, frame->file),
			.line = frame->line,
			.flags = frame->flags,
			.internal = frame->internal,
		};
	}
	record.header = header_of(event, SIDE_PYTHON_FRAMES,
				  sizeof(record) + count * sizeof(frames[0]));
	record.count = count;
	result = side_append(buffer, &record, sizeof(record));
	return result < 0 ? result : side_append(buffer, frames, count * sizeof(frames[0]));
}

static int put_mark(struct side_writer *writer, const struct event *event,
		    struct side_buffer *buffer)
{
	struct side_mark record = {
		.header = header_of(event, SIDE_MARK, sizeof(record)),
		.name = text_number(writer, buffer, event->mark.name),
	};

	return side_append(buffer, &record, sizeof(record));
}

static int put_covered(struct side_writer *writer, const struct event *event,
		       struct side_buffer *buffer)
{
	struct side_covered record = {
		.header = header_of(event, SIDE_COVERED, sizeof(record)),
		.after_ns = event->covered.after_ns,
	};

	(void)writer;
	return side_append(buffer, &record, sizeof(record));
}

static int put_calls(struct side_writer *writer, const struct event *event,
		     struct side_buffer *buffer)
{
	struct side_calls record = {
		.header = header_of(event, SIDE_CALLS, sizeof(record)),
		.blocks = event->calls.blocks,
		.bytes = event->calls.bytes,
		.frees = event->calls.frees,
	};

	(void)writer;
	return side_append(buffer, &record, sizeof(record));
}

static int put_tier(struct side_writer *writer, const struct event *event,
		    struct side_buffer *buffer)
{
	struct side_tier record = {
		.header = header_of(event, SIDE_TIER, sizeof(record)),
		.sample_bytes = event->tier.sample_bytes,
		.cost = event->tier.cost,
		.limit = event->tier.limit,
		.tier = event->tier.tier,
		.probes_stay = event->tier.probes_stay,
	};

	(void)writer;
	return side_append(buffer, &record, sizeof(record));
}

/* A mapping from before the trace: told by user space in the shape of a wire record. */
static int put_map(struct side_writer *writer, const struct event *event,
		   struct side_buffer *buffer)
{
	struct wire_range record = {
		.header = header_of(event, WIRE_MAP, sizeof(record)),
		.address = event->range.address,
		.length = event->range.length,
		.old_address = event->range.old_address,
		.old_length = event->range.old_length,
		.enter_ns = event->range.enter_ns,
		.prot = event->range.prot,
		.map_flags = event->range.map_flags,
		.fd = event->range.fd,
	};

	(void)writer;
	return side_append(buffer, &record, sizeof(record));
}

int side_encode(struct side_writer *writer, const struct event *event, struct side_buffer *buffer)
{
	static int (*const puts[EVENT_KIND_COUNT])(struct side_writer *, const struct event *,
						   struct side_buffer *) = {
		[EVENT_MAP] = put_map,
		[EVENT_PROCESS] = put_process,
		[EVENT_MODULE] = put_module,
		[EVENT_RESIDENT] = put_resident,
		[EVENT_LOSS] = put_loss,
		[EVENT_PYTHON] = put_python,
		[EVENT_PYTHON_FRAMES] = put_python_frames,
		[EVENT_MARK] = put_mark,
		[EVENT_COVERED] = put_covered,
		[EVENT_CALLS] = put_calls,
		[EVENT_TIER] = put_tier,
	};

	if (event->kind >= EVENT_KIND_COUNT || !puts[event->kind])
		return -EINVAL;
	return puts[event->kind](writer, event, buffer);
}

void side_writer_free(struct side_writer *writer)
{
	map_free(&writer->by_hash);
	memset(writer, 0, sizeof(*writer));
}
