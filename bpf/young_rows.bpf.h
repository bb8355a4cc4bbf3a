/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counts of pairs: a row for each thread, stack, function and size class, of blocks that
 * were made and freed again before user space was told of them (young.bpf.h says when).
 *
 * A row is locked while it is counted in; who finds it locked does not wait, but sends the
 * block instead. It also gathers what tells whether a freed block was replaced by a newer one
 * (the evidence in struct young_row), and hears of blocks that leave their places as what they
 * are. User space takes the counts, every some milliseconds; here they are sent only where
 * they must be known before a block is, or would span a mark.
 */
#ifndef OUTLIVE_BPF_YOUNG_ROWS_H
#define OUTLIVE_BPF_YOUNG_ROWS_H

#include "emit.bpf.h"

#define YOUNG_PATIENCE 64 /* allocations of a row without a pair, then … */
#define YOUNG_TRY 32	  /* … one in so many is tried; a power of two */

#define young_load(field) (*(volatile __typeof__(field) *)&(field))
#define young_store(field, value) (*(volatile __typeof__(field) *)&(field) = (value))

static __always_inline __u64 young_mix(__u64 word)
{
	return word * 0x9e3779b97f4a7c15ull;
}

/* floor(log2(size)), 0 for 0: the size classes of ledger/sites.h. */
static __always_inline __u32 young_class(__u64 size)
{
	__u32 class = 0;

	if (size >> 32)
		class += 32, size >>= 32;
	if (size >> 16)
		class += 16, size >>= 16;
	if (size >> 8)
		class += 8, size >>= 8;
	if (size >> 4)
		class += 4, size >>= 4;
	if (size >> 2)
		class += 2, size >>= 2;
	return class + (size >> 1);
}

static __always_inline void row_unlock(struct young_row *row)
{
	__asm__ volatile("" ::: "memory");
	young_store(row->lock, 0);
}

static __always_inline bool row_lock(struct young_row *row)
{
	return __sync_val_compare_and_swap(&row->lock, 0, 1) == 0;
}

/* Report what a row has counted. Returns false, and it is still there, without room. */
static __noinline bool row_emit(struct young_row *row)
{
	struct wire_pairs *record;
	__u64 flags;

	if (!ring_has_room(&flags))
		return false;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return false;
	header_fill(&record->header, WIRE_PAIRS, sizeof(*record), row->ids, 0, row->last_end_ns);
	record->header.function = row->kind >> 8;
	record->stack = row->stack;
	record->bytes = row->bytes;
	record->lifetime_ns = row->lifetime_ns;
	record->first_birth_ns = row->first_birth_ns;
	record->last_birth_ns = row->last_birth_ns;
	record->count = row->count;
	record->replaced = row->replaced;
	record->refilled = row->refilled;
	record->log2_size = row->kind & 63;
	record->cleared_birth_ns = row->cleared_ns ? row->cleared_birth_ns : 0;
	record->cleared_ns = row->cleared_ns;
	bpf_ringbuf_submit(record, flags);
	row->cleared_ns = 0;
	row->count = row->replaced = row->refilled = 0;
	row->bytes = row->lifetime_ns = 0;
	return true;
}

/* How many of the marks had passed at a time; those not set always have. Without branches,
 * which would multiply in the verifier. */
static __always_inline __u64 marks_passed(__u64 time_ns)
{
	__u64 ahead = 0;

	for (__u32 i = 0; i < YOUNG_MARKS; i++)
		ahead += (time_ns - young_load(young_marks[i])) >> 63;
	return YOUNG_MARKS - ahead;
}

/*
 * The row of a block to be, locked; NULL when it has none, or is better sent at once.
 * A row that has something to report is not taken from another stack: two that share
 * one would report at every allocation. User space empties it soon.
 */
static __always_inline struct young_row *row_of_new(const struct thread_state *thread, __u64 stack,
						    __u32 *ret_key)
{
	__u32 kind = (__u32)cookie_function(thread->cookie) << 8 | young_class(thread->size);
	__u32 key = young_mix(stack ^ young_mix(thread->ids ^ (__u64)kind << 40)) >>
		    (64 - YOUNG_ROW_BITS);
	struct young_row *row = bpf_map_lookup_elem(&young_rows, &key);

	*ret_key = key;
	if (!row || !row_lock(row))
		return NULL;
	if (row->stack != stack || row->ids != thread->ids || row->kind != kind) {
		if (row->count | row->replaced) {
			row_unlock(row);
			return NULL;
		}
		row->life++;
		row->ids = thread->ids;
		row->stack = stack;
		row->kind = kind;
		row->made = row->since = 0;
		row->live = row->cleared_ns = 0;
	}
	if (row->since++ > YOUNG_PATIENCE && row->since & (YOUNG_TRY - 1)) {
		row->cleared_ns = 0;
		row_unlock(row);
		return NULL;
	}
	return row;
}

/* A block is made. */
static __always_inline void row_add(struct young_row *row, __u64 now)
{
	row->made++;
	if (row->cleared_ns) {
		if (row->cleared_ns - row->cleared_birth_ns > now - row->cleared_ns) {
			row->replaced++;
			row->refilled++;
		}
		row->cleared_ns = 0;
	}
	__sync_fetch_and_or(&row->live, young_bit(row, row->made));
}

/* A block is freed by its maker. Returns false when the pair cannot be counted here. */
static __always_inline bool row_pair(const struct young_block *block, __u64 birth, __u64 now)
{
	struct young_row *row;
	__u32 key = block->row;
	__u64 bit, live, aged, age;
	bool counted;

	row = bpf_map_lookup_elem(&young_rows, &key);
	if (!row || !row_lock(row))
		return false;
	counted = row->life == block->life;
	if (counted && young_marked) {
		__u64 passed = marks_passed(birth);

		counted = passed == marks_passed(now) &&
			  (!(row->count | row->replaced) ||
			   passed == marks_passed(row->first_birth_ns) || row_emit(row));
	}
	if (!counted) {
		row_unlock(row);
		return false;
	}
	bit = young_bit(row, block->serial);
	live = __sync_fetch_and_and(&row->live, ~bit);
	aged = young_by_age(row, live);
	age = young_by_age(row, bit);
	/* The oldest, and a younger one is live. */
	if (bit && !(aged & (age - 1)) && aged != age)
		row->replaced++;
	if (bit && live == bit) {
		row->cleared_birth_ns = birth;
		row->cleared_ns = now;
	}
	if (!row->count++) {
		row->first_birth_ns = birth;
		row->last_birth_ns = birth;
	} else if (birth > row->last_birth_ns) {
		row->last_birth_ns = birth;
	} else if (birth < row->first_birth_ns) {
		row->first_birth_ns = birth;
	}
	row->bytes += block->size;
	row->lifetime_ns += now - birth;
	row->last_end_ns = now;
	row->since = 0;
	row_unlock(row);
	return true;
}

/* A block leaves its place as what it is, a block: its row has one less to look after. */
static __always_inline void row_drop(const struct young_block *block)
{
	struct young_row *row;
	__u32 key = block->row;

	row = bpf_map_lookup_elem(&young_rows, &key);
	if (row && row->life == block->life)
		__sync_fetch_and_and(&row->live, ~young_bit(row, block->serial));
}

/* A block is about to be sent: what it has replaced is to be known before it is. */
static __always_inline void row_settle(const struct young_block *block, struct young_row *held)
{
	struct young_row *row;
	__u32 key = block->row;

	row = bpf_map_lookup_elem(&young_rows, &key);
	if (!row || !young_load(row->replaced) || (row != held && !row_lock(row)))
		return;
	if (row->replaced)
		row_emit(row);
	if (row != held)
		row_unlock(row);
}

#endif
