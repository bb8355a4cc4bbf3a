/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/young.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "outlive.skel.h"
#include "stream/decode.h"

#define PLACE_BITS 12	     /* places of an area: 2^this, of 64 bytes */
#define YOUNG_NS 20000000ull /* a block as old as this is not young */
#define PATIENCE_NS 60000000ull /* a row that is never at rest is taken all the same */
#define EVERY_NS 20000000ull /* how often to look */

/* Whose blocks and pairs are taken out, and of what time. */
struct wanted {
	uint32_t pid, tid; /* 0: any */
	uint64_t blocks_until_ns, rows_until_ns; /* births before this */
};

/* One record, at the time of its youngest block's birth. */
struct young_news {
	uint64_t birth_ns;
	union {
		struct wire_header header;
		struct wire_alloc block;
		struct wire_pairs pairs;
	};
};

int young_size(struct outlive_bpf *skeleton, bool pairs)
{
	int result;

	if (!pairs)
		return 0;
	skeleton->rodata->young_bits = PLACE_BITS;
	result = bpf_map__set_max_entries(skeleton->maps.young_blocks,
					  1u << (YOUNG_AREA_BITS + PLACE_BITS));
	if (result == 0)
		result = bpf_map__set_max_entries(skeleton->maps.young_rows, 1u << YOUNG_ROW_BITS);
	return result;
}

static void *map_memory(const struct bpf_map *map, size_t *ret_count)
{
	size_t count = bpf_map__max_entries(map);
	void *memory = mmap(NULL, count * bpf_map__value_size(map),
			    PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	*ret_count = count;
	return memory == MAP_FAILED ? NULL : memory;
}

int young_open(struct young *young, struct outlive_bpf *skeleton)
{
	memset(young, 0, sizeof(*young));
	young->bits = skeleton->rodata->young_bits;
	young->marks = skeleton->bss->young_marks;
	young->marked = &skeleton->bss->young_marked;
	if (!young->bits)
		return 0;
	young->blocks = map_memory(skeleton->maps.young_blocks, &young->block_count);
	if (!young->blocks)
		return -errno;
	young->rows = map_memory(skeleton->maps.young_rows, &young->row_count);
	if (!young->rows)
		return -errno;
	return young_make_room(young);
}

int young_make_room(struct young *young)
{
	young->news = calloc(young->block_count + young->row_count, sizeof(*young->news));
	return young->news ? 0 : -ENOMEM;
}

void young_close(struct young *young)
{
	if (young->blocks)
		munmap(young->blocks, young->block_count * sizeof(*young->blocks));
	if (young->rows)
		munmap(young->rows, young->row_count * sizeof(*young->rows));
	free(young->news);
	memset(young, 0, sizeof(*young));
}

static bool is_of(const struct wanted *wanted, uint64_t ids)
{
	return (!wanted->pid || wanted->pid == ids >> 32) &&
	       (!wanted->tid || wanted->tid == (uint32_t)ids);
}

static bool row_lock(struct young_row *row)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&row->lock, &expected, 1, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void row_unlock(struct young_row *row)
{
	__atomic_store_n(&row->lock, 0, __ATOMIC_RELEASE);
}

static struct wire_header header_of(uint16_t kind, uint16_t length, uint8_t function, uint64_t ids,
				    uint64_t time_ns)
{
	return (struct wire_header){
		.kind = kind,
		.length = length,
		.function = function,
		.pid = (uint32_t)(ids >> 32),
		.tid = (uint32_t)ids,
		.time_ns = time_ns,
	};
}

/* Make a record of the block in a place that we won. */
static void empty_place(struct young *young, struct young_block *place, uint64_t birth_ns)
{
	struct young_news *news = &young->news[young->news_count++];

	news->birth_ns = birth_ns;
	news->block = (struct wire_alloc){
		.header = header_of(WIRE_ALLOC, sizeof(news->block), place->function, place->ids,
				    birth_ns),
		.address = place->address,
		.size = place->size,
		.stack = place->stack,
	};
}

static void take_block(struct young *young, const struct wanted *wanted, struct young_block *place)
{
	__u64 birth = __atomic_load_n(&place->birth_ns, __ATOMIC_ACQUIRE), expected = birth;
	struct young_row *row;

	if (birth <= YOUNG_BUSY || birth >= wanted->blocks_until_ns || !is_of(wanted, place->ids) ||
	    !__atomic_compare_exchange_n(&place->birth_ns, &expected, YOUNG_BUSY, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	/* As row_drop() in bpf/young.bpf.h. */
	row = &young->rows[place->row % young->row_count];
	if (row->life == place->life)
		__atomic_fetch_and(&row->live, ~young_bit(row, place->serial), __ATOMIC_RELAXED);
	empty_place(young, place, birth);
	__atomic_store_n(&place->birth_ns, 0, __ATOMIC_RELEASE);
}

/* Make a record of what a row, which is locked, has counted, and let it begin anew. */
static void empty_row(struct young *young, struct young_row *row)
{
	struct young_news *news = &young->news[young->news_count++];

	news->birth_ns = row->last_birth_ns;
	news->pairs = (struct wire_pairs){
		.header = header_of(WIRE_PAIRS, sizeof(news->pairs), (uint8_t)(row->kind >> 8),
				    row->ids, row->last_end_ns),
		.stack = row->stack,
		.bytes = row->bytes,
		.lifetime_ns = row->lifetime_ns,
		.first_birth_ns = row->first_birth_ns,
		.last_birth_ns = row->last_birth_ns,
		.count = row->count,
		.replaced = row->replaced,
		.refilled = row->refilled,
		.log2_size = row->kind & 63,
		.cleared_birth_ns = row->cleared_ns ? row->cleared_birth_ns : 0,
		.cleared_ns = row->cleared_ns,
	};
	row->cleared_ns = 0;
	row->count = row->replaced = row->refilled = 0;
	row->bytes = row->lifetime_ns = 0;
}

/*
 * A row that began later may be of a stack that is still in the ring. And what it says of
 * replacement goes with what the ledger knows of the other blocks: it waits until both are
 * of one moment, if that comes soon.
 */
static bool is_ripe(const struct young_row *row, uint64_t until_ns)
{
	return row->first_birth_ns < until_ns &&
	       (!row->replaced || row->last_end_ns < until_ns ||
		until_ns - row->first_birth_ns > PATIENCE_NS);
}

static void take_row(struct young *young, const struct wanted *wanted, struct young_row *row)
{
	/* Seldom anything: look first without the lock. */
	if (!__atomic_load_n(&row->count, __ATOMIC_RELAXED) &&
	    !__atomic_load_n(&row->replaced, __ATOMIC_RELAXED))
		return;
	if (!is_of(wanted, row->ids) || !row_lock(row))
		return;
	if ((row->count || row->replaced) && is_of(wanted, row->ids) &&
	    is_ripe(row, wanted->rows_until_ns))
		empty_row(young, row);
	row_unlock(row);
}

static int compare_news(const void *left, const void *right)
{
	uint64_t a = ((const struct young_news *)left)->birth_ns;
	uint64_t b = ((const struct young_news *)right)->birth_ns;

	return (a > b) - (a < b);
}

/* Take out of `count` places from `first` on, and of all rows, what is wanted; deliver it in
 * the order of births, by which the ledger tells what was replaced by what. */
static int take(struct young *young, const struct wanted *wanted, size_t first, size_t count,
		event_fn deliver, void *context)
{
	int result = 0;

	young->news_count = 0;
	for (size_t i = first; i < first + count; i++)
		take_block(young, wanted, &young->blocks[i]);
	for (size_t i = 0; i < young->row_count; i++)
		take_row(young, wanted, &young->rows[i]);
	qsort(young->news, young->news_count, sizeof(*young->news), compare_news);
	for (size_t i = 0; i < young->news_count && result >= 0; i++) {
		const struct wire_header *header = &young->news[i].header;
		struct event event;

		result = decode_record(header, header->length, &event);
		if (result >= 0)
			result = deliver(&event, context);
	}
	return result < 0 ? result : (int)young->news_count;
}

bool young_note(struct young *young, uint64_t now_ns, uint64_t produced, enum young_depth depth)
{
	if (!young->blocks ||
	    (depth == YOUNG_OLD && (young->noted_ns || now_ns < young->due_ns)))
		return false;
	young->noted_ns = now_ns;
	young->due_ns = now_ns + EVERY_NS;
	young->noted_position = produced;
	return true;
}

int young_sweep(struct young *young, uint64_t consumed, enum young_depth depth,
		event_fn deliver, void *context)
{
	const struct wanted wanted = {
		.blocks_until_ns = depth == YOUNG_ALL  ? UINT64_MAX
				 : depth == YOUNG_PAST ? young->noted_ns
						       : young->noted_ns - YOUNG_NS,
		.rows_until_ns = depth == YOUNG_ALL ? UINT64_MAX : young->noted_ns,
	};

	if (!young->noted_ns || consumed < young->noted_position)
		return 0;
	young->noted_ns = 0;
	return take(young, &wanted, 0, young->block_count, deliver, context);
}

int young_ended(struct young *young, uint32_t pid, uint32_t tid, uint64_t time_ns,
		event_fn deliver, void *context)
{
	const struct wanted wanted = {
		.pid = pid,
		.tid = tid,
		.blocks_until_ns = time_ns,
		.rows_until_ns = time_ns,
	};
	size_t places;
	int result;

	if (!young->blocks)
		return 0;
	places = (size_t)1 << young->bits;
	result = take(young, &wanted, young_area(pid) * places, places, deliver, context);
	return result < 0 ? result : 0;
}

void young_mark(struct young *young, uint64_t time_ns)
{
	if (!young->blocks)
		return;
	__atomic_store_n(&young->marks[young->next_mark], time_ns,
			 __ATOMIC_RELEASE);
	young->next_mark = (young->next_mark + 1) % YOUNG_MARKS;
	__atomic_store_n(young->marked, 1, __ATOMIC_RELEASE);
}
