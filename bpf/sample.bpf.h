/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a sampled block (draw.bpf.h says which are).
 *
 * It is noted in the map `sampled`, and only the end of a noted block is recorded. The
 * note is taken away before the allocator has the block back, and made before the program
 * has it: so at any time it is of one block. Of all others nothing is recorded, only
 * counted.
 */
#ifndef OUTLIVE_BPF_SAMPLE_H
#define OUTLIVE_BPF_SAMPLE_H

#include "draw.bpf.h"
#include "emit.bpf.h"

static __always_inline bool sample_note(const struct thread_state *thread, __u64 address)
{
	struct sample_key key = { .program = thread->sample.program, .address = address };
	struct sample_note note = { .time_ns = bpf_ktime_get_ns(), .pid = thread->ids >> 32 };

	if (thread->sample.flags & SCOPE_ALL_FREES)
		return true;
	if (bpf_map_update_elem(&sampled, &key, &note, BPF_ANY) == 0)
		return true;
	loss_count(WIRE_LOSS_SAMPLED);
	return false;
}

/* Take the note of a block away. Returns whether its end is to be recorded. */
static __always_inline bool sample_forget(const struct thread_state *thread, __u64 address)
{
	struct sample_key key = { .program = thread->sample.program, .address = address };

	if (thread->sample.flags & SCOPE_ALL_FREES)
		return true;
	return bpf_map_delete_elem(&sampled, &key) == 0;
}

/* A call has made a block of thread->size bytes. Returns whether it is to be recorded; it is
 * noted then. */
static __always_inline bool sample_take(struct thread_state *thread, __u64 address)
{
	if (!sample_decide(&thread->sample, thread->sample.every, thread->size))
		return false;
	return sample_note(thread, address);
}

static __always_inline struct sample_calls *sample_calls(const struct thread_state *thread)
{
	__u32 pid = thread->ids >> 32;

	return bpf_map_lookup_elem(&calls, &pid);
}

/* Atomic although per CPU: a uprobe program may be preempted by another one. */
static __always_inline void sample_count_block(const struct thread_state *thread)
{
	struct sample_calls *count = sample_calls(thread);

	if (!count)
		return;
	__sync_fetch_and_add(&count->blocks, 1);
	__sync_fetch_and_add(&count->bytes, thread->size);
}

static __always_inline void sample_count_free(const struct thread_state *thread)
{
	struct sample_calls *count = sample_calls(thread);

	if (count)
		__sync_fetch_and_add(&count->frees, 1);
}

#endif
