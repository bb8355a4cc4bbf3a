/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memo: what the thread's last walk found, so that the next one need not find it again.
 *
 * Between two allocations of a thread only the top of its stack changes as a rule; the
 * frames further out are the same, often all of them. A plain step of the walk is a pure
 * function: from a frame's state (pc, sp, rbp), by a rule that hangs on the pc alone, to
 * one stack word, or two, that are the caller's pc and rbp. So when a walk arrives at a
 * state that the last walk was in ("joins" it), and every word that the last walk read
 * from there on still says the same, then all frames from there on are the same as well:
 * comparing the words replaces the steps. Nothing is assumed: a word that differs
 * anywhere ends the shortcut, and the walk goes on step by step.
 *
 * The frames are kept outermost first: they grow and shrink at the same end as the stack
 *
 *     [0, kept)    the last walk's; of them [0, good) may be joined
 *     [.., 128)    this walk's new ones while it runs, written downwards from the far end
 *
 * and a walk ends with its new frames moved down onto the ones it joined. `hashes` holds
 * the hash of each frame and all outer ones, so that hashing too starts at the join.
 *
 * Good are the outermost frames, up to where a step was not plain: out of a signal
 * handler, through a return probe's trampoline, by a rule that is not in
 * unwind_cache_rule(), by frame pointer for want of a rule. None are when the walk ended
 * for want of room or memory, or when user space has changed the tables since (the epoch).
 */
#ifndef OUTLIVE_BPF_MEMO_H
#define OUTLIVE_BPF_MEMO_H

#include "step.bpf.h"

#define MEMO_SEEK 4   /* kept frames passed over at each new one */
#define MEMO_CHUNK 32 /* kept frames compared in one go; more make the verifier slow */

/* An index masked where the verifier sees it: clang drops a mask that it can prove not
 * to be needed, from facts that the verifier has not kept. */
#define MASKED(index, mask)                                                                        \
	({                                                                                         \
		__u64 masked = (index);                                                            \
		barrier_var(masked);                                                               \
		masked & (mask);                                                                   \
	})

/* The place of a kept frame, or of any number, in the arrays of frames. */
#define FRAME_AT(index) MASKED(index, WALK_FRAMES - 1)

/* A copied word, by its distance from the copy's start. */
#define COPIED(walk, offset)                                                                       \
	(*(__u64 *)((char *)(walk)->copy + MASKED(offset, COPY_BYTES - 8)))

/* The frame's part in the stack's id. Multiply and rotate: order matters, every bit counts. */
static __always_inline __u64 hash_frame(__u64 hash, __u64 pc)
{
	hash = (hash ^ pc) * 0x9e3779b97f4a7c15ull;
	return hash << 29 | hash >> 35;
}

/* Before a walk: which frames of the last one may be joined. */
static __always_inline void memo_begin(struct walk *walk, __u32 epoch)
{
	if (!memo || walk->epoch != epoch)
		walk->good = 0;
	walk->epoch = epoch;
	walk->join = walk->good;
	walk->unchecked = 0;
	walk->kept = 0;
	walk->unusual = 0;
	walk->saved = WALK_NOT_SAVED;
}

/*
 * Where in [0, join) the last walk was in the state given, when it was: returns that
 * frame's number + 1, else how much of [0, join) is still ahead; *ret_found tells which.
 * Both walks go up the stack: what lies below `sp` will not be met any more.
 */
static __always_inline __u32 memo_seek(const struct walk *walk, __u32 join, __u64 pc, __u64 sp,
				       __u64 fp, bool *ret_found)
{
	__u32 at;

	for (int i = 0; i < MEMO_SEEK && join; i++) {
		if (walk->sps[FRAME_AT(join - 1)] >= sp)
			break;
		join--;
	}
	at = FRAME_AT(join - 1);
	*ret_found = join && walk->sps[at] == sp && walk->pcs[at] == pc && walk->fps[at] == fp;
	return join;
}

/* The walk is in the state of kept frame `join` - 1: begin to compare what lies behind it.
 * Returns false when the two parts together would be too long. */
static __always_inline bool memo_join(struct walk *walk)
{
	if (walk->join + walk->record.count > WIRE_MAX_FRAMES) {
		walk->join = 0;
		return false;
	}
	walk->unchecked = walk->join;
	return true;
}

/* The kept frames from number `first` on are not those of this stack. */
static __always_inline long memo_part(struct walk *walk, __u32 first)
{
	walk->join = first;
	walk->unchecked = 0;
	return 0;
}

/*
 * Compare some more: frame `unchecked` - 1 is right; is its caller? Ends the walk when
 * all are right. One that is not, or cannot be read in one copy, parts this walk from
 * the last one, and it goes on from where it joined.
 */
static __always_inline long memo_compare(struct walk *walk)
{
	__u64 start = walk->copy_start, length = walk->copy_length;
	__u32 left = walk->unchecked - 1;

	for (int i = 0; i < MEMO_CHUNK && left; i++) {
		__u32 at = FRAME_AT(left - 1);
		__u64 saved = walk->saves[at];
		__u64 at_pc = walk->sps[at] - 8 - start;
		__u64 at_fp = saved == WALK_NOT_SAVED ? at_pc : walk->sps[at] + saved - start;

		if (at_pc > COPY_BYTES - 8 || at_fp > COPY_BYTES - 8 || at_pc + 8 > length ||
		    at_fp + 8 > length) {
			__u64 lower = start + (at_fp < at_pc ? at_fp : at_pc);

			if (i == 0 && (lower == start || copy_stack(walk, lower, COPY_BYTES) < 0))
				return memo_part(walk, left);
			break;
		}
		if (COPIED(walk, at_pc) != walk->pcs[at] ||
		    (saved != WALK_NOT_SAVED && COPIED(walk, at_fp) != walk->fps[at]))
			return memo_part(walk, left);
		left--;
	}
	walk->unchecked = left + 1;
	if (left)
		return 0;
	walk->kept = walk->join;
	/* How this walk came to the frame where it joined is for the next one to compare. */
	walk->saves[FRAME_AT(walk->kept - 1)] = walk->saved;
	walk->sp = walk->sps[0];
	return walk_end(walk, walk->ending);
}

/* Note the frame at walk->pc. Returns whether there was room. */
static __always_inline bool memo_note(struct walk *walk)
{
	__u32 count = walk->record.count, at = FRAME_AT(WALK_FRAMES - 1 - count);

	if (count >= WIRE_MAX_FRAMES)
		return false;
	walk->pcs[at] = walk->pc;
	walk->sps[at] = walk->sp;
	walk->fps[at] = walk->fp;
	walk->saves[at] = walk->saved;
	walk->record.count = count + 1;
	return true;
}

/* Does a walk that ended so always end so, given the state of its outermost frame and that
 * this frame is not unusual? Else it hung on what is not kept: room, memory, probes. */
static __always_inline bool memo_ending(__u8 status)
{
	return status != WIRE_STACK_TRUNCATED && status != WIRE_STACK_READ_FAULT &&
	       status != WIRE_STACK_TRAMPOLINE;
}

/* After a walk: join the new frames to the kept ones, and hash them. */
static __always_inline void memo_end(struct walk *walk)
{
	__u32 fresh = walk->record.count, kept = walk->kept;
	__u64 hash = kept ? walk->hashes[FRAME_AT(kept - 1)] : walk->salt;

	for (__u32 i = 0; i < WIRE_MAX_FRAMES && i < fresh; i++) {
		__u32 from = FRAME_AT(WALK_FRAMES - fresh + i), to = FRAME_AT(kept + i);

		hash = hash_frame(hash, walk->pcs[from]);
		walk->pcs[to] = walk->pcs[from];
		walk->sps[to] = walk->sps[from];
		walk->fps[to] = walk->fps[from];
		walk->saves[to] = walk->saves[from];
		walk->hashes[to] = hash;
	}
	walk->hash = hash;
	walk->record.count = kept + fresh;
	walk->ending = walk->record.status;
	walk->good = memo_ending(walk->ending) ? kept + fresh - walk->unusual : 0;
}

struct frames_context {
	struct walk *walk;
};

static long frame_put(__u32 index, struct frames_context *context)
{
	struct walk *walk = context->walk;

	walk->frames[FRAME_AT(index)] = walk->pcs[FRAME_AT(walk->record.count - 1 - index)];
	return 0;
}

/* Put the frames of the walk behind its record, innermost first, as they are sent. */
static __always_inline void walk_frames(struct walk *walk)
{
	struct frames_context context = { .walk = walk };

	bpf_loop(walk->record.count, frame_put, &context, 0);
}

#endif
