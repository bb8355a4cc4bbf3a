/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chunks of a recording's file: where they are, and each one's payload. Private to
 * src/stream. */
#ifndef OUTLIVE_STREAM_RECORDING_CHUNKS_H
#define OUTLIVE_STREAM_RECORDING_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/recording_format.h"

struct chunk_list {
	int fd;
	uint64_t file_bytes;
	struct recording_entry *entries; /* in the order of the file */
	size_t count, capacity;
	bool complete; /* it has an END chunk, which `end` is from */
	struct recording_end end;
	uint64_t chunks_missing; /* between those found; only known when there is no index */
};

/* Memory for one payload at a time; all zeroes is empty, release with chunk_room_free(). */
struct chunk_room {
	char *stored, *raw;
	size_t stored_capacity, raw_capacity;
};

/*
 * Find all chunks of the file `fd` that come behind `first` bytes: by the index at its end,
 * or where there is none by going through it. Returns 0, -errno of reading, or -ENOMEM.
 * `list` starts as all zeroes; release with chunk_list_free() (fd stays open).
 */
int chunk_list_read(int fd, uint64_t first, struct chunk_list *list);
void chunk_list_free(struct chunk_list *list);

/*
 * Read and unpack the payload of the chunk at `offset`. Returns 0 with *ret_chunk and, until
 * the next call, *ret_payload of ret_chunk->raw_bytes; -EBADMSG when it is damaged;
 * -errno of reading, -ENOMEM.
 */
int chunk_read(int fd, uint64_t offset, struct chunk_room *room, struct recording_chunk *ret_chunk,
	       const char **ret_payload);
void chunk_room_free(struct chunk_room *room);

#endif
