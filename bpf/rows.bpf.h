/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pc → the mapping that holds it → the unwind row in force there (outlive/unwind.h). */
#ifndef OUTLIVE_BPF_ROWS_H
#define OUTLIVE_BPF_ROWS_H

#include "maps.bpf.h"

/* The mapping that holds `pc`; NULL when no known one does. */
static __always_inline struct unwind_mapping *mapping_find(struct walk *walk, __u64 pc)
{
	struct unwind_mapping *mapping;
	__u32 low = 0, high = walk->table_count;
	__u32 key = walk->table + walk->hint;

	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (mapping && walk->hint < high && pc >= mapping->start && pc < mapping->end)
		return mapping;
	for (int i = 0; i < UNWIND_MAPPING_STEPS && low < high; i++) {
		__u32 middle = (low + high) / 2;

		key = walk->table + middle;
		mapping = bpf_map_lookup_elem(&mappings, &key);
		if (!mapping)
			return NULL;
		if (pc < mapping->start) {
			high = middle;
		} else if (pc >= mapping->end) {
			low = middle + 1;
		} else {
			walk->hint = middle;
			return mapping;
		}
	}
	return NULL;
}

/* The row in force at `vaddr` of a module: the last one that does not lie beyond it. */
static __always_inline struct unwind_row *row_find(const struct unwind_mapping *mapping,
						   __u64 vaddr)
{
	__u64 bucket = vaddr >> UNWIND_BUCKET_SHIFT;
	struct unwind_row *row;
	__u32 low, high, key;
	__u64 *range;

	if (bucket >= mapping->index_count)
		return NULL;
	key = mapping->index_base + (__u32)bucket;
	range = bpf_map_lookup_elem(&buckets, &key);
	if (!range)
		return NULL;
	/* Invariant: row[low] <= vaddr < row[high]. */
	low = (__u32)*range;
	high = *range >> 32;
	for (int i = 0; i < UNWIND_SEARCH_STEPS && low + 1 < high; i++) {
		key = low + (high - low) / 2;
		row = bpf_map_lookup_elem(&rows, &key);
		if (!row)
			return NULL;
		if (row->vaddr <= (__u32)vaddr)
			low = key;
		else
			high = key;
	}
	key = low;
	row = bpf_map_lookup_elem(&rows, &key);
	if (!row || row->vaddr > (__u32)vaddr)
		return NULL;
	return row;
}

#endif
