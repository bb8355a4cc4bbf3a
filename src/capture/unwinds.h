/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind tables of all files, and which of them have their rows in the pool.
 *
 * A table is built from a file once and shared: by all mappings of the file, and by other
 * files that carry the same build-id and, as a keyed hash of it tells, have the same unwind
 * information (copies of a library in many containers). Memory for rows is bounded. When it is
 * used up, others give way:
 *
 *  1. to any table that is wanted: those of files that no traced process maps any more,
 *     the one longest so first;
 *  2. to one that a stack has just met and missed: those that processes do map, but that
 *     no stack needed for a second, the one longest unused first.
 *
 * So what is mapped but does not occur in stacks has rows only while there is room, and
 * what does occur gets and keeps them. Stacks through a table without room go by frame
 * pointer, or are cut and counted.
 *
 * "Needed" is what BPF marks in the table's first word when it looks a row up. It does not
 * when a rule comes from the rule cache, so marks are taken together with a fresh start of
 * that cache, at most once a second.
 */
#ifndef OUTLIVE_CAPTURE_UNWINDS_H
#define OUTLIVE_CAPTURE_UNWINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tables.h"

#define UNWIND_MEMORY_DEFAULT (128ull << 20) /* rows of 1.5 GB of program text */
#define UNWIND_MEMORY_LEAST (4ull << 10)
#define UNWIND_MEMORY_MOST (16ull << 30) /* words are numbered in 32 bits */

struct unwinds;

struct unwinds_total {
	size_t tables;		/* different ones */
	size_t without_rows;	/* … of files that have none: no .eh_frame, or a broken one */
	size_t away;		/* … that have no room in the pool at present */
	size_t rows;		/* of all, in the pool or not */
	uint64_t bytes;		/* what they come to together */
	uint64_t used_bytes;	/* of the pool, by tables in it */
	uint64_t kernel_bytes;	/* the pool's size at present */
	uint64_t limit_bytes;	/* … and at most */
	uint64_t evicted;	/* times that a table gave way */
	uint64_t build_ns;	/* spent making rows */
};

/* An empty set that will use at most `limit_bytes` of kernel memory; NULL without memory. */
struct unwinds *unwinds_new(uint64_t limit_bytes);
void unwinds_free(struct unwinds *unwinds);

/* The number of words that the pool may have: for tables_size. */
uint32_t unwinds_words(const struct unwinds *unwinds);

/*
 * The table of the file behind `fd`, which stays the caller's and open as long as the
 * unwinds live; `build_id` is its build-id in hex, "" without one; `path` is for messages and
 * lives as long. Nothing is read yet, except to compare files with equal build-ids.
 * Returns the table's number or -ENOMEM.
 */
int unwinds_add(struct unwinds *unwinds, int fd, const char *build_id, const char *path);

/* The table of an ELF file of `size` bytes in memory that stays there (the vdso). */
int unwinds_add_memory(struct unwinds *unwinds, const void *image, size_t size, const char *path);

/* One executable mapping of a process. */
struct unwinds_mapping {
	uint64_t start, end, bias; /* address - bias = ELF virtual address */
	int table;		   /* of the file; -1: none */
};

/* Are the mappings still those that were found? */
typedef bool (*unwinds_still_fn)(void *context);

/*
 * Bring the rows of all tables of `mappings` (sorted by start) into the pool, and put the
 * mappings in force for `slot` in place of those before. The former may take long: so
 * `still` is asked in between, and if it says no, nothing is put in force and -EAGAIN returned.
 * Returns 0 or a -errno of the kernel's tables; a table that cannot be made or has no room is
 * no error.
 */
int unwinds_publish(struct unwinds *unwinds, struct tables *tables, uint32_t slot,
		    const struct unwinds_mapping *mappings, size_t count, unwinds_still_fn still,
		    void *context);

/* The process in `slot` is gone: nothing there uses any table. */
void unwinds_release(struct unwinds *unwinds, struct tables *tables, uint32_t slot);

/* Make every table that was not made yet, for what it comes to; nothing is kept of it. */
void unwinds_measure(struct unwinds *unwinds);

/* `tables` may be NULL: nothing is in a pool then. */
struct unwinds_total unwinds_total(const struct unwinds *unwinds, const struct tables *tables);

#endif
