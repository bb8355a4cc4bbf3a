/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable files of the traced processes: each is opened once, kept open
 * (so that it can be named after the process is gone), and its unwind rows are
 * built and loaded once, however many processes map it.
 */
#ifndef OUTLIVE_CAPTURE_BINARIES_H
#define OUTLIVE_CAPTURE_BINARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tables.h"
#include "stream/event.h"

struct binaries;

/* What the tables of all modules come to. */
struct binaries_total {
	size_t files, rows, buckets;
	size_t without_rows; /* files that have no rows: no .eh_frame, or no room left */
	uint64_t build_ns;   /* spent making rows */
};

/* An empty set, or NULL without memory. */
struct binaries *binaries_new(void);
void binaries_free(struct binaries *binaries);

/*
 * Read the mappings of `pid` and build the rows of files not met before.
 * Returns 0, or the -errno of reading /proc/PID/maps. A file that cannot be
 * opened or makes no sense is a module without rows, not an error.
 */
int binaries_scan(struct binaries *binaries, uint32_t pid);

/* One executable mapping of a file. Valid until the next scan. */
struct binary_mapping {
	uint64_t start, end, bias; /* address - bias = ELF virtual address */
	const char *path;	   /* as the target names it */
	const struct elf_file *elf; /* lives as long as the binaries */
};

/* After binaries_scan: its mappings of ELF files by number, from 0. Returns false beyond
 * the last one. */
bool binaries_mapping(const struct binaries *binaries, size_t number,
		      struct binary_mapping *ret_mapping);

struct binaries_total binaries_total(const struct binaries *binaries);

/*
 * After binaries_scan(pid): load what is new into `tables`, make the mappings of
 * the last scan the ones in force for `slot`, and deliver an EVENT_MODULE with
 * `pid` and `time_ns` for each mapping that was not there before. Returns 0, a
 * -errno, or what `deliver` returned.
 */
int binaries_publish(struct binaries *binaries, struct tables *tables, uint32_t pid, uint32_t slot,
		    uint64_t time_ns, event_fn deliver, void *context);

#endif
