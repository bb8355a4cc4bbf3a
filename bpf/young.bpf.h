/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Young blocks: most blocks are freed soon, by the thread that made them. Such a pair
 * reaches user space as a count (WIRE_PAIRS), so that the ring carries survivors.
 *
 * An allocation goes into a place, chosen by its address, instead of the ring. A free
 * by the same thread that finds it there counts the pair in the row of its thread,
 * stack, function and size class (young_rows.bpf.h). Everything else makes an ordinary
 * WIRE_ALLOC of the block: another allocation that wants the place, a free by another
 * thread, a realloc, a fork or exec of the process, and user space, which looks every
 * some milliseconds for blocks that are no longer young.
 *
 * The order of the ring stays what the ledger relies on: an allocation's record comes
 * before its free's. For room in the ring is taken before the block is taken out of its
 * place, and only a free that did not find the block there sends a record of its own.
 * (User space takes blocks out between two looks into the ring, see capture/young.c.)
 *
 * A place that another program holds just now is let be: what it has for us goes to the
 * ring, in the right order all the same.
 *
 * Measured (Linux 6.18, two shared cores, stacks by unwind rows, BPF run time of a pair's
 * two programs, least of three rounds, off and on): malloc and free at once 897 and 739 ns,
 * eight nested blocks 844 and 764, one block in ten kept 821 and 722, all kept 763 and 741,
 * all freed by other threads 831 and 776; user space, which spends 120 to 300 ns on a pair
 * that comes as two records, has nothing to do for one that is counted. No mix lost by it,
 * so it is on. What keeps it from costing where blocks are not freed soon: of a site whose
 * last YOUNG_PATIENCE blocks were not, only every YOUNG_TRY'th is put into a place.
 */
#ifndef OUTLIVE_BPF_YOUNG_H
#define OUTLIVE_BPF_YOUNG_H

#include "young_rows.bpf.h"

/* Which place is a block's. */
static __always_inline struct young_block *young_place(__u64 ids, __u64 address)
{
	__u32 key = young_area(ids >> 32) << young_bits |
		    young_mix(address >> 4) >> (64 - young_bits);

	return bpf_map_lookup_elem(&young_blocks, &key);
}

/* Take the block that was born at `birth` out of its place: true, and it is ours. */
static __always_inline bool young_win(struct young_block *block, __u64 birth)
{
	return __sync_val_compare_and_swap(&block->birth_ns, birth, YOUNG_BUSY) == birth;
}

/* Put the place that we won to another use: the birth of a block, or 0. All else about
 * it was read or written before. */
static __always_inline void young_leave(struct young_block *block, __u64 birth)
{
	__asm__ volatile("" ::: "memory");
	young_store(block->birth_ns, birth);
}

static __always_inline void young_fill(struct wire_alloc *record, const struct young_block *block,
				       __u64 birth)
{
	header_fill(&record->header, WIRE_ALLOC, sizeof(*record), block->ids, 0, birth);
	record->header.function = block->function;
	record->address = block->address;
	record->size = block->size;
	record->stack = block->stack;
}

/*
 * Send a block and take it out of its place, which is ours then. Returns false, and it is
 * not, when somebody else took it or there is no room. Room is taken first: who frees the
 * block and does not find it must come behind it.
 */
static __noinline bool young_evict(struct young_block *block, __u64 birth, __u64 flags,
					struct young_row *held)
{
	struct wire_alloc *record;

	row_settle(block, held);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return false;
	if (!young_win(block, birth)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return false;
	}
	row_drop(block);
	young_fill(record, block, birth);
	bpf_ringbuf_submit(record, flags);
	return true;
}

/* Send a block that we are about to free: its place is ours. Returns false without room. */
static __noinline bool young_tell(const struct young_block *block, __u64 birth)
{
	struct wire_alloc *record;

	row_settle(block, NULL);
	row_drop(block);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(WIRE_LOSS_ALLOC_RING);
		return false;
	}
	young_fill(record, block, birth);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

/* --- what the calls use ------------------------------------------------------------- */
/* (Functions that the verifier looks at once, not at each call, are not static.) */

/* Put a block into its place, and send what was there. Returns whether that could be done. */
static __always_inline bool young_replace(struct young_block *block, __u64 address, __u64 stack,
					  const struct thread_state *thread,
					  struct young_row *row, __u32 key)
{
	__u64 birth = young_load(block->birth_ns), flags = 0, now;

	if (birth == YOUNG_BUSY)
		return false;
	if (birth ? !ring_has_room(&flags) || !young_evict(block, birth, flags, row)
		  : !young_win(block, 0))
		return false;
	now = bpf_ktime_get_ns();
	row_add(row, now);
	block->address = address;
	block->size = thread->size;
	block->stack = stack;
	block->ids = thread->ids;
	block->function = cookie_function(thread->cookie);
	block->row = key;
	block->life = row->life;
	block->serial = row->made;
	young_leave(block, now);
	return true;
}

/* A block at `address` is about to be sent: an earlier one there, whose end was missed,
 * is sent first. Its place would be taken for this one's. */
static __noinline void young_forget(const struct thread_state *thread, __u64 address)
{
	struct young_block *block;
	__u64 birth;

	if (!young_bits)
		return;
	block = young_place(thread->ids, address);
	if (!block)
		return;
	birth = young_load(block->birth_ns);
	if (birth > YOUNG_BUSY && block->address == address &&
	    young_evict(block, birth, BPF_RB_NO_WAKEUP, NULL))
		young_leave(block, 0);
}

/*
 * A block was made. Returns whether it is kept here; else it is to be sent at once.
 */
__noinline bool young_put(const struct thread_state *thread, __u64 address,
				      __u64 stack)
{
	struct young_block *block;
	struct young_row *row;
	__u32 key;

	if (!young_bits || !thread)
		return false;
	block = young_place(thread->ids, address);
	if (!block)
		return false;
	row = row_of_new(thread, stack, &key);
	if (row) {
		bool kept = young_replace(block, address, stack, thread, row, key);

		row_unlock(row);
		if (kept)
			return true;
	}
	young_forget(thread, address);
	return false;
}

/*
 * The block at `address` ends at `time_ns`, if it was born by then. Returns true when that
 * is all there is to say of it. Else its end is to be sent; the block itself has been,
 * should it have been here.
 */
__noinline bool young_end(const struct thread_state *thread, __u64 address,
				      __u64 time_ns)
{
	struct young_block *block;
	__u64 birth;
	bool told;

	if (!young_bits || !thread)
		return false;
	block = young_place(thread->ids, address);
	if (!block)
		return false;
	birth = young_load(block->birth_ns);
	if (birth <= YOUNG_BUSY || birth > time_ns || block->address != address ||
	    block->ids >> 32 != thread->ids >> 32 || !young_win(block, birth))
		return false;
	if (block->ids == thread->ids && row_pair(block, birth, time_ns)) {
		young_leave(block, 0);
		return true;
	}
	told = young_tell(block, birth);
	young_leave(block, 0);
	/* Without the allocation the free would only be one of an unknown block. */
	return !told;
}

static long young_tell_one(__u32 place, void *context)
{
	__u32 pid = *(__u32 *)context, key = young_area(pid) << young_bits | place;
	struct young_block *block = bpf_map_lookup_elem(&young_blocks, &key);
	__u64 birth;

	if (!block)
		return 1;
	birth = young_load(block->birth_ns);
	if (birth > YOUNG_BUSY && block->ids >> 32 == pid &&
	    young_evict(block, birth, BPF_RB_NO_WAKEUP, NULL))
		young_leave(block, 0);
	return 0;
}

/* Send all young blocks of a process: what comes next must find them told. */
static __always_inline void young_tell_all(__u32 pid)
{
	if (young_bits)
		bpf_loop(1 << young_bits, young_tell_one, &pid, 0);
}

/* --- what the calls say ------------------------------------------------------------- */

/* An allocation returned; `address` 0: it failed. Returns whether it is told, or will be. */
static __always_inline bool tell_alloc(const struct thread_state *thread, __u64 address,
				       __u64 stack)
{
	return (address && young_put(thread, address, stack)) ||
	       emit_alloc(thread, address, stack);
}

/* A block is about to be freed by a call with `cookie`. */
static __always_inline void tell_free(const struct thread_state *thread, __u64 cookie,
				      __u64 address)
{
	if (!young_end(thread, address, bpf_ktime_get_ns()))
		emit_free(thread, cookie, address);
}

/* A realloc returned: does that end what is to be said of its old block? */
static __always_inline bool realloc_ends(const struct thread_state *thread, __u64 address)
{
	/* A failed call leaves the old block as it is. */
	return thread->pointer && (address || !thread->size) &&
	       young_end(thread, thread->pointer, thread->enter_ns);
}

/* … and what there is to say of the new one. `ended`: of realloc_ends(). Returns as
 * tell_alloc(). */
static __always_inline bool tell_realloc(const struct thread_state *thread, __u64 address,
					 __u64 stack, bool ended)
{
	/* With nothing to say of an old block it is like any other allocation. */
	if (address && (ended || !thread->pointer))
		return tell_alloc(thread, address, stack);
	if (ended)
		return true;
	young_forget(thread, address);
	return emit_realloc(thread, address, stack);
}

#endif
