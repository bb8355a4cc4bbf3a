/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An immutable picture of the ledger. Everything that analysis and reports
 * show is computed from one of these.
 *
 * Vocabulary: a *site* is one call path (stack) of one process that allocates.
 * Its blocks fall into *size classes* (powers of two). A *cell* counts what one
 * thread allocated in one size class of one site at one rate of sampling: "who
 * holds what" is a sum over cells.
 */
#ifndef OUTLIVE_LEDGER_SNAPSHOT_H
#define OUTLIVE_LEDGER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/wire.h"

#define SNAPSHOT_FUNCTIONS 128	  /* rows of the allocator table there may be, row 0 = unknown */
#define SNAPSHOT_SERIES_POINTS 64 /* samples kept of what was live */
#define SNAPSHOT_MARK_BYTES 64	  /* of a mark's name, its end included */

/*
 * Of sampled blocks all counts are estimates: each block counts for all that it stands
 * for. All zeroes when every block was recorded.
 */
struct snapshot_sampled {
	uint64_t bytes;	      /* the rate, the largest where it changed; 0: nothing was sampled */
	uint64_t live_blocks; /* recorded and live */
	uint64_t made_blocks; /* recorded */
	double live_bytes;    /* their own sizes, summed: live for certain */
	/* Of a block of s bytes that is sampled with probability p: s p, and s² (1 - p) / p²,
	 * which is an unbiased estimate of the variance of counts.live_bytes when summed. */
	double certain_bytes, variance;
};

static inline void snapshot_add_sampled(struct snapshot_sampled *sum,
					const struct snapshot_sampled *more)
{
	if (more->bytes > sum->bytes)
		sum->bytes = more->bytes;
	sum->live_blocks += more->live_blocks;
	sum->made_blocks += more->made_blocks;
	sum->live_bytes += more->live_bytes;
	sum->certain_bytes += more->certain_bytes;
	sum->variance += more->variance;
}

struct snapshot_counts {
	uint64_t live_bytes, live_blocks;
	uint64_t allocated_bytes, allocated_blocks; /* since the trace began */
	uint64_t freed_bytes, freed_blocks;	    /* of blocks allocated since then */
};

struct snapshot_thread {
	uint32_t tid;
	uint64_t start_ns;
	char comm[WIRE_COMM_BYTES];
	bool exited;
	struct snapshot_counts counts; /* live: blocks this thread allocated. freed: blocks this
					* thread freed, whoever allocated them */
	uint64_t freed_by_others_blocks; /* blocks this thread allocated, freed by another */
};

struct snapshot_cell {
	uint32_t thread; /* index into snapshot_process.threads */
	struct snapshot_counts counts; /* freed: blocks of this cell, whoever freed them */
	/*
	 * Blocks freed while a younger block of the same cell was live and none older
	 * was: what a slot does that keeps the newest ("make the new one, drop the old").
	 * And the other order: the thread freed its only block of the cell and made the
	 * next after a gap shorter than the old one's life. See ledger/cell.h.
	 */
	uint64_t replaced_blocks;
	uint64_t refilled_blocks; /* those of them in the other order */
	uint64_t lifetime_ns; /* of freed blocks, summed */
	uint64_t first_ns, last_ns; /* first and last allocation */
	uint64_t oldest_live_ns, newest_live_ns; /* birth of live blocks; 0: none */
	struct snapshot_sampled sampled;
};

struct snapshot_class {
	uint8_t log2_size; /* sizes in [2^n, 2^(n+1)); 0 also holds size 0 */
	struct snapshot_counts counts;
	struct snapshot_sampled sampled;
	uint64_t largest_live_bytes;
	size_t cell_count;
	const struct snapshot_cell *cells;
	/*
	 * Live bytes at trace start + (i+1) * snapshot_process.series_interval_ns, for
	 * i < snapshot_process.series_count; NULL when not kept (too many sites).
	 */
	const uint64_t *series;
	const uint64_t *block_series; /* the same of live blocks; NULL together with it */
};

#define SNAPSHOT_TIER_CHANGES 12

/* From this moment on less of a process was traced. */
struct snapshot_tier {
	uint64_t time_ns;
	uint8_t tier; /* enum event_tier */
	bool probes_stay; /* those are everybody's: its calls stop there as before */
	uint64_t sample_bytes;
	uint32_t cost, limit; /* of its CPU time, in 1/1000: that tracing took, and may take */
};

/* A Python frame of a stack. */
struct snapshot_python_frame {
	const char *function, *file; /* NULL: could not be read. Hostile bytes of the target */
	uint32_t line;		     /* 0 not known */
	bool internal; /* of the interpreter's own making: not shown, as in its tracebacks */
	bool entry; /* the outermost of one call of the eval function (outlive/python.h) */
};

/* Addresses [start, end); 0, 0: none. */
struct snapshot_range {
	uint64_t start, end;
};

#define SNAPSHOT_PYTHON_RANGES 2

/* The CPython interpreter of a process. */
struct snapshot_python {
	uint32_t version; /* major << 8 | minor; 0: there is none */
	struct snapshot_range eval[SNAPSHOT_PYTHON_RANGES]; /* machine code of its eval function */
	struct snapshot_range own[SNAPSHOT_PYTHON_RANGES];  /* of all of it */
};

struct snapshot_site {
	uint32_t id;	/* 1-based, in order of first allocation within the process */
	uint64_t stack; /* wire_stack.id, 0 unknown */
	uint8_t stack_status, stack_flags; /* enum wire_stack_status, wire_stack_flag */
	bool stack_known; /* false: frames are empty because the stack was lost or not taken */
	size_t frame_count;
	const uint64_t *frames; /* addresses, innermost first */
	size_t python_count;
	const struct snapshot_python_frame *python; /* of the same stack, innermost first */
	struct snapshot_counts counts;
	struct snapshot_sampled sampled;
	uint64_t largest_live_bytes;
	uint64_t first_ns, last_ns; /* first and last allocation */
	uint64_t oldest_live_ns, newest_live_ns; /* birth; 0: none live */
	uint64_t calls[SNAPSHOT_FUNCTIONS]; /* successful calls by allocator function */
	size_t class_count;
	const struct snapshot_class *classes;
	/* In a window: the same site with all its blocks; else NULL. */
	const struct snapshot_site *whole;
};

struct snapshot_module {
	uint64_t start, end, bias; /* pc - bias = ELF virtual address */
	const char *path, *open_path, *build_id;
};

/* Of ranges mapped since the trace began. */
struct snapshot_mappings {
	uint64_t live_bytes, live_ranges; /* anonymous, made by the program itself */
	uint64_t allocator_backing_bytes; /* made inside an allocator call */
	uint64_t brk_bytes;		  /* extent of the program break, 0 not known */
	uint64_t reserved_bytes;	  /* PROT_NONE: address space, not memory */
	uint64_t stack_bytes;		  /* thread stacks */
	uint64_t file_bytes;		  /* file mappings */
};

#define SNAPSHOT_NO_UID UINT32_MAX /* (uid_t)-1 is nobody's */

/* Where a process lives and whose it is. Of the target's naming: clean before printing. */
struct snapshot_home {
	bool known;	     /* else nothing below is */
	uint32_t parent_pid; /* 0 not known */
	uint32_t inner_pid;  /* in its own pid namespace; 0 not known */
	uint32_t uid;	     /* SNAPSHOT_NO_UID not known */
	uint32_t namespaces; /* that it had of its own: 1 << enum home_namespace */
	const char *user, *cgroup, *container; /* "" not known, or none */
};

struct snapshot_process {
	uint32_t pid;
	uint64_t start_ns;
	const char *comm, *exe; /* as the target names them: clean before printing */
	struct snapshot_home home;
	bool exited;
	bool forked; /* started with blocks inherited from its parent */
	uint64_t first_ns, last_ns; /* first event, last event or exit */
	uint64_t exit_ns; /* 0: it has not ended */
	struct snapshot_counts counts;
	struct snapshot_sampled sampled;
	size_t tier_count;
	const struct snapshot_tier *tiers; /* what was given up, in order */
	/* Since when no block of it was traced any more; 0: all along. What was live then is
	 * shown as it was: nobody knows what has become of it. */
	uint64_t unwatched_ns;
	/* Sampled: what it called so far, counted; else 0. */
	uint64_t called_blocks, called_bytes, called_frees;
	/*
	 * Blocks that the parent made before the fork: those still live here, and all there
	 * were at the fork. In none of the counts above.
	 */
	uint64_t inherited_blocks, inherited_bytes;
	uint64_t forked_blocks, forked_bytes;
	uint32_t forked_from; /* pid of that parent; 0: not seen to be forked */
	/* How long it ran before its probes stood, at most: what it did then was not seen. */
	uint64_t covered_after_ns;
	uint64_t dropped_blocks, dropped_bytes; /* were live at exec: neither freed nor leaked */
	uint64_t children; /* processes it forked */
	uint64_t failed_calls;
	uint64_t rss_bytes, peak_rss_bytes; /* 0 not known */
	struct snapshot_mappings mappings;
	size_t thread_count;
	const struct snapshot_thread *threads; /* those that ended too */
	uint64_t running_threads;
	size_t site_count;
	const struct snapshot_site *sites;
	/*
	 * Where mappings of the program's own come from, when that was recorded: as sites, with
	 * ranges for blocks, each with one class of all sizes. In none of the heap's counts.
	 */
	size_t mapped_site_count;
	const struct snapshot_site *mapped_sites;
	size_t module_count;
	const struct snapshot_module *modules; /* sorted by start */
	struct snapshot_python python;
	uint64_t series_start_ns, series_interval_ns;
	size_t series_count;
	/* At the same times: counts.live_… and rss_bytes (0: not known yet). */
	const uint64_t *live_bytes_series, *live_blocks_series, *resident_series;
	/* In a window: the same process with all its blocks; else NULL. */
	const struct snapshot_process *whole;
};

struct snapshot_quality {
	uint64_t events; /* allocation and free records applied, stacks and others not counted */
	uint64_t unknown_frees; /* frees of blocks not in the table: from before the trace */
	/*
	 * Unknown frees that were the last thing a thread did which had begun during the
	 * trace: the C library emptying the thread's cache of blocks freed before (glibc:
	 * tcache_thread_shutdown, malloc/malloc.c). Not among unknown_frees.
	 */
	uint64_t cache_frees;
	uint64_t alloc_over_live; /* a block appeared over a live one: its free was missed */
	uint64_t lost[WIRE_LOSS_COUNT];
	uint64_t unknown_stack_events; /* events whose stack was never received */
	uint64_t stacks; /* distinct stacks received */
	uint64_t stacks_by_status[WIRE_STACK_STATUS_COUNT];
	uint64_t python_stacks; /* distinct stacks with a Python part */
	uint64_t python_unread; /* those of which some part could not be read: shown native */
	uint64_t python_truncated; /* those with more Python frames than are kept */
	uint64_t ledger_full; /* events not applied for want of memory */
	uint64_t senseless; /* addresses, sizes or ranges that no program can have */
};

/* Processes that ended, held less than others, and of which only the sum was kept. */
struct snapshot_past {
	uint64_t processes;
	struct snapshot_counts counts; /* live: when they ended. Of all blocks, also in a window */
	uint64_t failed_calls;
};

/* A moment that was given a name. */
struct snapshot_mark {
	uint64_t time_ns;
	char name[SNAPSHOT_MARK_BYTES]; /* clean, and of this mark alone */
};

/*
 * Which blocks a snapshot speaks of: those made at from_ns or later and before to_ns.
 *
 * In a window every count of processes, threads, sites, classes and cells is of
 * these blocks; sites that made none are left out, and `calls` are not counted.
 * What a thread freed is not known (freed counts of threads are 0). Series, and
 * first and last allocations, are of all blocks, as is all of `whole`.
 */
struct snapshot_window {
	bool set; /* else all blocks */
	bool made_known; /* allocated and freed counts are; not in a window by age */
	uint64_t older_ns, newer_ns; /* by age: made longer ago, less long; 0: any */
	uint64_t from_ns, to_ns; /* to: UINT64_MAX is the end */
	bool at_set; /* the snapshot is of an earlier moment than the end, now_ns */
	/* Names of the marks that these moments are; "" when they are none. */
	char from[SNAPSHOT_MARK_BYTES], to[SNAPSHOT_MARK_BYTES], at[SNAPSHOT_MARK_BYTES];
	/* A mark that the window asks for and that never came: it is then not set. */
	char missing[SNAPSHOT_MARK_BYTES];
};

struct snapshot {
	uint64_t now_ns, start_ns; /* start: the first event's time */
	struct snapshot_quality quality;
	struct snapshot_window window;
	size_t mark_count;
	const struct snapshot_mark *marks; /* in the order of their coming */
	uint64_t marks_left_out; /* more than are kept */
	size_t process_count;
	const struct snapshot_process *processes;
	struct snapshot_past past; /* in none of the processes */
};

/* Release a snapshot and all it points at. NULL is fine. */
void snapshot_free(struct snapshot *snapshot);

#endif
