/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "outlive.skel.h"

#define PATIENCE_LEAST_NS 50000000ull
#define PATIENCE_MOST_NS 800000000ull
#define CHUNK_BYTES ((size_t)UNWIND_CHUNK_WORDS * sizeof(uint64_t))

static size_t page_round(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

int tables_size(struct outlive_bpf *skeleton, uint32_t words, size_t slots)
{
	const struct {
		struct bpf_map *map;
		size_t entries;
	} sizes[] = {
		{ skeleton->maps.pool, (words + UNWIND_CHUNK_WORDS - 1ull) / UNWIND_CHUNK_WORDS },
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
	tables->chunk_fd = -1;
	tables->pool_fd = bpf_map__fd(skeleton->maps.pool);
	tables->mappings_fd = bpf_map__fd(skeleton->maps.mappings);
	tables->chunk_limit = bpf_map__max_entries(skeleton->maps.pool);
	tables->processes = map_memory(skeleton->maps.process_tables, &tables->slot_count);
	if (!tables->processes)
		return -errno;
	tables->cache = map_memory(skeleton->maps.rule_cache, &tables->cache_capacity);
	if (!tables->cache)
		return -errno;
	tables->chunks = calloc(tables->chunk_limit, sizeof(*tables->chunks));
	tables->slots = calloc(tables->slot_count, sizeof(*tables->slots));
	if (!tables->chunks || !tables->slots)
		return -ENOMEM;
	/* There is always one: tables_wait hangs on it. */
	return tables_grow(tables, 1);
}

void tables_close(struct tables *tables)
{
	for (size_t i = 0; i < tables->chunk_count; i++)
		munmap(tables->chunks[i], CHUNK_BYTES);
	if (tables->chunk_count)
		close(tables->chunk_fd);
	free(tables->chunks);
	free(tables->slots);
	if (tables->processes)
		munmap(tables->processes,
		       page_round(tables->slot_count * sizeof(*tables->processes)));
	if (tables->cache)
		munmap(tables->cache, page_round(tables->cache_capacity * sizeof(*tables->cache)));
	memset(tables, 0, sizeof(*tables));
}

/* --- the pool ---------------------------------------------------------------- */

/* One chunk more. The map of chunks keeps it alive; our mapping of it does so too. */
static int add_chunk(struct tables *tables)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	uint32_t key = (uint32_t)tables->chunk_count;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "outlive_rows", sizeof(uint32_t),
				sizeof(uint64_t), UNWIND_CHUNK_WORDS, &options);
	void *memory;
	int result = 0;

	if (fd < 0)
		return -errno;
	memory = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED || bpf_map_update_elem(tables->pool_fd, &key, &fd, BPF_ANY) < 0)
		result = -errno;
	if (result < 0 && memory != MAP_FAILED)
		munmap(memory, CHUNK_BYTES);
	if (result == 0)
		tables->chunks[tables->chunk_count++] = memory;
	if (result == 0 && key == 0)
		tables->chunk_fd = fd;
	else
		close(fd);
	return result;
}

int tables_grow(struct tables *tables, uint64_t end)
{
	int result = 0;

	if (end > (uint64_t)tables->chunk_limit * UNWIND_CHUNK_WORDS)
		return -ENOSPC;
	while (result == 0 && (uint64_t)tables->chunk_count * UNWIND_CHUNK_WORDS < end)
		result = add_chunk(tables);
	return result;
}

uint64_t *tables_word(const struct tables *tables, uint32_t number)
{
	return &tables->chunks[number >> UNWIND_CHUNK_BITS][number & (UNWIND_CHUNK_WORDS - 1)];
}

void tables_write(struct tables *tables, uint32_t first, const uint64_t *words, size_t count)
{
	while (count) {
		size_t part = UNWIND_CHUNK_WORDS - (first & (UNWIND_CHUNK_WORDS - 1));

		if (part > count)
			part = count;
		memcpy(tables_word(tables, first), words, part * sizeof(*words));
		first += (uint32_t)part;
		words += part;
		count -= part;
	}
}

int tables_wait(struct tables *tables)
{
	uint32_t key = 0;

	/*
	 * Putting an entry into a map of maps, even the one that is there, returns when all
	 * programs that could have seen the one before have ended: maybe_wait_bpf_programs()
	 * in kernel/bpf/syscall.c, since Linux 5.0 (commit 1ae80cf31938).
	 */
	if (bpf_map_update_elem(tables->pool_fd, &key, &tables->chunk_fd, BPF_ANY) < 0)
		return -errno;
	tables->waits++;
	return 0;
}

void tables_idle(struct tables *tables)
{
	tables->waits++;
}

/* --- the processes ------------------------------------------------------------- */

int tables_ready(struct tables *tables, uint32_t slot)
{
	return tables->slots[slot].changed == tables->waits + 1 ? tables_wait(tables) : 0;
}

/* Make sure that no walk sees more than one change of `slot`. */
static int before_change(struct tables *tables, uint32_t slot)
{
	int result = tables_ready(tables, slot);

	tables->slots[slot].changed = tables->waits + 1;
	return result;
}

/* The epoch turns away rules of the table before, also those that a walk under way
 * still puts in; clearing makes sure that none is left when epochs come round. */
static void forget_rules(struct tables *tables, uint32_t slot)
{
	struct unwind_process *process = &tables->processes[slot];

	__atomic_add_fetch(&process->epoch, 1, __ATOMIC_SEQ_CST); /* BPF changes it as well */
	memset(&tables->cache[(size_t)slot * UNWIND_CACHE_ROWS], 0,
	       UNWIND_CACHE_ROWS * sizeof(*tables->cache));
}

int tables_publish(struct tables *tables, uint32_t slot, const struct unwind_mapping *mappings,
		   size_t count)
{
	struct unwind_process *process;
	uint32_t table;
	int result;

	if (slot >= tables->slot_count)
		return -EINVAL;
	process = &tables->processes[slot];
	table = !process->active;
	/* The first two go into tables in which nothing was yet: a walk in them finds nothing and
	 * leaves no rule behind, for the mappings are there before their number is. So a new
	 * process, which maps its libraries right after its program, need not be waited for. */
	if (tables->slots[slot].published < 2) {
		tables->slots[slot].published++;
		tables->slots[slot].changed = tables->waits + 1;
	} else {
		result = before_change(tables, slot);
		if (result < 0)
			return result;
	}
	if (count > UNWIND_MAX_MAPPINGS)
		count = UNWIND_MAX_MAPPINGS;
	for (size_t i = 0; i < count; i++) {
		uint32_t key = (slot * 2 + table) * UNWIND_MAX_MAPPINGS + (uint32_t)i;

		if (bpf_map_update_elem(tables->mappings_fd, &key, &mappings[i], BPF_ANY) < 0)
			return -errno;
	}
	__atomic_store_n(&process->count[table], (uint32_t)count, __ATOMIC_RELEASE);
	tables->slots[slot].emptied = __atomic_load_n(&process->emptied, __ATOMIC_SEQ_CST);
	tables->slots[slot].patience_ns = PATIENCE_LEAST_NS;
	__atomic_store_n(&process->active, table, __ATOMIC_RELEASE);
	forget_rules(tables, slot);
	return 0;
}

int tables_refresh(struct tables *tables, uint32_t slot)
{
	int result = before_change(tables, slot);

	if (result == 0)
		forget_rules(tables, slot);
	return result;
}

void tables_void(struct tables *tables, uint32_t slot)
{
	struct unwind_process *process = &tables->processes[slot];

	__atomic_store_n(&process->count[process->active], 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&process->emptied, 1, __ATOMIC_SEQ_CST);
	forget_rules(tables, slot);
}

void tables_clear(struct tables *tables, uint32_t slot)
{
	struct unwind_process *process = &tables->processes[slot];

	process->count[0] = process->count[1] = 0;
	forget_rules(tables, slot);
	__atomic_store_n(&process->stale, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&process->missed, 0, __ATOMIC_RELAXED);
	tables->slots[slot] = (struct tables_slot){ 0 };
}

bool tables_take_stale(struct tables *tables, uint32_t slot, uint64_t now_ns)
{
	struct unwind_process *process = &tables->processes[slot];
	struct tables_slot *row = &tables->slots[slot];

	if (now_ns - row->stale_ns < row->patience_ns)
		return false;
	if (!__atomic_exchange_n(&process->stale, 0, __ATOMIC_ACQUIRE) &&
	    !__atomic_load_n(&process->missed, __ATOMIC_RELAXED))
		return false;
	row->stale_ns = now_ns;
	return true;
}

uint64_t tables_take_missed(struct tables *tables, uint32_t slot)
{
	return __atomic_exchange_n(&tables->processes[slot].missed, 0, __ATOMIC_RELAXED);
}

uint32_t tables_unmaps(const struct tables *tables, uint32_t slot)
{
	return __atomic_load_n(&tables->processes[slot].unmaps, __ATOMIC_SEQ_CST);
}

bool tables_intact(const struct tables *tables, uint32_t slot)
{
	return tables->slots[slot].changed &&
	       __atomic_load_n(&tables->processes[slot].emptied, __ATOMIC_SEQ_CST) ==
		       tables->slots[slot].emptied;
}

void tables_in_vain(struct tables *tables, uint32_t slot)
{
	struct tables_slot *row = &tables->slots[slot];

	row->patience_ns = row->patience_ns * 2 < PATIENCE_MOST_NS ? row->patience_ns * 2 :
								     PATIENCE_MOST_NS;
}
