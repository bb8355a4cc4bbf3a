/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting records into the ring.
 *
 * Loss is asymmetric: a lost free is a leak that is not there. So allocations
 * stop at three quarters of the ring and the rest is kept for frees; a free
 * that still finds no room goes to the overflow map. Wake-ups are batched: no
 * record wakes user space by itself, only a ring that fills while it sleeps.
 */
#ifndef OUTLIVE_BPF_EMIT_H
#define OUTLIVE_BPF_EMIT_H

#include "maps.bpf.h"

static __always_inline void header_fill(struct wire_header *header, __u16 kind, __u16 length,
					__u64 ids, __u64 cookie, __u64 time_ns)
{
	header->kind = kind;
	header->length = length;
	header->function = cookie_function(cookie);
	header->flags = 0;
	header->rate = 0;
	header->pid = ids >> 32;
	header->tid = (__u32)ids;
	header->time_ns = time_ns;
}

/* May an allocation still be sent? *ret_flags: how to submit it. */
static __always_inline bool ring_has_room(__u64 *ret_flags)
{
	__u64 filled = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	*ret_flags = BPF_RB_NO_WAKEUP;
	if (filled > ring_alloc_mark)
		return false;
	if (filled > ring_wake_mark && wake_wanted) {
		wake_wanted = 0;
		*ret_flags = BPF_RB_FORCE_WAKEUP;
	}
	return true;
}

/* Returns whether it went out. */
static __always_inline bool emit_alloc(const struct thread_state *thread, __u64 address,
				       __u64 stack)
{
	struct wire_alloc *record;
	__u64 flags;

	if (!ring_has_room(&flags)) {
		loss_count(WIRE_LOSS_ALLOC_RING);
		return false;
	}
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(WIRE_LOSS_ALLOC_RING);
		return false;
	}
	header_fill(&record->header, WIRE_ALLOC, sizeof(*record), thread->ids, thread->cookie,
		    bpf_ktime_get_ns());
	if (sampling)
		record->header.rate = thread->sample.rate;
	record->address = address;
	record->size = thread->size;
	record->stack = stack;
	bpf_ringbuf_submit(record, flags);
	return true;
}

static __always_inline void overflow_free(__u64 ids, __u64 address, __u64 time_ns)
{
	struct overflow_key key = { .pid = ids >> 32, .address = address };
	struct overflow_value value = { .time_ns = time_ns, .tid = (__u32)ids };

	if (bpf_map_update_elem(&overflow, &key, &value, BPF_ANY) == 0)
		__sync_fetch_and_add(&overflow_frees, 1);
	else
		loss_count(WIRE_LOSS_FREE_RING);
}

static __always_inline void emit_free(const struct thread_state *thread, __u64 cookie,
				      __u64 address)
{
	__u64 now = bpf_ktime_get_ns();
	struct wire_free *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		overflow_free(thread->ids, address, now);
		return;
	}
	header_fill(&record->header, WIRE_FREE, sizeof(*record), thread->ids, cookie, now);
	if (sampling)
		record->header.rate = thread->sample.rate;
	record->address = address;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* A realloc frees as well as allocates: it may use the part kept for frees. Returns whether
 * it went out. */
static __always_inline bool emit_realloc(const struct thread_state *thread, __u64 address,
					 __u64 stack)
{
	struct wire_realloc *record;
	__u64 flags;

	ring_has_room(&flags);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		if (thread->pointer && (address || !thread->size))
			overflow_free(thread->ids, thread->pointer, thread->enter_ns);
		loss_count(WIRE_LOSS_ALLOC_RING);
		return false;
	}
	header_fill(&record->header, WIRE_REALLOC, sizeof(*record), thread->ids, thread->cookie,
		    bpf_ktime_get_ns());
	if (sampling)
		record->header.rate = thread->sample.rate;
	record->old_address = thread->pointer;
	record->address = address;
	record->size = thread->size;
	record->enter_ns = thread->enter_ns;
	record->stack = stack;
	bpf_ringbuf_submit(record, flags);
	return true;
}

/* Thread and process records; `comm` is kernel memory. Returns whether it went out. */
static __always_inline bool emit_thread(struct task_struct *task, __u16 kind, const char *comm,
					__u8 wire_flags, __u64 submit_flags)
{
	struct wire_thread *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(WIRE_LOSS_RANGE_RING);
		return false;
	}
	header_fill(&record->header, kind, sizeof(*record), 0, 0, bpf_ktime_get_ns());
	record->header.pid = BPF_CORE_READ(task, tgid);
	record->header.tid = BPF_CORE_READ(task, pid);
	record->header.flags = wire_flags;
	record->thread_start_ns = BPF_CORE_READ(task, start_time);
	record->process_start_ns = BPF_CORE_READ(task, group_leader, start_time);
	__builtin_memset(record->comm, 0, sizeof(record->comm));
	bpf_probe_read_kernel_str(record->comm, sizeof(record->comm), comm);
	bpf_ringbuf_submit(record, submit_flags);
	return true;
}

#endif
