/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable files of the traced processes: each is opened once, and kept open
 * so that it can be named after the process is gone. Their unwind rows: unwinds.h.
 */
#ifndef OUTLIVE_CAPTURE_BINARIES_H
#define OUTLIVE_CAPTURE_BINARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/unwinds.h"
#include "stream/event.h"

struct binaries;

/* An empty set whose tables go into `unwinds`, which must outlive it; or NULL without memory. */
struct binaries *binaries_new(struct unwinds *unwinds);
void binaries_free(struct binaries *binaries);

/*
 * Read the mappings of `pid` and open the files not met before.
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

/* The number of different files met. */
size_t binaries_count(const struct binaries *binaries);

/* `pid` has ended, or runs a new program: what it maps next is news again. */
void binaries_forget(struct binaries *binaries, uint32_t pid);

/* [start, end) of `pid` was unmapped at `time_ns`: what lay there is news should it come back.
 * Returns whether a file was there. */
bool binaries_unmapped(struct binaries *binaries, uint32_t pid, uint64_t start, uint64_t end,
		       uint64_t time_ns);

/*
 * After binaries_scan(pid): have stacks of `slot` (SCOPE_NO_SLOT: none) walked by the
 * rows of the mappings of the last scan, and deliver an EVENT_MODULE with
 * `pid` and the time of the scan for each mapping that was not there before. Returns 0, a
 * -errno, or what `deliver` returned.
 */
int binaries_publish(struct binaries *binaries, struct tables *tables, uint32_t pid, uint32_t slot,
		    event_fn deliver, void *context);

/* Nobody is in `slot` any more: its files stay open, their rows may give way. */
void binaries_release(struct binaries *binaries, struct tables *tables, uint32_t slot);

#endif
