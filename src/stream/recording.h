/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a recording (recording_format.h): a source of events like the live ring.
 *
 * Nothing in the file is trusted: sizes are bounded before memory is taken, every
 * chunk is checked before it is unpacked, and what cannot be read is left out and
 * counted. A thread of its own reads and unpacks the chunks ahead.
 */
#ifndef OUTLIVE_STREAM_RECORDING_H
#define OUTLIVE_STREAM_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "stream/recording_format.h"
#include "stream/source.h"

struct recording;

/* What of a file could not be read. */
struct recording_damage {
	bool incomplete; /* never closed: the recorder was killed, or its disk was full */
	uint64_t chunks; /* lost */
	uint64_t records; /* events in them, as far as known */
	uint64_t first_ns, last_ns; /* their times; 0 not known */
};

/*
 * Open the recording at `path` and find its chunks. Returns 0 and *ret_recording, or
 * with `error` filled: -errno of open() and read(), -EINVAL when it is no recording,
 * -EPROTONOSUPPORT when it is of a newer format, -EBADMSG when its header is damaged,
 * -ENOMEM.
 */
int recording_open(const char *path, struct recording **ret_recording, struct error *error);
void recording_close(struct recording *recording); /* NULL is fine */

const struct recording_about *recording_about(const struct recording *recording);

/*
 * Its events. poll() delivers those of the next chunk and returns how many, whatever the
 * timeout; -EPIPE after the last. Chunks lost are counted in the EVENT_LOSS that it
 * delivers. Owned by the recording; do not close it apart.
 */
struct source *recording_source(struct recording *recording);

/* Whether the trace's end is recorded, and then the moment its report speaks of and how
 * long it was; else the times of the last event and from the first to it. Sizes of the
 * whole: valid before the first poll. */
bool recording_end(const struct recording *recording, uint64_t *ret_now_ns,
		   uint64_t *ret_duration_ns);

/* Events in all chunks, and the first one's time, as the index has them. */
uint64_t recording_records(const struct recording *recording);
uint64_t recording_start_ns(const struct recording *recording);

/* Hand the payload of every NAMES chunk to `take`, whose -errno ends it and is returned;
 * one that cannot be read is left out. The bytes are valid during the call. */
int recording_names(struct recording *recording,
		    int (*take)(const void *bytes, size_t size, void *context), void *context);

/* What was lost up to where the source has come. */
const struct recording_damage *recording_damage(const struct recording *recording);

#endif
