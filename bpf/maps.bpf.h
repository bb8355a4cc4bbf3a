/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything the programs share with user space or keep between events. */
#ifndef OUTLIVE_BPF_MAPS_H
#define OUTLIVE_BPF_MAPS_H

#include "outlive/python.h"
#include "outlive/sample.h"
#include "outlive/scope.h"
#include "outlive/unwind.h"
#include "outlive/wire.h"
#include "outlive/young.h"

/* Set before load, so that what is not asked for costs nothing. */
#ifndef CONFIG /* the host tests change these while they run */
#define CONFIG const volatile
#endif

CONFIG __u32 stack_mode = STACK_AUTO; /* enum stack_mode */
CONFIG bool memo = true; /* walk no part of a stack again that is as it was: memo.bpf.h */
CONFIG __u32 scope = SCOPE_PIDS; /* enum scope_kind */
/* The row of a process that is met, if it is wanted. */
CONFIG __u16 first_state = SCOPE_TRACED, first_flags = 0;
CONFIG __u32 first_sample_bytes = 0, first_sample_rate = 0;
CONFIG __u32 own_pid = 0; /* of outlive: what it does while it traces is no news */
CONFIG bool names_matter = false; /* user space leaves processes out by their name */
CONFIG __u32 user_count = 0; /* processes of these users alone; 0: of all */
CONFIG __u32 users[SCOPE_USERS_MOST] = {};
CONFIG bool follow = false; /* the children of traced processes too */
CONFIG __u32 young_bits = 0; /* an area has 2^this places for young blocks; 0: no pairing */
CONFIG __u64 min_size = 0;
CONFIG bool sampling = false; /* not every block is recorded: sample.bpf.h */
CONFIG bool mapping_stacks = false; /* of processes whose blocks are not traced */
CONFIG bool governed = false; /* what probes cost is measured, and processes may be given up */
CONFIG __u64 ring_alloc_mark = 0; /* bytes in the ring above which allocations are dropped */
CONFIG __u64 ring_wake_mark = 0;  /* bytes in the ring above which user space is woken */

/* Live switches and counters. */
__u32 enabled = 0;	/* nothing is recorded before all probes are in place */
__u32 wake_wanted = 0;	/* user space sleeps and wants to be woken at ring_wake_mark */
__u32 generation = 0;	/* grows whenever user space changes a row of `processes` */
__u64 losses[WIRE_LOSS_COUNT] = {};
__u64 young_marks[YOUNG_MARKS] = {}; /* young_rows.bpf.h: a pair lies between two of them */
__u32 young_marked = 0;		     /* there are any */
__u64 overflow_frees = 0; /* frees put into the overflow map so far */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set before load */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct overflow_key);
	__type(value, struct overflow_value);
} overflow SEC(".maps");

/* The traced processes, by thread group id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* set before load */
	__type(key, __u32);
	__type(value, struct scope_process);
} processes SEC(".maps");

/* With SCOPE_CGROUP the one cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct unwind_process);
} process_tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} mappings SEC(".maps");

/* Unwind rows and their indexes: outlive/unwind.h. */
struct pool_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_CHUNK_WORDS);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__array(values, struct pool_chunk);
} pool SEC(".maps");

/* Rules found by pc: outlive/unwind.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, __u64);
} rule_cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct python_process);
} pythons SEC(".maps");

/* The sampled blocks that live: some 80 bytes each, taken when needed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sample_key);
	__type(value, struct sample_note);
} sampled SEC(".maps");

/* What each process called, by thread group id. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1); /* set before load */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sample_calls);
} calls SEC(".maps");
/* Young blocks: outlive/young.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load: 2^young_bits of each area */
	__type(key, __u32);
	__type(value, struct young_block);
} young_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load: 2^YOUNG_ROW_BITS, if any */
	__type(key, __u32);
	__type(value, struct young_row);
} young_rows SEC(".maps");

/*
 * Stacks already sent, by the low bits of their id. A place holds one id; a
 * collision only means that a stack is sent once more, never that one is missing.
 */
#define SENT_BITS 16
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SENT_BITS);
	__type(key, __u32);
	__type(value, __u64);
} sent SEC(".maps");

#define WALK_FRAMES (WIRE_MAX_FRAMES + 1) /* a power of two */
#define WALK_NOT_SAVED 1		  /* in walk.saves; no word lies there */
#define COPY_BYTES 4096 /* of the stack, at most, taken in one read; a power of two */

/* One stack walk. Lives in thread storage: see struct thread_state. */
struct walk {
	__u64 pc, sp, fp;
	__u64 hash;
	__u64 salt;	  /* of the process: its stacks have ids of their own */
	__u64 copy_start; /* stack address of copy[0] */
	__u32 copy_length;
	__u32 copy_want;  /* how much to copy at first: as far as the thread's last walk went */
	__u32 table, table_count; /* the process's mappings */
	__u32 hint;		  /* mapping of the last frame: the next is often in it too */
	__u32 leaf;		  /* pc is an instruction to be run, not a return address */
	__u32 stale;		  /* an address lay in no known mapping */
	__u64 missed;		  /* an address whose rows are away; 0 none */
	__u32 cache, epoch;	  /* the process's part of the rule cache */
	/* The memo: memo.bpf.h. */
	__u32 good;	 /* of the last walk's frames, those that may be joined */
	__u32 join;	 /* of those, the ones still ahead of this walk */
	__u32 unchecked; /* frames to be compared, one more; 0 none: not joined */
	__u32 kept;	 /* frames taken from the last walk */
	__u32 unusual;	 /* new frames up to the last one whose step was not plain */
	__u32 ending;	 /* the last walk's status */
	__s64 saved;	 /* where fp was read, as in `saves` */
	__u64 pcs[WALK_FRAMES];	   /* frames, outermost first: state, … */
	__u64 sps[WALK_FRAMES];
	__u64 fps[WALK_FRAMES];
	__s64 saves[WALK_FRAMES];  /* … its rbp was read at sp + this, or WALK_NOT_SAVED, … */
	__u64 hashes[WALK_FRAMES]; /* … hash of it and all outer ones */
	struct wire_stack record;
	__u64 frames[WALK_FRAMES]; /* directly behind `record`, so both go out as one */
	__u64 copy[COPY_BYTES / 8];
};

#define PYTHON_COPY_BYTES 2048 /* a power of two */

/* One walk of Python frames. Lives in thread storage, for the same reasons. */
struct python_walk {
	__u64 interp; /* interpreter whose list is searched */
	__u64 thread; /* thread state */
	__u64 thread_pointer;
	__u64 frame; /* to be read next */
	__u64 hash;
	__u64 names[PYTHON_IDENTITY_WORDS]; /* co_filename, co_name … of the frame at hand */
	__u64 words[PYTHON_IDENTITY_WORDS]; /* of one of them, or its first line */
	__u64 copy_start; /* address of copy[0] */
	__u32 copy_length;
	__u32 zero;
	struct wire_python_stack record;
	struct wire_python_frame frames[WIRE_MAX_FRAMES + 1]; /* directly behind `record` */
	__u64 copy[PYTHON_COPY_BYTES / 8]; /* of memory where frames lie */
};

/* A thread's place in the drawing of samples. */
struct sample_state {
	__u64 program; /* as in struct sample_key */
	__u64 left;  /* bytes to the next sampled one */
	__u32 bytes; /* the mean that `left` was drawn with */
	/* The process', as of thread_state.generation. */
	__u32 every; /* bytes; 0: every block is recorded */
	__u16 rate;
	__u16 flags; /* enum scope_flag */
};

/*
 * What is kept of a thread. Task storage is the only scratch memory that nobody
 * else can touch while a program runs: uprobe programs may be preempted since
 * Linux 6.0, so a per-CPU slot could be overwritten by the next thread.
 */
struct thread_state {
	/* The outermost allocator call under way; call_sp 0: none. */
	__u64 call_sp; /* where its return address lies: identifies the call */
	__u64 call_word; /* that address, where no return probe replaces it (else 0) */
	__u64 cookie;
	__u64 size;
	__u64 pointer;	/* realloc: the old block; posix_memalign: where the result goes */
	__u64 block;	/* pointer as the call gave it, sampled or not */
	__u64 enter_ns; /* realloc only */
	__u64 syscall_ns; /* entry of the address-space system call under way */
	__u64 ids;	 /* bpf_get_current_pid_tgid() */
	__u32 announced; /* the WIRE_THREAD record has gone out */
	__u32 slot;	 /* of its process, as of … */
	__u32 generation; /* … this one */
	__u32 traced; /* enum scope_state of it; 0: not traced */
	struct sample_state sample;
	struct walk walk;
	struct python_walk python;
};

/* The kernel allocates it in one piece, in whole powers of two: four pages are easily had.
 * 256: what it adds itself (struct bpf_local_storage_elem, a cache line's alignment). */
_Static_assert(sizeof(struct thread_state) <= 4 * 4096 - 256, "a thread's state grew");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

/* Never filled: see guard_stack() in outlive.bpf.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nowhere SEC(".maps");

static __always_inline void loss_count(__u32 cause)
{
	if (cause < WIRE_LOSS_COUNT)
		__sync_fetch_and_add(&losses[cause], 1);
}

#endif
