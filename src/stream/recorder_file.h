/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of a recording being written: header, chunks, index and end. Private to
 * src/stream; one thread at a time. */
#ifndef OUTLIVE_STREAM_RECORDER_FILE_H
#define OUTLIVE_STREAM_RECORDER_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <zstd.h>

#include "stream/recording_format.h"

struct recorder_file {
	int fd;
	uint64_t bytes; /* written */
	char *packed;	/* room for a payload */
	size_t packed_capacity;
	ZSTD_CCtx *zstd;
	struct recording_entry *entries; /* the index so far */
	size_t entry_count, entry_capacity;
};

/* Create the file at `path` (what it held is gone) and write its header. Returns 0, the
 * -errno of open() or write(), or -ENOMEM; release with recorder_file_close() either way. */
int recorder_file_open(struct recorder_file *file, const char *path,
		       const struct recording_about *about);

/*
 * Write one chunk, whole or not at all. `raw` is its payload of chunk->raw_bytes; type,
 * records and times are given, the rest of the header is filled in. Returns 0, the -errno
 * of write(), or -ENOMEM.
 */
int recorder_file_chunk(struct recorder_file *file, struct recording_chunk *chunk, const void *raw);

/* Write the END chunk with the index, of the time `last_ns`, and the trailer that leads to
 * it; and to the disk. Returns as above. */
int recorder_file_end(struct recorder_file *file, uint64_t last_ns,
		      const struct recording_end *end);

void recorder_file_close(struct recorder_file *file);

#endif
