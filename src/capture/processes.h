/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes that are traced now, as user space knows them. */
#ifndef OUTLIVE_CAPTURE_PROCESSES_H
#define OUTLIVE_CAPTURE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/governor.h"
#include "outlive/sample.h"

struct traced {
	uint32_t pid;
	uint32_t slot;	/* of the unwind tables; SCOPE_NO_SLOT: none */
	bool own_slot;	/* no other process has it, or had it first */
	bool exited;
	bool outside;	/* not wanted, for its name; known so as to leave out what comes of it */
	bool fresh;	/* it has not been told of yet */
	bool probed;	/* the probes that are for it alone stand */
	uint64_t probed_ns; /* … since then; 0: before it ran */
	bool look;	/* its mappings or its program changed: read /proc/PID/maps */
	bool renewed;	/* … the program */
	bool told;	/* who it is and where it lives, once it had lived for a while */
	bool untabled;	/* counted as one that found no slot free */
	uint64_t look_ns, look_step_ns; /* without news of mappings: when to look next, and … */
	uint64_t news_ns;   /* when what `look` is for happened */
	uint64_t rss_bytes; /* at the last look */
	uint64_t program_ns; /* when it began the program that it runs; 0 before the trace */
	struct sample_calls calls; /* as last delivered */
	struct governor governor;
	uint32_t next;	    /* of the same chain */
	bool used;
};

#define PROCESSES_CHAINS 4096 /* a power of two */

/* All zeroes is empty. */
struct processes {
	struct traced *rows; /* used and free ones */
	size_t count, capacity;
	size_t alive; /* used, and not exited */
	uint32_t chains[PROCESSES_CHAINS]; /* row + 1 of the first */
	uint32_t free; /* row + 1 of the first, by `next` too */
};

void processes_free(struct processes *processes);

/* Process `pid`, or NULL. A pointer to a row is good until the next processes_add(). */
struct traced *processes_find(const struct processes *processes, uint32_t pid);

/* A row for `pid`, which has none; NULL without memory. */
struct traced *processes_add(struct processes *processes, uint32_t pid);

/* It has ended; its row stays until processes_remove(). */
void processes_exit(struct processes *processes, struct traced *traced);
void processes_remove(struct processes *processes, struct traced *traced);

#endif
