/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Side records to events: one take_…() a kind. A recording may say anything: side_decode()
 * sees to it that a record has the bytes that its kind has at least; what there may be
 * beyond, and what numbers mean, is looked at by kind.
 */
#include "stream/side_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "stream/side_layout.h"

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
