/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wire bytes (outlive/wire.h) to struct event. Nothing in the bytes is trusted. */
#ifndef OUTLIVE_STREAM_DECODE_H
#define OUTLIVE_STREAM_DECODE_H

#include <stddef.h>

#include "stream/event.h"

/*
 * Decode the record at `data`, of which `size` bytes may be read; `data` needs
 * no alignment. Returns the record's own length in bytes (24 … 65535), which is
 * how far the next record lies, and fills *ret_event. A kind that this version
 * does not know gives EVENT_NONE: skip it by the length. stack.frames and wire
 * point into `data`.
 *
 * Returns -EBADMSG, with *ret_event untouched, for a record that is truncated,
 * shorter than its kind needs, or whose counts do not fit into its length. A
 * ring then drops that one record; a file has lost its place.
 */
int decode_record(const void *data, size_t size, struct event *ret_event);

#endif
