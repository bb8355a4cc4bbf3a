/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire contract: every record that the BPF programs put into the ring buffer.
 *
 * Included by bpf/ (after vmlinux.h) and by src/ (after <linux/types.h>), so it
 * uses nothing but __u8 … __u64. Rules:
 *
 *  - kinds are append-only; a reader skips a kind it does not know by `length`;
 *  - every record starts with struct wire_header and is zeroed before it is filled;
 *  - fields are fixed-width, naturally aligned, and sizes are asserted below;
 *  - times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns).
 */
#ifndef OUTLIVE_WIRE_H
#define OUTLIVE_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WIRE_MAX_FRAMES 127 /* frames kept of one stack, innermost first */
#define WIRE_COMM_BYTES 16  /* TASK_COMM_LEN, include/linux/sched.h */

enum wire_kind {
	WIRE_NONE = 0,
	WIRE_ALLOC = 1,	  /* struct wire_alloc: a block was made, or the call failed (address 0) */
	WIRE_FREE = 2,	  /* struct wire_free: a block is about to be freed */
	WIRE_REALLOC = 3, /* struct wire_realloc: one whole realloc, sent at its return */
	WIRE_STACK = 4,	  /* struct wire_stack: first sight of a stack, sent before its first use */
	WIRE_MAP = 5,	  /* struct wire_range: mmap returned */
	WIRE_UNMAP = 6,	  /* struct wire_range: munmap succeeded */
	WIRE_REMAP = 7,	  /* struct wire_range: mremap succeeded */
	WIRE_BRK = 8,	  /* struct wire_range: address = the program break now */
	WIRE_THREAD = 9,  /* struct wire_thread: first sight of a thread, or it was renamed */
	WIRE_FORK = 10,	  /* struct wire_fork: a traced process made a child process */
	WIRE_EXEC = 11,	  /* struct wire_thread: the process runs a new program; its heap is gone */
	WIRE_EXIT = 12,	  /* struct wire_exit: a thread, or with its last thread the process, ended */
	WIRE_PYTHON_STACK = 13, /* struct wire_python_stack: sent just before the stack it goes with */
	WIRE_PAIRS = 14,  /* struct wire_pairs: blocks that were made and soon freed, as counts */
	WIRE_KIND_COUNT
};

/* Bits of wire_header.flags. */
enum wire_flag {
	WIRE_IN_ALLOCATOR = 1 << 0, /* range records: made inside an allocator call (backing store) */
	WIRE_BEFORE_TRACE = 1 << 1, /* range records: existed when the trace began (never from BPF) */
	WIRE_FOLLOWED = 1 << 2, /* fork records: the child is traced from here on */
	WIRE_SHARES_MEMORY = 1 << 3, /* fork records: the child runs in the parent's memory (vfork) */
	WIRE_OTHER_THREAD = 1 << 4, /* exec records: it was not the first thread that called exec */
	WIRE_LEAVES = 1 << 5, /* exec records: the new program is not traced */
};

struct wire_header {
	__u16 kind;	/* enum wire_kind */
	__u16 length;	/* whole record, header included, bytes */
	__u8 function;	/* row of the allocator table (target/allocators.h); 0 where it has no meaning */
	__u8 flags;	/* enum wire_flag */
	__u16 rate;	/* ALLOC, REALLOC, FREE: how the process is sampled (outlive/sample.h); else 0 */
	__u32 pid;	/* thread group id */
	__u32 tid;
	__u64 time_ns;
};

struct wire_alloc {
	struct wire_header header;
	__u64 address; /* 0: the call failed */
	__u64 size;    /* bytes asked for */
	__u64 stack;   /* wire_stack.id; 0: no stack taken */
};

struct wire_free {
	struct wire_header header; /* time_ns: entry of the call */
	__u64 address;
};

struct wire_realloc {
	struct wire_header header; /* time_ns: return of the call */
	__u64 old_address;	   /* 0: realloc(NULL, n) */
	__u64 address;		   /* 0: failed (size > 0) or freed (size 0) */
	__u64 size;
	__u64 enter_ns; /* entry of the call: `old_address` may belong to another thread since then */
	__u64 stack;
};

/*
 * Blocks of one thread, stack and allocator function, of sizes in one [2^n, 2^(n+1)),
 * that this thread has freed itself. None of them has a record of its own.
 */
struct wire_pairs {
	struct wire_header header; /* time_ns: of the last free; function: that made them */
	__u64 stack;
	__u64 bytes;
	__u64 lifetime_ns; /* of all, added up */
	__u64 first_birth_ns, last_birth_ns;
	__u32 count;	/* 0: only evidence, about those of the record before */
	__u32 replaced; /* as in ledger/cell.h: by either order … */
	__u32 refilled; /* … of them, by "clear, then set" */
	__u32 log2_size; /* n */
	/* The last block, should its free have left none of them: what comes next may take its
	 * place. cleared_ns 0: another came already. */
	__u64 cleared_birth_ns, cleared_ns;
};

/* How a walk ended. Append-only; names and meanings for people: stream/stack_status.c. */
enum wire_stack_status {
	WIRE_STACK_COMPLETE = 0,   /* reached the thread's start */
	WIRE_STACK_TRUNCATED = 1,  /* more than WIRE_MAX_FRAMES frames */
	WIRE_STACK_NO_MODULE = 2,  /* an address in no known mapping, and no frame pointer to go on by */
	WIRE_STACK_NO_ROW = 3,	   /* a known module without a rule there, and no frame pointer */
	WIRE_STACK_READ_FAULT = 4, /* stack memory could not be read */
	WIRE_STACK_NO_PROGRESS = 5, /* the next frame would not lie above this one */
	WIRE_STACK_TRAMPOLINE = 6, /* a return address hijacked by somebody's return probe */
	WIRE_STACK_STATUS_COUNT
};

/* Bits of wire_stack.flags. */
enum wire_stack_flag {
	WIRE_STACK_USED_FP = 1 << 0, /* at least one step went by frame pointer */
};

struct wire_stack {
	struct wire_header header;
	__u64 id; /* hash of process and frames, Python's too, never 0 */
	__u16 count;
	__u8 status; /* enum wire_stack_status */
	__u8 flags;  /* enum wire_stack_flag */
	__u32 zero;
	__u64 frames[]; /* count of them, innermost first; [0] is where the allocator returns to */
};

/* One Python frame. Append-only in wire_python_frame.flags. */
enum wire_python_frame_flag {
	WIRE_PYTHON_ENTRY = 1 << 0, /* the outermost of one call of the eval function */
	WIRE_PYTHON_FILE = 1 << 1,  /* `identity` has the end of its co_filename in it */
	WIRE_PYTHON_NAME = 1 << 2,  /* … and that of its co_name */
};

struct wire_python_frame {
	__u64 code;	/* address of the code object */
	__u64 identity; /* of it, see outlive/python.h; 0: could not be read */
	__u32 last; /* the instruction under way: bytes from `code`, or f_lasti (to 3.10) */
	__u32 flags; /* enum wire_python_frame_flag */
};

/* How a walk of Python frames ended. Append-only. */
enum wire_python_status {
	WIRE_PYTHON_COMPLETE = 0,
	WIRE_PYTHON_TRUNCATED = 1,  /* more than WIRE_MAX_FRAMES frames */
	WIRE_PYTHON_READ_FAULT = 2, /* memory of the interpreter could not be read */
	WIRE_PYTHON_STATUS_COUNT
};

struct wire_python_stack {
	struct wire_header header;
	__u64 id; /* wire_stack.id of the stack it belongs to */
	__u16 count;
	__u8 status; /* enum wire_python_status */
	__u8 zero[5];
	struct wire_python_frame frames[]; /* count of them, innermost first */
};

/*
 * A change of the address space.
 *   MAP    address, length of the new range; prot, map_flags, fd as passed to mmap
 *   UNMAP  address, length
 *   REMAP  old_address, old_length → address, length; map_flags = MREMAP_* flags
 *   BRK    address = new program break, old_address = break before (0: not known)
 */
struct wire_range {
	struct wire_header header; /* time_ns: return of the call */
	__u64 address;
	__u64 length;
	__u64 old_address;
	__u64 old_length;
	__u64 enter_ns; /* only ranges born before this are replaced or removed */
	__u32 prot;
	__u32 map_flags;
	__s32 fd; /* -1: anonymous */
	__u32 zero;
	__u64 stack; /* MAP, where blocks are not traced: wire_stack.id; 0: not taken */
};

struct wire_thread {
	struct wire_header header;
	__u64 thread_start_ns;	/* task_struct.start_time: tids are reused, (tid, start) is not */
	__u64 process_start_ns; /* the same of the thread group's leader */
	char comm[WIRE_COMM_BYTES];
};

struct wire_fork {
	struct wire_header header; /* pid, tid of the parent */
	__u32 child_pid;
	__u32 zero;
	__u64 child_start_ns;
};

struct wire_exit {
	struct wire_header header;
	__u32 last_thread; /* 1: the process is gone with it */
	__u32 zero;
};

_Static_assert(sizeof(struct wire_header) == 24, "wire_header is wire format");
_Static_assert(sizeof(struct wire_alloc) == 48, "wire_alloc is wire format");
_Static_assert(sizeof(struct wire_free) == 32, "wire_free is wire format");
_Static_assert(sizeof(struct wire_realloc) == 64, "wire_realloc is wire format");
_Static_assert(sizeof(struct wire_pairs) == 96, "wire_pairs is wire format");
_Static_assert(sizeof(struct wire_stack) == 40, "wire_stack is wire format");
_Static_assert(sizeof(struct wire_python_frame) == 24, "wire_python_frame is wire format");
_Static_assert(sizeof(struct wire_python_stack) == 40, "wire_python_stack is wire format");
_Static_assert(sizeof(struct wire_range) == 88, "wire_range is wire format");
_Static_assert(sizeof(struct wire_thread) == 56, "wire_thread is wire format");
_Static_assert(sizeof(struct wire_fork) == 40, "wire_fork is wire format");
_Static_assert(sizeof(struct wire_exit) == 32, "wire_exit is wire format");

/* A free that found the ring full, in the `overflow` map that user space drains. */
struct overflow_key {
	__u64 pid;
	__u64 address;
};

struct overflow_value {
	__u64 time_ns;
	__u32 tid;
	__u32 zero;
};

_Static_assert(sizeof(struct overflow_key) == 16, "overflow_key is read by user space");
_Static_assert(sizeof(struct overflow_value) == 16, "overflow_value is read by user space");

/*
 * Why something was not seen. The BPF side counts by these in the `loss` map;
 * append-only; names, JSON field and remedy of each: stream/loss.c.
 */
enum wire_loss {
	WIRE_LOSS_ALLOC_RING = 0, /* allocation dropped: ring above its three-quarter mark */
	WIRE_LOSS_FREE_RING = 1,  /* free dropped: ring and overflow map full */
	WIRE_LOSS_STACK_RING = 2, /* stack dropped: its bytes count at an unknown site */
	WIRE_LOSS_THREAD_STATE = 3, /* no task storage for this thread: the call was not seen */
	WIRE_LOSS_RANGE_RING = 4, /* a mapping, thread or process record dropped */
	WIRE_LOSS_OUT_POINTER = 5, /* posix_memalign's result could not be read */
	WIRE_LOSS_STALE_CALL = 6, /* a call that never returned (longjmp, thread death) was dropped */
	/* The first thread of a process ended before the others: the kernel matches a perf
	 * event's probe by that thread's address space, and it has none any more. Counted by
	 * user space. */
	WIRE_LOSS_FIRST_THREAD = 7,
	WIRE_LOSS_RECORDING = 8, /* in chunks of a recording that could not be read; by its reader */
	WIRE_LOSS_PROCESS = 9, /* no place in the table of processes: one was not followed */
	WIRE_LOSS_SLOT = 10, /* no unwind tables left for a process; by user space */
	WIRE_LOSS_SAMPLED = 11, /* sampled block dropped: no room to note it until its free */
	WIRE_LOSS_COUNT
};

/*
 * Probe cookie (bpf_get_attach_cookie): what the one enter and the one return program do.
 *
 *   bits  0-7   shape      enum call_shape
 *   bits  8-15  function   row of the allocator table, 1-based
 *   bits 16-19  size_arg   where the argument is at the site: 1 rdi, 2 rsi, 3 rdx, 4 rcx,
 *                          5 rax; 0 = none
 *   bits 20-23  count_arg
 *   bits 24-27  ptr_arg    free, realloc: the block; posix_memalign: where the result goes
 *   bits 28-31  zero
 *   bits 32-47  site       bytes from the function's entry to the probed instruction
 *   bits 48-63  sp_offset  bytes the stack pointer lies below the return address there
 */
enum call_shape {
	SHAPE_NONE = 0,
	SHAPE_ALLOC_RETURN = 1, /* returns the block */
	SHAPE_ALLOC_OUT = 2,	/* stores the block through ptr_arg, returns 0 or an errno */
	SHAPE_FREE = 3,
	SHAPE_REALLOC = 4,
	SHAPE_REALLOC_OR_FREE = 5, /* reallocf: when it fails the old block is freed */
	/* jemalloc's xallocx: changes a block's size where it is and returns the size it has
	 * then; less than asked for: it failed, and the block is as it was. A WIRE_REALLOC. */
	SHAPE_RESIZE = 6,
	SHAPE_FREE_CALL = 7, /* as FREE, with a return probe: it may call another that frees */
	/* As ALLOC_RETURN, with probes where it is left (below) in place of a return probe: a
	 * C++ exception may leave it, and the unwinder must not find a trampoline. */
	SHAPE_ALLOC_LEAVE = 8,
	/* A C++ exception begins: if inside such a call, it is over, and made nothing. */
	SHAPE_THROW = 9,
	SHAPE_LEAVE = 10, /* a place where a call of ALLOC_LEAVE ends: leave_pack() */
};

static inline __u64 cookie_pack(__u8 shape, __u8 function, __u8 size_arg, __u8 count_arg,
				__u8 ptr_arg, __u16 site, __u16 sp_offset)
{
	return (__u64)shape | (__u64)function << 8 | (__u64)(size_arg & 15) << 16 |
	       (__u64)(count_arg & 15) << 20 | (__u64)(ptr_arg & 15) << 24 | (__u64)site << 32 |
	       (__u64)sp_offset << 48;
}

static inline __u8 cookie_shape(__u64 cookie)
{
	return cookie & 0xff;
}

static inline __u8 cookie_function(__u64 cookie)
{
	return cookie >> 8 & 0xff;
}

static inline __u8 cookie_size_arg(__u64 cookie)
{
	return cookie >> 16 & 15;
}

static inline __u8 cookie_count_arg(__u64 cookie)
{
	return cookie >> 20 & 15;
}

static inline __u8 cookie_ptr_arg(__u64 cookie)
{
	return cookie >> 24 & 15;
}

static inline __u16 cookie_sp_offset(__u64 cookie)
{
	return cookie >> 48 & 0xffff;
}

/*
 * Cookie of a probe where a call of SHAPE_ALLOC_LEAVE ends:
 *
 *   bits  0-7   shape      SHAPE_LEAVE
 *   bits  8-11  register   that has the block then, by its number in instructions
 *   bits 12-15  condition  of the conditional jump there, by its number in instructions
 *   bits 16-17  when       enum leave_when
 */
enum leave_when {
	LEAVE_ALWAYS = 0, /* at a return instruction, or whichever way the jump goes */
	LEAVE_IF = 1,	  /* the call ends if the jump is taken */
	LEAVE_UNLESS = 2, /* … if it is not */
};

static inline __u64 leave_pack(__u8 result_register, __u8 condition, __u8 when)
{
	return SHAPE_LEAVE | (__u64)(result_register & 15) << 8 | (__u64)(condition & 15) << 12 |
	       (__u64)(when & 3) << 16;
}

static inline __u8 leave_register(__u64 cookie)
{
	return cookie >> 8 & 15;
}

static inline __u8 leave_condition(__u64 cookie)
{
	return cookie >> 12 & 15;
}

static inline __u8 leave_when(__u64 cookie)
{
	return cookie >> 16 & 3;
}

#endif
