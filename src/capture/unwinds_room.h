/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What unwinds.c and unwinds_room.c share. Private to the two. */
#ifndef OUTLIVE_CAPTURE_UNWINDS_ROOM_H
#define OUTLIVE_CAPTURE_UNWINDS_ROOM_H

#include "capture/eh_frame.h"
#include "capture/extents.h"
#include "capture/unwinds.h"

enum unwind_state {
	UNWIND_NOT_MADE,
	UNWIND_EMPTY,	/* the file has no rows */
	UNWIND_NOT_IN,	/* known, but not in the pool */
	UNWIND_LOADED, /* in the pool */
};

struct unwind_file {
	int fd; /* -1: in memory */
	const void *image;
	size_t image_size;
	const char *path;
	char build_id[ELF_BUILD_ID_TEXT]; /* "" without one: shared with no other file */
	struct unwind_print print; /* what the table is made of, once has_print */
	bool has_print;
	enum unwind_state state;
	uint64_t base; /* what its rows count from */
	uint32_t rows, index_count;
	uint32_t first;	 /* its first word in the pool, when LOADED */
	uint32_t users;	 /* mappings in force that lead to it, and those about to be */
	uint64_t used_ns; /* when it was last seen in use */
};

/* What is in force for one process. */
struct unwind_cover {
	struct unwind_mapping *mappings;
	int *files; /* number of each mapping's file, or -1 */
	size_t count;
};

struct unwinds {
	struct unwind_file *files;
	size_t count, capacity;
	struct unwind_cover *covers; /* by slot */
	size_t cover_count, cover_capacity;
	struct extents pool;
	uint64_t swept_ns; /* when marks of use were last taken */
	uint64_t evicted, build_ns;
};

/* The words that a table takes: mark of use, index, rows. */
static inline uint32_t unwind_file_words(const struct unwind_file *file)
{
	return 1 + file->index_count + file->rows;
}

/*
 * Take room in the pool for the words of `file`, whose size is known; others give way for it, if
 * need be (`missed`: a stack wants it) also idle tables of live processes. When this returns,
 * what the room held before is in no process's mappings and no walk under way is there: it
 * may be written. Returns 0 with file->first set, -ENOSPC, or a -errno of the kernel's tables.
 */
int unwinds_take_room(struct unwinds *unwinds, struct tables *tables, struct unwind_file *file,
		      bool missed);

#endif
