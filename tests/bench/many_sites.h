/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger with as many sites as one wants: for the screen's speed. */
#ifndef OUTLIVE_TESTS_MANY_SITES_H
#define OUTLIVE_TESTS_MANY_SITES_H

#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

#define MANY_PID 500
#define MANY_THREADS 16
#define MANY_FRAMES 20

static inline void many_event(struct ledger *ledger, struct event event, uint64_t time_ns,
			      uint32_t thread)
{
	event.pid = MANY_PID;
	event.tid = MANY_PID + thread % MANY_THREADS;
	event.time_ns = time_ns;
	ledger_apply(ledger, &event);
}

static inline void many_begin(struct ledger *ledger, uint64_t sites)
{
	struct event process = { .kind = EVENT_PROCESS };

	process.process.start_ns = 1;
	process.process.comm = process.process.exe = "many";
	many_event(ledger, process, 1, 0);
	for (uint64_t site = 1; site <= sites; site++) {
		struct event stack = { .kind = EVENT_STACK };
		uint64_t frames[MANY_FRAMES];

		for (size_t i = 0; i < MANY_FRAMES; i++)
			frames[i] = 0x400000 + (i ? i : site) * 16;
		stack.stack.id = site;
		stack.stack.count = MANY_FRAMES;
		stack.stack.frames = frames;
		many_event(ledger, stack, 2, 0);
	}
}

/* Every site makes one block of each of four sizes, by turns in all threads, and frees the
 * one before. `round` counts from 0, a second each. */
static inline void many_round(struct ledger *ledger, uint64_t sites, uint64_t round)
{
	for (uint64_t i = 0; i < 4 * sites; i++) {
		uint64_t now = 10 + round * 1000000000ull + i * (900000000ull / (4 * sites));
		struct event block = { .kind = EVENT_ALLOC, .function = 1 };

		block.alloc.address = 0x10000000 + (round * 4 * sites + i) * 4096;
		block.alloc.size = 40ull << (i % 4 * 2);
		block.alloc.stack = 1 + i / 4;
		many_event(ledger, block, now, (uint32_t)i);
		if (round == 0 || i % 8 == 0)
			continue;
		block = (struct event){ .kind = EVENT_FREE };
		block.free.address = 0x10000000 + ((round - 1) * 4 * sites + i) * 4096;
		many_event(ledger, block, now + 1, (uint32_t)i);
	}
}

static inline struct snapshot *many_snapshot(struct ledger *ledger, uint64_t round)
{
	struct snapshot *snapshot = NULL;

	return ledger_snapshot(ledger, 10 + (round + 1) * 1000000000ull, &snapshot) == 0 ? snapshot :
											   NULL;
}

#endif
