/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind tables where BPF reads them: rows and buckets of all modules, and
 * the mapping tables of each traced process. User space writes them through
 * mapped memory while programs run, so everything is written first and becomes
 * visible by one store.
 */
#ifndef OUTLIVE_CAPTURE_TABLES_H
#define OUTLIVE_CAPTURE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/eh_frame.h"
#include "outlive/unwind.h"

struct outlive_bpf;

struct tables {
	struct unwind_row *rows;
	size_t row_count, row_capacity;
	uint64_t *buckets;
	size_t bucket_count, bucket_capacity;
	struct unwind_process *processes; /* by slot */
	uint64_t *cache;		  /* rules found, UNWIND_CACHE_ROWS of each slot */
	size_t cache_capacity;
	size_t slot_count;
	int mappings_fd;
};

/* Before load: make room for `row_count` rows, `bucket_count` buckets and `slots`
 * processes, and as much again for modules that come later. Returns 0 or -errno. */
int tables_size(struct outlive_bpf *skeleton, size_t row_count, size_t bucket_count, size_t slots);

/* After load: map them. Returns 0 or -errno; release with tables_close. */
int tables_open(struct tables *tables, struct outlive_bpf *skeleton);
void tables_close(struct tables *tables);

/*
 * Append one module's table. Returns 0 with *ret_base, the number of its first
 * bucket; -ENOSPC when the room made at load is used up (then stacks through
 * the module go by frame pointer).
 */
int tables_add(struct tables *tables, const struct unwind_table *table, uint32_t *ret_base);

/*
 * Make `count` mappings (sorted by start; those beyond UNWIND_MAX_MAPPINGS are
 * left out) the ones in force for `slot`. Returns 0 or -errno of the map update.
 */
int tables_publish(struct tables *tables, uint32_t slot, const struct unwind_mapping *mappings,
		   size_t count);

/* Has BPF met an address of `slot` in no mapping since the last call? */
bool tables_take_stale(struct tables *tables, uint32_t slot);

#endif
