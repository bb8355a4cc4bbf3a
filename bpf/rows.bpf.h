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

/* Word `number` of the pool; NULL when it has none of that number. */
static __always_inline __u64 *pool_word(__u32 number)
{
	__u32 key = number >> UNWIND_CHUNK_BITS;
	void *chunk = bpf_map_lookup_elem(&pool, &key);

	if (!chunk)
		return NULL;
	key = number & (UNWIND_CHUNK_WORDS - 1);
	return bpf_map_lookup_elem(chunk, &key);
}

/* The row in force at `vaddr` of a module: the last one that does not lie beyond it. */
static __always_inline struct unwind_row *row_find(const struct unwind_mapping *mapping,
						   __u64 vaddr)
{
	__u64 bucket = vaddr >> UNWIND_BUCKET_SHIFT;
	__u64 *range, *used;
	struct unwind_row *row;
	__u32 low, high, middle;

	if (bucket >= mapping->index_count)
		return NULL;
	used = pool_word(mapping->index_base - 1);
	if (used && !*used)
		*used = 1;
	range = pool_word(mapping->index_base + (__u32)bucket);
	if (!range)
		return NULL;
	/* Invariant: row[low] <= vaddr < row[high]. */
	low = (__u32)*range;
	high = *range >> 32;
	for (int i = 0; i < UNWIND_SEARCH_STEPS && low + 1 < high; i++) {
		middle = low + (high - low) / 2;
		row = (struct unwind_row *)pool_word(middle);
		if (!row)
			return NULL;
		if (row->vaddr <= (__u32)vaddr)
			low = middle;
		else
			high = middle;
	}
	row = (struct unwind_row *)pool_word(low);
	if (!row || row->vaddr > (__u32)vaddr)
		return NULL;
	return row;
}

#endif
