/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What user space adds to the stream of events, as records of a recording.
 *
 * Side records have the header of wire records (outlive/wire.h) and kinds from
 * SIDE_FIRST on, so both lie in one stream. Texts (paths, names of functions) are
 * records of their own, each written once and referred to by number: the writer
 * puts them right before the first record that needs them.
 */
#ifndef OUTLIVE_STREAM_SIDE_RECORD_H
#define OUTLIVE_STREAM_SIDE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "stream/event.h"

enum side_kind {
	SIDE_FIRST = 0x8000,
	SIDE_TEXT = 0x8000,
	SIDE_PROCESS,
	SIDE_MODULE,
	SIDE_RESIDENT,
	SIDE_LOSS,
	SIDE_PYTHON,
	SIDE_PYTHON_FRAMES,
	SIDE_MARK,
	SIDE_COVERED,
	SIDE_CALLS,
	SIDE_TIER,
	SIDE_END /* one behind the last */
};

#define SIDE_TEXT_MOST 4096	  /* bytes of a text; what is longer is cut */
#define SIDE_TEXTS_MOST (1u << 20) /* texts of a recording; more are left out */
#define SIDE_TEXTS_BYTES (128u << 20) /* of all together */

/* Bytes to be written. All zeroes is empty; the owner frees `bytes`. */
struct side_buffer {
	char *bytes;
	size_t size, capacity;
};

/* The writer's texts, by hash. All zeroes but the seed is empty. */
struct side_writer {
	struct map by_hash;
	uint64_t seed; /* random: a target cannot choose names that collide */
	uint32_t count;
	uint64_t total_bytes;
};

/* Append to `buffer`. Returns 0 or -ENOMEM. */
int side_append(struct side_buffer *buffer, const void *bytes, size_t size);

/*
 * Append `event`, which did not come from the wire, to `buffer`, and before it the
 * texts that it is the first to use. Returns 0; -EINVAL for a kind that is no side
 * record; -ENOMEM.
 */
int side_encode(struct side_writer *writer, const struct event *event, struct side_buffer *buffer);
void side_writer_free(struct side_writer *writer);

/* The reader's texts, by number. All zeroes is empty. */
struct side_reader {
	char **texts; /* NULL: not there (its chunk was lost) */
	size_t count, capacity;
	uint64_t total_bytes;
	struct event_python_frame frames[WIRE_MAX_FRAMES]; /* of the event decoded last */
	struct event_home home;				   /* the same */
};

/*
 * Decode the side record at `data`, of which `size` bytes may be read. Returns its
 * length and fills *ret_event: EVENT_NONE for a text, which is kept, and for an unknown
 * kind. Texts of the event belong to `reader`. Returns -EBADMSG for a record that
 * makes no sense, -ENOMEM.
 */
int side_decode(struct side_reader *reader, const void *data, size_t size, struct event *ret_event);
void side_reader_free(struct side_reader *reader);

#endif
