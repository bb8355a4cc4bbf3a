/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct event: everything the ledger ever learns, in the order it learns it.
 *
 * Most events are wire records decoded (stream/decode.h). The last group is
 * not seen by BPF: capture adds it from /proc while it traces, and a recording
 * keeps it as side records. Nothing else reaches the ledger, so a replay of the
 * same events gives the same answer as the live run.
 *
 * Pointers inside an event belong to whoever delivers it and are valid only
 * during the call.
 */
#ifndef OUTLIVE_STREAM_EVENT_H
#define OUTLIVE_STREAM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "outlive/wire.h"

enum event_kind {
	EVENT_NONE = 0,
	/* from the wire; fields as in the record of the same name */
	EVENT_ALLOC,
	EVENT_FREE,
	EVENT_REALLOC,
	EVENT_STACK,
	EVENT_MAP,
	EVENT_UNMAP,
	EVENT_REMAP,
	EVENT_BRK,
	EVENT_THREAD,
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_EXIT,
	EVENT_PAIRS,
	EVENT_PYTHON_STACK, /* for capture, which makes EVENT_PYTHON_FRAMES of it */
	/* from user space */
	EVENT_PROCESS,	/* a process is traced from here on */
	EVENT_MODULE,	/* a file is mapped executable */
	EVENT_RESIDENT, /* resident memory now */
	EVENT_LOSS,	/* losses so far, by cause */
	EVENT_PYTHON,	/* a CPython interpreter was found in the process */
	EVENT_PYTHON_FRAMES, /* the Python part of a stack, named */
	EVENT_MARK, /* somebody said: remember this moment */
	EVENT_COVERED, /* probes stand in a process that ran a while without */
	EVENT_CALLS, /* what a process that is sampled called so far */
	EVENT_TIER, /* less of a process is traced from here on */
	EVENT_KIND_COUNT
};

/* How much is traced of a process, each less than the one before. Append-only: recordings
 * have the numbers. */
enum event_tier {
	EVENT_TIER_EXACT = 0,  /* every block */
	EVENT_TIER_SAMPLE = 1, /* some blocks: outlive/sample.h */
	EVENT_TIER_MMAP = 2,   /* no blocks, only its address space */
	EVENT_TIER_OFF = 3,    /* nothing */
	EVENT_TIER_COUNT
};

#define EVENT_PYTHON_RANGES 2

/* Where a process lives and whose it is, see target/home.h. Texts: "" or NULL not known. */
struct event_home {
	uint32_t parent_pid; /* 0: not known */
	uint32_t inner_pid;  /* in its own pid namespace; 0: not known */
	uint32_t uid;	     /* UINT32_MAX: not known */
	uint32_t namespaces; /* of its own: 1 << enum home_namespace */
	const char *user, *cgroup, *container; /* hostile but for the user */
};

struct event_range {
	uint64_t start, end; /* [start, end); 0, 0: none */
};

struct event_python_frame {
	const char *function, *file; /* NULL: the code object could not be read */
	uint32_t line;		     /* 0: none */
	uint8_t flags;		     /* enum wire_python_frame_flag */
	bool internal; /* the interpreter's own, left out as in its tracebacks */
};

struct event {
	uint8_t kind;	  /* enum event_kind */
	uint8_t function; /* row of the allocator table, 1-based; 0 unknown */
	uint8_t flags;	  /* enum wire_flag */
	uint16_t rate;	  /* of a block: how it was sampled (outlive/sample.h); 0: all are told */
	uint32_t pid;
	uint32_t tid;
	uint64_t time_ns;
	/* The wire record that this was decoded from; NULL for what user space adds. */
	const void *wire;
	uint32_t wire_bytes;
	union {
		struct {
			uint64_t address, size, stack;
		} alloc;
		struct {
			uint64_t address;
		} free;
		struct {
			uint64_t old_address, address, size, enter_ns, stack;
		} realloc;
		struct {
			uint64_t stack, bytes, lifetime_ns, first_birth_ns, last_birth_ns;
			uint64_t cleared_birth_ns, cleared_ns;
			uint32_t count, replaced, refilled;
			uint8_t log2_size;
		} pairs;
		struct {
			uint64_t id;
			uint32_t count;
			uint8_t status, flags; /* enum wire_stack_status, wire_stack_flag */
			const uint64_t *frames; /* may be unaligned: read with memcpy */
		} stack;
		struct {
			uint64_t address, length, old_address, old_length, enter_ns, stack;
			uint32_t prot, map_flags;
			int32_t fd;
		} range;
		struct {
			uint64_t thread_start_ns, process_start_ns;
			char comm[WIRE_COMM_BYTES]; /* NUL-terminated, not cleaned */
		} thread; /* EVENT_THREAD, EVENT_EXEC */
		struct {
			uint32_t child_pid;
			uint64_t child_start_ns;
		} fork;
		struct {
			uint32_t last_thread;
		} exit;
		struct {
			uint64_t start_ns; /* as wire_thread.process_start_ns; 0 not known */
			const char *comm, *exe;
			uint64_t brk_start, brk_end; /* 0: not known */
			const struct event_home *home; /* NULL: not known */
		} process;
		struct {
			uint64_t start, end, bias; /* pc - bias = ELF virtual address */
			const char *path;	   /* as the target names it */
			const char *open_path;	   /* by which outlive can open that very file */
			const char *build_id;	   /* hex, or "" */
		} module;
		struct {
			uint64_t id;
			uint32_t count;
			uint8_t status; /* enum wire_python_status */
			const void *frames; /* struct wire_python_frame, maybe unaligned */
		} python_stack;
		struct {
			uint32_t version; /* major << 8 | minor */
			/* Machine code: of the eval function, and of the interpreter as a whole. */
			struct event_range eval[EVENT_PYTHON_RANGES];
			struct event_range own[EVENT_PYTHON_RANGES];
		} python;
		struct {
			uint64_t id; /* of the stack that they belong to, which may come later */
			uint32_t count;
			uint8_t status; /* enum wire_python_status */
			const struct event_python_frame *frames; /* innermost first */
		} python_frames;
		struct {
			const char *name;
		} mark; /* pid 0 */
		struct {
			uint64_t after_ns; /* how long it ran without them */
		} covered;
		struct {
			uint64_t blocks, bytes, frees; /* as in struct sample_calls */
		} calls;
		struct {
			uint64_t sample_bytes; /* of EVENT_TIER_SAMPLE */
			uint32_t cost;	/* of its CPU time that tracing took, in 1/1000 */
			uint32_t limit; /* … that it may take */
			uint8_t tier;	/* enum event_tier */
			bool probes_stay; /* they are everybody's: stopping there goes on */
		} tier;
		struct {
			uint64_t rss_bytes, peak_rss_bytes;
		} resident;
		struct {
			uint64_t totals[WIRE_LOSS_COUNT];
		} loss; /* running totals, not increments */
	};
};

/* Receives events. Returns 0 to go on, or a -errno that ends the poll and is
 * handed on by it. */
typedef int (*event_fn)(const struct event *event, void *context);

#endif
