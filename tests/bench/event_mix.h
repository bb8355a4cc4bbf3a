/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wire records as a busy program would cause them, made in memory: for the speed of what
 * takes them in.
 *
 * Every round frees a live block (one in eight of them by realloc) and makes a new one.
 * 16 threads take turns of 32 records; of 1000 stacks the lower numbers come more often,
 * and each asks for sizes of its own magnitude, 16 bytes to 64 KB.
 */
#ifndef OUTLIVE_TESTS_EVENT_MIX_H
#define OUTLIVE_TESTS_EVENT_MIX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "outlive/wire.h"

#define MIX_PID 1000
#define MIX_THREADS 16
#define MIX_STACKS 1000
#define MIX_YOUNG 1000
#define MIX_ROOM 4096 /* a round takes less */

static inline uint64_t next_random(void)
{
	static uint64_t random_state;

	return hash_mix(random_state += 0x9e3779b97f4a7c15ull);
}

struct stream {
	char *bytes;
	size_t used, capacity;
	uint64_t now_ns, step_ns; /* of the record made last; from one to the next */
};

static inline struct wire_header header(struct stream *stream, uint16_t kind, size_t length)
{
	stream->now_ns += stream->step_ns;
	return (struct wire_header){
		.kind = kind,
		.length = (uint16_t)length,
		.function = 1,
		.pid = MIX_PID,
		.tid = MIX_PID + (uint32_t)(stream->now_ns / stream->step_ns / 32) % MIX_THREADS,
		.time_ns = stream->now_ns,
	};
}

static inline void put(struct stream *stream, const void *record, size_t length)
{
	if (stream->used + length > stream->capacity)
		abort();
	memcpy(stream->bytes + stream->used, record, length);
	stream->used += length;
}

static inline uint64_t random_stack(void)
{
	uint64_t a = next_random() % MIX_STACKS;
	uint64_t b = next_random() % MIX_STACKS;

	return 1 + a * b / MIX_STACKS;
}

static inline uint64_t random_size(uint64_t stack)
{
	return (16ull << stack % 12) + next_random() % 16;
}

static inline void put_alloc(struct stream *stream, uint64_t address)
{
	struct wire_alloc record = {
		.header = header(stream, WIRE_ALLOC, sizeof(record)),
		.address = address,
		.stack = random_stack(),
	};

	record.size = random_size(record.stack);
	put(stream, &record, sizeof(record));
}

static inline void put_free(struct stream *stream, uint64_t address)
{
	struct wire_free record = {
		.header = header(stream, WIRE_FREE, sizeof(record)),
		.address = address,
	};

	put(stream, &record, sizeof(record));
}

static inline void put_realloc(struct stream *stream, uint64_t old, uint64_t address)
{
	struct wire_realloc record = {
		.header = header(stream, WIRE_REALLOC, sizeof(record)),
		.old_address = old,
		.address = address,
		.stack = random_stack(),
	};

	record.size = random_size(record.stack);
	record.enter_ns = record.header.time_ns - 50;
	put(stream, &record, sizeof(record));
}

static inline void put_stacks(struct stream *stream)
{
	uint64_t frames[20];

	for (uint64_t id = 1; id <= MIX_STACKS; id++) {
		struct wire_stack record = {
			.header = header(stream, WIRE_STACK, sizeof(record) + sizeof(frames)),
			.id = id,
			.count = ARRAY_LENGTH(frames),
		};

		for (uint64_t i = 0; i < ARRAY_LENGTH(frames); i++)
			frames[i] = id * 100 + i;
		put(stream, &record, sizeof(record));
		put(stream, frames, sizeof(frames));
	}
}

struct mix {
	const char *name;
	uint64_t young_of_4; /* how many of four victims are among the last MIX_YOUNG made */
	bool reuse;	     /* an address freed is the next one given out */
};

/* A place of `live`: `newest` is the one written last. */
static inline size_t victim(const struct mix *mix, size_t count, size_t newest)
{
	if (count > MIX_YOUNG && next_random() % 4 < mix->young_of_4)
		return (newest + count - next_random() % MIX_YOUNG) % count;
	return next_random() % count;
}

static inline size_t put_round(struct stream *stream, const struct mix *mix, uint64_t *live, size_t i)
{
	static uint64_t fresh = 0x7f8000000000ull;
	static uint64_t spare = 0x7e0000000000ull; /* freed last, not given out yet */
	uint64_t old = live[i];
	uint64_t address = mix->reuse ? spare : (fresh += 48);

	live[i] = address;
	spare = old;
	if (next_random() % 8 == 0) {
		put_realloc(stream, old, address);
		return 1;
	}
	put_free(stream, old);
	put_alloc(stream, address);
	return 2;
}

/* Make one round and add its records to the stream: of `count` live blocks one ends, and
 * the new one becomes the newest. Returns how many records. */
static inline size_t put_mix(struct stream *stream, const struct mix *mix, uint64_t *live,
			     size_t count, size_t *newest)
{
	size_t i = victim(mix, count, *newest);
	uint64_t kept = live[*newest = (*newest + 1) % count];

	/* The one that stood there moves. */
	live[*newest] = live[i];
	live[i] = kept;
	return put_round(stream, mix, live, *newest);
}

#endif
