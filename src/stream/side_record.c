/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/side_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/cleanup.h"
#include "base/vec.h"

/* The records. Texts are numbers from 1 on, 0 is no text. */
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

/* --- writing ---------------------------------------------------------------- */

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

/* --- reading ---------------------------------------------------------------- */

static const char *text_get(const struct side_reader *reader, uint32_t number)
{
	return number < reader->count ? reader->texts[number] : NULL;
}

static int take_text(struct side_reader *reader, const void *data, size_t length,
		     struct event *event)
{
	size_t size = length - sizeof(struct side_text);
	uint32_t number;
	char *text;
	int result;

	(void)event;
	memcpy(&number, (const char *)data + offsetof(struct side_text, number), sizeof(number));
	if (number == 0 || number >= SIDE_TEXTS_MOST || size > SIDE_TEXT_MOST ||
	    reader->total_bytes + size > SIDE_TEXTS_BYTES)
		return -EBADMSG;
	if (number >= reader->count) {
		result = vec_reserve((void **)&reader->texts, &reader->capacity, number + 1ul,
				     sizeof(*reader->texts));
		if (result < 0)
			return result;
		reader->count = number + 1ul;
	}
	/* A number is given once: events may hold the pointer. */
	if (reader->texts[number])
		return -EBADMSG;
	text = strndup((const char *)data + sizeof(struct side_text), size);
	if (!text)
		return -ENOMEM;
	reader->texts[number] = text;
	reader->total_bytes += size;
	return EVENT_NONE;
}

static int take_process(struct side_reader *reader, const void *data, size_t length,
			struct event *event)
{
	struct side_process record = { .home_known = 0 };
	struct event_home *home = &reader->home;

	memcpy(&record, data, length < sizeof(record) ? SIDE_PROCESS_LEAST : sizeof(record));
	event->process.start_ns = record.start_ns;
	event->process.brk_start = record.brk_start;
	event->process.brk_end = record.brk_end;
	event->process.comm = text_get(reader, record.comm);
	event->process.exe = text_get(reader, record.exe);
	event->process.home = record.home_known ? home : NULL;
	*home = (struct event_home){
		.parent_pid = record.parent_pid,
		.inner_pid = record.inner_pid,
		.uid = record.uid,
		.namespaces = record.namespaces,
		.user = text_get(reader, record.user),
		.cgroup = text_get(reader, record.cgroup),
		.container = text_get(reader, record.container),
	};
	return EVENT_PROCESS;
}

static int take_module(struct side_reader *reader, const void *data, size_t length,
		       struct event *event)
{
	struct side_module record;
	const char *path, *build_id;

	(void)length;
	memcpy(&record, data, sizeof(record));
	path = text_get(reader, record.path);
	build_id = text_get(reader, record.build_id);
	event->module.start = record.start;
	event->module.end = record.end;
	event->module.bias = record.bias;
	event->module.path = path ? path : "";
	event->module.build_id = build_id ? build_id : "";
	/* The file that was open then is not at hand any more. */
	event->module.open_path = "";
	return EVENT_MODULE;
}

static int take_resident(struct side_reader *reader, const void *data, size_t length,
			 struct event *event)
{
	struct side_resident record;

	(void)reader, (void)length;
	memcpy(&record, data, sizeof(record));
	event->resident.rss_bytes = record.rss_bytes;
	event->resident.peak_rss_bytes = record.peak_rss_bytes;
	return EVENT_RESIDENT;
}

static int take_loss(struct side_reader *reader, const void *data, size_t length,
		     struct event *event)
{
	size_t size = length - sizeof(struct side_loss);

	(void)reader;
	/* A version before knows fewer causes, one after more. */
	memset(event->loss.totals, 0, sizeof(event->loss.totals));
	memcpy(event->loss.totals, (const char *)data + sizeof(struct side_loss),
	       size < sizeof(event->loss.totals) ? size : sizeof(event->loss.totals));
	return EVENT_LOSS;
}

static int take_python(struct side_reader *reader, const void *data, size_t length,
		       struct event *event)
{
	struct side_python record;

	(void)reader, (void)length;
	memcpy(&record, data, sizeof(record));
	event->python.version = record.version;
	memcpy(event->python.eval, record.eval, sizeof(record.eval));
	memcpy(event->python.own, record.own, sizeof(record.own));
	return EVENT_PYTHON;
}

static int take_python_frames(struct side_reader *reader, const void *data, size_t length,
			      struct event *event)
{
	struct side_python_frames record;
	struct side_python_frame frame;

	memcpy(&record, data, sizeof(record));
	if (record.count > WIRE_MAX_FRAMES || record.status >= WIRE_PYTHON_STATUS_COUNT ||
	    length - sizeof(record) < record.count * sizeof(frame))
		return -EBADMSG;
	for (uint32_t i = 0; i < record.count; i++) {
		memcpy(&frame, (const char *)data + sizeof(record) + i * sizeof(frame),
		       sizeof(frame));
		reader->frames[i] = (struct event_python_frame){
			.function = text_get(reader, frame.function),
			.file = text_get(reader, frame.file),
			.line = frame.line,
			.flags = frame.flags,
			.internal = frame.internal != 0,
		};
	}
	event->python_frames.id = record.id;
	event->python_frames.count = record.count;
	event->python_frames.status = record.status;
	event->python_frames.frames = reader->frames;
	return EVENT_PYTHON_FRAMES;
}

static int take_mark(struct side_reader *reader, const void *data, size_t length,
		     struct event *event)
{
	struct side_mark record;
	const char *name;

	(void)length;
	memcpy(&record, data, sizeof(record));
	name = text_get(reader, record.name);
	event->mark.name = name ? name : "";
	return EVENT_MARK;
}

static int take_covered(struct side_reader *reader, const void *data, size_t length,
			struct event *event)
{
	struct side_covered record;

	(void)reader, (void)length;
	memcpy(&record, data, sizeof(record));
	event->covered.after_ns = record.after_ns;
	return EVENT_COVERED;
}

static int take_calls(struct side_reader *reader, const void *data, size_t length,
		      struct event *event)
{
	struct side_calls record;

	(void)reader, (void)length;
	memcpy(&record, data, sizeof(record));
	event->calls.blocks = record.blocks;
	event->calls.bytes = record.bytes;
	event->calls.frees = record.frees;
	return EVENT_CALLS;
}

static int take_tier(struct side_reader *reader, const void *data, size_t length,
		     struct event *event)
{
	struct side_tier record;

	(void)reader, (void)length;
	memcpy(&record, data, sizeof(record));
	event->tier.sample_bytes = record.sample_bytes;
	event->tier.cost = record.cost;
	event->tier.limit = record.limit;
	event->tier.tier = record.tier;
	event->tier.probes_stay = record.probes_stay != 0;
	return EVENT_TIER;
}

int side_decode(struct side_reader *reader, const void *data, size_t size, struct event *ret_event)
{
	static const struct {
		size_t least;
		int (*take)(struct side_reader *, const void *, size_t, struct event *);
	} rows[SIDE_END - SIDE_FIRST] = {
		[SIDE_TEXT - SIDE_FIRST] = { sizeof(struct side_text), take_text },
		[SIDE_PROCESS - SIDE_FIRST] = { SIDE_PROCESS_LEAST, take_process },
		[SIDE_MODULE - SIDE_FIRST] = { sizeof(struct side_module), take_module },
		[SIDE_RESIDENT - SIDE_FIRST] = { sizeof(struct side_resident), take_resident },
		[SIDE_LOSS - SIDE_FIRST] = { sizeof(struct side_loss), take_loss },
		[SIDE_PYTHON - SIDE_FIRST] = { sizeof(struct side_python), take_python },
		[SIDE_PYTHON_FRAMES - SIDE_FIRST] = { sizeof(struct side_python_frames),
						      take_python_frames },
		[SIDE_MARK - SIDE_FIRST] = { sizeof(struct side_mark), take_mark },
		[SIDE_COVERED - SIDE_FIRST] = { sizeof(struct side_covered), take_covered },
		[SIDE_CALLS - SIDE_FIRST] = { sizeof(struct side_calls), take_calls },
		[SIDE_TIER - SIDE_FIRST] = { sizeof(struct side_tier), take_tier },
	};
	struct wire_header header;
	int result = EVENT_NONE;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.kind < SIDE_FIRST || header.length < sizeof(header) || header.length > size)
		return -EBADMSG;
	if (header.kind < SIDE_END) {
		if (header.length < rows[header.kind - SIDE_FIRST].least)
			return -EBADMSG;
		result = rows[header.kind - SIDE_FIRST].take(reader, data, header.length, ret_event);
	}
	if (result < 0)
		return result;
	ret_event->kind = (uint8_t)result;
	ret_event->function = header.function;
	ret_event->flags = header.flags;
	ret_event->rate = header.rate;
	ret_event->pid = header.pid;
	ret_event->tid = header.tid;
	ret_event->time_ns = header.time_ns;
	ret_event->wire = NULL;
	ret_event->wire_bytes = 0;
	return header.length;
}

void side_reader_free(struct side_reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		free(reader->texts[i]);
	free(reader->texts);
	memset(reader, 0, sizeof(*reader));
}
