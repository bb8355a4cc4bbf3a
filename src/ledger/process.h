/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process in the ledger: process = (pid, start time). */
#ifndef OUTLIVE_LEDGER_PROCESS_H
#define OUTLIVE_LEDGER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/blocks.h"
#include "ledger/home.h"
#include "ledger/modules.h"
#include "ledger/python_stacks.h"
#include "ledger/ranges.h"
#include "ledger/seen.h"
#include "ledger/series.h"
#include "ledger/sites.h"
#include "ledger/snapshot.h"
#include "ledger/stacks.h"
#include "ledger/threads.h"
#include "ledger/weight.h"

/*
 * How far two start times of the same process may lie apart when one of them
 * was read from /proc/PID/stat, which counts in clock ticks of 10 ms (proc(5),
 * field 22). A pid is not handed out again that soon: pids go round.
 */
#define PROCESS_START_SLACK_NS 20000000ull

/* Times are ns since the ledger's start, except start_ns. */
struct process {
	uint32_t row; /* in the ledger */
	uint32_t pid;
	uint64_t start_ns; /* CLOCK_MONOTONIC; 0 not known */
	bool start_exact;  /* the kernel's own number, not that of /proc */
	char comm[WIRE_COMM_BYTES];
	char *exe; /* NULL not known */
	struct home home;
	bool exited, forked;
	bool sampled; /* some of its blocks were */
	uint64_t first_ns, last_ns, exit_ns, exec_ns;
	struct tally counts;
	uint64_t inherited_blocks, inherited_bytes;
	uint64_t forked_blocks, forked_bytes; /* inherited at the fork … */
	uint32_t forked_from;		      /* … from this process */
	uint64_t covered_after_ns; /* how long it ran without probes, at most; 0 never */
	uint64_t dropped_blocks, dropped_bytes; /* live at exec */
	uint64_t children;
	uint64_t failed_calls;
	struct snapshot_tier tiers[SNAPSHOT_TIER_CHANGES]; /* times since the ledger's start */
	size_t tier_count;
	uint64_t unwatched_ns; /* 0: watched */
	uint64_t called_blocks, called_bytes, called_frees; /* of EVENT_CALLS */
	uint64_t rss_bytes, peak_rss_bytes;
	uint64_t brk_start, brk_end;
	struct threads threads;
	struct stacks stacks;
	struct python_stacks python_stacks;
	struct snapshot_python python;
	struct sites sites;
	struct modules modules;
	struct blocks blocks;
	struct seen seen; /* of the last picture */
	struct ranges ranges;
	struct series_clock clock;
	/* Of counts.live_… and rss_bytes, up to the clock's last tick. */
	struct series live_bytes_series, live_blocks_series, resident_series;
};

/* A process first seen at `now_ns`, or NULL without memory. */
struct process *process_new(uint32_t row, uint32_t pid, uint64_t seed, uint64_t now_ns);
void process_free(struct process *process);

/* Is `start_ns` (0: not known) the start of this process, as far as can be told? */
bool process_started_at(const struct process *process, uint64_t start_ns, bool exact);

/* Learn the start time, unless a better one is known. */
void process_set_start(struct process *process, uint64_t start_ns, bool exact);

/* Something happened at `now_ns`: moves last_ns and the clock of the series. */
void process_touch(struct process *process, uint64_t now_ns);

/* What is resident from `now_ns` on; the peak of its life so far (0: not known). */
void process_set_resident(struct process *process, uint64_t rss_bytes, uint64_t peak_bytes,
			  uint64_t now_ns);

/* A block that is live since `birth_ns` is about to be booked. */
void process_add_late(struct process *process, const struct weight *weight, uint64_t birth_ns);

/* Let series that are of this process and up to its clock go on to `clock`. */
void process_catch_up(const struct process *process, const struct series_clock *clock,
		      struct series *live_bytes, struct series *live_blocks,
		      struct series *resident);

/* The program was replaced: nothing of its address space and no other thread remains. */
void process_exec(struct process *process, uint32_t tid, uint64_t now_ns);

/* The process ended; what is live stays on the books as it is. */
void process_exit(struct process *process, uint64_t now_ns);

/*
 * A fork: `child` begins with the parent's program and mappings and its live blocks, as
 * inherited ones, unless some were sampled: what the child frees of those is not recorded.
 * `shares`: it runs in the parent's memory, and the blocks stay the parent's. Returns 0 or
 * -ENOMEM.
 */
int process_inherit(struct process *child, struct process *parent, bool shares);

#endif
