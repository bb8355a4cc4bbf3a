/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What addresses are called, as a recording keeps it: made when the trace ends, so
 * that a report needs neither the traced machine nor its files.
 *
 * A chunk of names is a struct recorded_header, the addresses, the frames that they
 * stand for (functions inlined there first, as names_lookup() gives them), and the
 * texts, each once and ended by NUL. Frames and texts are referred to by number and
 * by offset within the chunk.
 */
#ifndef OUTLIVE_SYMBOL_RECORDED_NAMES_H
#define OUTLIVE_SYMBOL_RECORDED_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDED_CHUNK_MOST (2u << 20)	 /* bytes of a chunk as the writer makes it */
#define RECORDED_BYTES_MOST (512u << 20) /* of all chunks that a reader keeps */

/* An address of a process: process = (pid, start time), see struct snapshot_process. */
struct recorded_place {
	uint32_t pid;
	uint64_t start_ns;
	uint64_t address;
};

struct recorded_frame {
	const char *symbol, *file; /* NULL: not known. Hostile bytes: clean before printing */
	uint64_t offset;
	uint32_t line;
	bool inlined;
};

struct recorded_writer;

/* A new, empty chunk, or NULL without memory. */
struct recorded_writer *recorded_writer_new(void);
void recorded_writer_free(struct recorded_writer *writer); /* NULL is fine */

/* Add what `place` is called. Returns 0; -ENOSPC when the chunk is full: take its bytes,
 * and add again; -ENOMEM. */
int recorded_writer_add(struct recorded_writer *writer, const struct recorded_place *place,
			const struct recorded_frame *frames, size_t count);

/* The chunk so far, in *ret_bytes (to be freed by the caller; NULL and 0 when there is
 * nothing in it); the writer is empty again. Returns 0 or -ENOMEM. */
int recorded_writer_take(struct recorded_writer *writer, void **ret_bytes, size_t *ret_size);

struct recorded_names; /* chunks read */

struct recorded_names *recorded_names_new(void); /* NULL without memory */
void recorded_names_free(struct recorded_names *names); /* NULL is fine */

/* Add a chunk; the bytes are copied. Returns 0, -EBADMSG when they make no sense (nothing
 * of them is kept then), -ENOSPC beyond RECORDED_BYTES_MOST, -ENOMEM. */
int recorded_names_add(struct recorded_names *names, const void *bytes, size_t size);

/* What `place` is called, in at most `room` frames: the outermost of them where that is
 * less than there are. Texts belong to `names`. Returns how many, 0: not recorded. */
size_t recorded_names_find(const struct recorded_names *names, const struct recorded_place *place,
			   struct recorded_frame *ret_frames, size_t room);

#endif
