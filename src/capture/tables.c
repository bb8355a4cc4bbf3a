/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/tables.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "outlive.skel.h"

/* Room that is there even when nothing is known yet (a command about to start):
 * a CPython with forty extension modules has 150 000 rows over 12 MB of text. */
#define LEAST_ROWS (1u << 20)
#define LEAST_BUCKETS (1u << 17)

static size_t page_round(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

int tables_size(struct outlive_bpf *skeleton, size_t row_count, size_t bucket_count, size_t slots)
{
	size_t row_room = row_count * 2 < LEAST_ROWS ? LEAST_ROWS : row_count * 2;
	size_t bucket_room = bucket_count * 2 < LEAST_BUCKETS ? LEAST_BUCKETS : bucket_count * 2;
	const struct {
		struct bpf_map *map;
		size_t entries;
	} sizes[] = {
		{ skeleton->maps.rows, row_room },
		{ skeleton->maps.buckets, bucket_room },
		{ skeleton->maps.process_tables, slots },
		{ skeleton->maps.pythons, slots },
		{ skeleton->maps.mappings, slots * 2 * UNWIND_MAX_MAPPINGS },
		{ skeleton->maps.rule_cache, slots * UNWIND_CACHE_ROWS },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		int result = sizes[i].entries > UINT32_MAX ?
				     -E2BIG :
				     bpf_map__set_max_entries(sizes[i].map,
							      (uint32_t)sizes[i].entries);

		if (result < 0)
			return result;
	}
	return 0;
}

static void *map_memory(const struct bpf_map *map, size_t *ret_count)
{
	size_t count = bpf_map__max_entries(map);
	void *memory = mmap(NULL, page_round(count * bpf_map__value_size(map)),
			    PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	*ret_count = count;
	return memory == MAP_FAILED ? NULL : memory;
}

int tables_open(struct tables *tables, struct outlive_bpf *skeleton)
{
	memset(tables, 0, sizeof(*tables));
	tables->rows = map_memory(skeleton->maps.rows, &tables->row_capacity);
	if (!tables->rows)
		return -errno;
	tables->buckets = map_memory(skeleton->maps.buckets, &tables->bucket_capacity);
	if (!tables->buckets)
		return -errno;
	tables->processes = map_memory(skeleton->maps.process_tables, &tables->slot_count);
	if (!tables->processes)
		return -errno;
	tables->cache = map_memory(skeleton->maps.rule_cache, &tables->cache_capacity);
	if (!tables->cache)
		return -errno;
	tables->mappings_fd = bpf_map__fd(skeleton->maps.mappings);
	return 0;
}

void tables_close(struct tables *tables)
{
	if (tables->rows)
		munmap(tables->rows, page_round(tables->row_capacity * sizeof(*tables->rows)));
	if (tables->buckets)
		munmap(tables->buckets,
		       page_round(tables->bucket_capacity * sizeof(*tables->buckets)));
	if (tables->processes)
		munmap(tables->processes,
		       page_round(tables->slot_count * sizeof(*tables->processes)));
	if (tables->cache)
		munmap(tables->cache, page_round(tables->cache_capacity * sizeof(*tables->cache)));
	memset(tables, 0, sizeof(*tables));
}

int tables_add(struct tables *tables, const struct unwind_table *table, uint32_t *ret_base)
{
	size_t base = tables->row_count;

	if (table->row_count > tables->row_capacity - tables->row_count ||
	    table->bucket_count > tables->bucket_capacity - tables->bucket_count)
		return -ENOSPC;
	memcpy(tables->rows + base, table->rows, table->row_count * sizeof(*table->rows));
	/* Row numbers in the index become absolute: both halves of the word move. */
	for (size_t i = 0; i < table->bucket_count; i++)
		tables->buckets[tables->bucket_count + i] =
			table->buckets[i] + ((uint64_t)base << 32 | base);
	*ret_base = (uint32_t)tables->bucket_count;
	tables->row_count += table->row_count;
	tables->bucket_count += table->bucket_count;
	return 0;
}

int tables_publish(struct tables *tables, uint32_t slot, const struct unwind_mapping *mappings,
		   size_t count)
{
	struct unwind_process *process;
	uint32_t table;

	if (slot >= tables->slot_count)
		return -EINVAL;
	process = &tables->processes[slot];
	table = !process->active;
	if (count > UNWIND_MAX_MAPPINGS)
		count = UNWIND_MAX_MAPPINGS;
	for (size_t i = 0; i < count; i++) {
		uint32_t key = (slot * 2 + table) * UNWIND_MAX_MAPPINGS + (uint32_t)i;

		if (bpf_map_update_elem(tables->mappings_fd, &key, &mappings[i], BPF_ANY) < 0)
			return -errno;
	}
	process->count[table] = (uint32_t)count;
	__atomic_store_n(&process->active, table, __ATOMIC_RELEASE);
	/* The epoch turns away rules of the table before, also those that a walk under way
	 * still puts in; clearing makes sure that none is left when epochs come round. */
	__atomic_store_n(&process->epoch, process->epoch + 1, __ATOMIC_RELEASE);
	memset(&tables->cache[(size_t)slot * UNWIND_CACHE_ROWS], 0,
	       UNWIND_CACHE_ROWS * sizeof(*tables->cache));
	return 0;
}

bool tables_take_stale(struct tables *tables, uint32_t slot)
{
	return __atomic_exchange_n(&tables->processes[slot].stale, 0, __ATOMIC_ACQUIRE) != 0;
}
