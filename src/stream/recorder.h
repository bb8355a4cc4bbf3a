/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a recording (recording_format.h).
 *
 * Events are gathered into chunks of a megabyte, or of a second when little
 * happens. A thread of its own packs and writes them, so that whoever drains the
 * ring does not wait for the disk: only when all CHUNK_QUEUE buffers are full it
 * does, and what the ring then has no room for is counted there as ever.
 *
 * A disk that fills ends the recording, not the trace: the file is cut back to its
 * last whole chunk, the rest is counted as dropped, and recorder_close() tells.
 */
#ifndef OUTLIVE_STREAM_RECORDER_H
#define OUTLIVE_STREAM_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/event.h"
#include "stream/recording_format.h"

struct recorder;

/* What became of a recording. */
struct recorder_total {
	uint64_t events, chunks, file_bytes;
	uint64_t dropped; /* events that came after the disk failed */
	int error;	  /* -errno of the disk; 0: the file is whole */
};

/*
 * Create the file at `path` (what it held is gone) and begin. `max_bytes`: the file
 * is not to become larger; 0: as large as it takes. Returns 0 and *ret_recorder, or
 * the -errno of open() or write(), or -ENOMEM.
 */
int recorder_open(const char *path, const struct recording_about *about, uint64_t max_bytes,
		  struct recorder **ret_recorder);

/* Take one event in: an event_fn, `recorder` is its context. Always returns 0. */
int recorder_event(const struct event *event, void *recorder);

/* Has the file reached `max_bytes`, or the disk failed? Then nothing more is taken. */
bool recorder_full(const struct recorder *recorder);

/* After the last event: write `size` bytes of names as one chunk. More than
 * RECORDING_CHUNK_MOST is refused with -EFBIG; what the disk says is told at the close. */
int recorder_names(struct recorder *recorder, const void *bytes, size_t size);

/*
 * Write the end and close the file. `now_ns` is the moment the report of the same
 * events speaks of, `duration_ns` the traced time. Frees the recorder. Returns
 * ret_total->error.
 */
int recorder_close(struct recorder *recorder, uint64_t now_ns, uint64_t duration_ns,
		   struct recorder_total *ret_total);

#endif
