/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of Python frames, beside the native one (walk.bpf.h).
 *
 * It works whether or not the thread holds the GIL: only the thread itself
 * changes its chain of frames, and it stands still in our probe. So its own
 * thread state is what must be found, not "the current" one: by the
 * thread-specific slot in which CPython keeps it (pthread_getspecific in three
 * instructions), else by its thread pointer in the interpreters' lists. A
 * thread that never ran Python has neither.
 *
 * Everything here is the target's to scribble over: each loop is bounded, each
 * read may fail, and no value read is used but as an address to read from.
 */
#ifndef OUTLIVE_BPF_PYTHON_H
#define OUTLIVE_BPF_PYTHON_H

#include "maps.bpf.h"

#define PYTHON_MAX_THREADS 2048 /* looked at in the lists of all interpreters */
#define PYTHON_PAGE 4096
#define PYTHON_MAX_STEPS (2 * WIRE_MAX_FRAMES + 2) /* frames, and a shim for each */

struct python_context {
	struct python_walk *walk;
	const struct python_process *python;
};

static __always_inline int python_pointer(__u64 address, __u64 *ret_value)
{
	return bpf_probe_read_user(ret_value, sizeof(*ret_value), (void *)address) < 0 ? -1 : 0;
}

static __always_inline long python_end(struct python_walk *walk, __u8 status)
{
	walk->record.status = status;
	return 1;
}

/* The innermost frame of thread state `thread`: 0 when it runs no Python now. */
static __always_inline int python_first_frame(const struct python_process *python, __u64 thread,
					      __u64 *ret_frame)
{
	__u64 frame = 0;

	if (python_pointer(thread + python->thread_frame, &frame) < 0)
		return -1;
	if (frame && python->cframe != PYTHON_CFRAME_NONE &&
	    python_pointer(frame + python->cframe, &frame) < 0)
		return -1;
	*ret_frame = frame;
	return 0;
}

/*
 * One thread state of a list, newest first. A new thread's state is made by its
 * parent and bears the parent's id until the child runs: one without frames is
 * passed over.
 */
static long python_seek(__u32 index, struct python_context *context)
{
	const struct python_process *python = context->python;
	struct python_walk *walk = context->walk;
	__u64 thread = walk->thread, id = 0, frame = 0;

	if (!thread) {
		if (python_pointer(walk->interp + python->interp_next, &walk->interp) < 0)
			return python_end(walk, WIRE_PYTHON_READ_FAULT);
		if (!walk->interp)
			return 1;
		if (python_pointer(walk->interp + python->interp_threads, &walk->thread) < 0)
			return python_end(walk, WIRE_PYTHON_READ_FAULT);
		return 0;
	}
	if (python_pointer(thread + python->thread_id, &id) < 0)
		return python_end(walk, WIRE_PYTHON_READ_FAULT);
	if (id == walk->thread_pointer) {
		if (python_first_frame(python, thread, &frame) < 0)
			return python_end(walk, WIRE_PYTHON_READ_FAULT);
		walk->frame = frame;
		if (frame)
			return 1;
	}
	if (python_pointer(thread + python->thread_next, &walk->thread) < 0)
		return python_end(walk, WIRE_PYTHON_READ_FAULT);
	return 0;
}

static __always_inline void python_find_thread(struct python_context *context)
{
	const struct python_process *python = context->python;
	struct python_walk *walk = context->walk;

	if (python->tss) {
		if (python_pointer(walk->thread_pointer + python->tss, &walk->thread) < 0 ||
		    (walk->thread && python_first_frame(python, walk->thread, &walk->frame) < 0))
			python_end(walk, WIRE_PYTHON_READ_FAULT);
		return;
	}
	if (python_pointer(python->head, &walk->interp) < 0 ||
	    (walk->interp &&
	     python_pointer(walk->interp + python->interp_threads, &walk->thread) < 0)) {
		python_end(walk, WIRE_PYTHON_READ_FAULT);
		return;
	}
	if (walk->interp)
		bpf_loop(PYTHON_MAX_THREADS, python_seek, context, 0);
}

/*
 * Have the frame at `address` in the copy. Where frames lie on a stack of their own, as
 * much of what is below it as its page has comes with it: one read instead of twenty.
 */
static __always_inline int python_copy(struct python_walk *walk,
				       const struct python_process *python, __u64 address)
{
	__u32 bytes = python->frame_bytes & (2 * PYTHON_FRAME_BYTES - 1), below = 0;
	__u64 offset = address - walk->copy_start;

	if (offset < PYTHON_COPY_BYTES && offset + bytes <= walk->copy_length)
		return 0;
	if (python->contiguous) {
		below = address & (PYTHON_PAGE - 1);
		if (below > PYTHON_COPY_BYTES - PYTHON_FRAME_BYTES)
			below = PYTHON_COPY_BYTES - PYTHON_FRAME_BYTES;
	}
	bytes += below;
	walk->copy_start = address - below;
	walk->copy_length = 0;
	if (bytes > PYTHON_COPY_BYTES ||
	    bpf_probe_read_user(walk->copy, bytes, (void *)(address - below)) < 0)
		return -1;
	walk->copy_length = bytes;
	return 0;
}

/* A field of the frame at `address`, which is in the copy. */
static __always_inline __u64 python_field(const struct python_walk *walk, __u64 address,
					  __u16 field)
{
	__u64 offset = address - walk->copy_start + field;

	return *(const __u64 *)((const char *)walk->copy + (offset & (PYTHON_COPY_BYTES - 8)));
}

/* Add the last bytes of the string at `address` to a frame's identity. */
static __always_inline void python_add_tail(struct python_walk *walk,
					    const struct python_process *python,
					    struct wire_python_frame *frame, __u64 address,
					    __u32 flag)
{
	__u64 length = 0, skip;
	__u32 bytes;

	if (python_pointer(address + PYTHON_STRING_LENGTH, &length) < 0)
		return;
	bytes = python_tail_bytes(length, &skip) & (2 * sizeof(walk->words) - 1);
	__builtin_memset(walk->words, 0, sizeof(walk->words));
	if (bytes > sizeof(walk->words) ||
	    bpf_probe_read_user(walk->words, bytes,
				(void *)(address + python->string_data + skip)) < 0)
		return;
	frame->identity = python_identity_add(frame->identity, walk->words);
	frame->flags |= flag;
}

/* Who is the code object of `frame`: by the addresses of its names and its file's name. */
static __always_inline bool python_identify(struct python_walk *walk,
					    const struct python_process *python,
					    struct wire_python_frame *frame)
{
	__u32 bytes = python->names_bytes & (2 * sizeof(walk->names) - 1);

	frame->identity = 0;
	walk->names[PYTHON_IDENTITY_WORDS - 1] = 0;
	if (bytes > sizeof(walk->names) ||
	    bpf_probe_read_user(walk->names, bytes,
				(void *)(frame->code + python->code_names)) < 0)
		return false;
	frame->identity = python_identity_add(PYTHON_IDENTITY_START, walk->names);
	python_add_tail(walk, python, frame, walk->names[0], WIRE_PYTHON_FILE);
	return true;
}

/*
 * Note the frame at `address`, which is in the copy. What it runs is looked at only where
 * its address may soon be another's: each read costs as much as many frames.
 */
static __always_inline void python_note(struct python_walk *walk,
					const struct python_process *python, __u64 address,
					__u32 flags)
{
	struct wire_python_frame *frame = &walk->frames[walk->record.count & 127];
	__u64 last = python_field(walk, address, python->last);
	__u64 code = python_field(walk, address, python->code);

	code &= ~(__u64)python->tag_bits;
	frame->code = code;
	frame->last = (__u32)(python->last_is_pointer ? last - code : last);
	frame->flags = flags;
	frame->identity = 0;
	if (python_field(walk, address, python->locals))
		python_identify(walk, python, frame);
	walk->record.count++;
	walk->hash = (walk->hash ^ code ^ (__u64)frame->last << 40) * 0x9e3779b97f4a7c15ull;
	walk->hash = (walk->hash << 29 | walk->hash >> 35) ^ frame->identity ^ flags;
}

/* The stack is new and will be sent: have the whole identity of every frame. */
static long python_identify_one(__u32 index, struct python_context *context)
{
	const struct python_process *python = context->python;
	struct python_walk *walk = context->walk;
	struct wire_python_frame *frame = &walk->frames[index & 127];

	if (!python_identify(walk, python, frame))
		return 0;
	python_add_tail(walk, python, frame, walk->names[1], WIRE_PYTHON_NAME);
	__builtin_memset(walk->words, 0, sizeof(walk->words));
	if (bpf_probe_read_user(walk->words, sizeof(__u32),
				(void *)(frame->code + python->code_first_line)) < 0)
		frame->identity = 0;
	else
		frame->identity = python_identity_add(frame->identity, walk->words);
	return 0;
}

/* The frame noted last was the outermost of its call of the eval function. */
static __always_inline void python_mark_entry(struct python_walk *walk)
{
	__u32 count = walk->record.count;

	if (count == 0)
		return;
	walk->frames[(count - 1) & 127].flags |= WIRE_PYTHON_ENTRY;
	walk->hash = (walk->hash ^ WIRE_PYTHON_ENTRY) * 0x9e3779b97f4a7c15ull;
}

static long python_step(__u32 index, struct python_context *context)
{
	const struct python_process *python = context->python;
	struct python_walk *walk = context->walk;
	__u64 address = walk->frame;
	__u8 kind;

	if (!address)
		return 1;
	/* Unaligned, it is no frame. */
	if ((address & 7) || python_copy(walk, python, address) < 0)
		return python_end(walk, WIRE_PYTHON_READ_FAULT);
	walk->frame = python_field(walk, address, python->back);
	kind = python_field(walk, address, python->kind) >> (python->kind & 7) * 8;
	if (python->entry == PYTHON_ENTRY_SHIM && kind >= PYTHON_SHIM_LEAST) {
		python_mark_entry(walk);
		return 0;
	}
	if (walk->record.count >= WIRE_MAX_FRAMES)
		return python_end(walk, WIRE_PYTHON_TRUNCATED);
	python_note(walk, python, address,
		    python->entry == PYTHON_ENTRY_ALL ||
				    (python->entry == PYTHON_ENTRY_FLAG && kind) ?
			    WIRE_PYTHON_ENTRY : 0);
	return 0;
}

/* Walk the frames of the thread whose thread pointer is given. Leaves count and
 * status in walk->record, the frames behind it, and a hash of both. */
static __always_inline void python_run(struct python_walk *walk,
				       const struct python_process *python, __u64 thread_pointer)
{
	struct python_context context = { .walk = walk, .python = python };

	walk->interp = 0;
	walk->thread = 0;
	walk->frame = 0;
	walk->hash = 0;
	walk->thread_pointer = thread_pointer;
	walk->copy_start = 0;
	walk->copy_length = 0;
	walk->record.count = 0;
	walk->record.status = WIRE_PYTHON_COMPLETE;
	python_find_thread(&context);
	if (walk->frame)
		bpf_loop(PYTHON_MAX_STEPS, python_step, &context, 0);
	/* A chain of shims only, or one that never ends. */
	if (walk->frame && walk->record.status == WIRE_PYTHON_COMPLETE)
		walk->record.status = WIRE_PYTHON_TRUNCATED;
	walk->hash ^= walk->record.status;
}

/* Before the record of a walk is sent. */
static __always_inline void python_finish(struct python_walk *walk,
					  const struct python_process *python)
{
	struct python_context context = { .walk = walk, .python = python };

	bpf_loop(walk->record.count, python_identify_one, &context, 0);
}

#endif
