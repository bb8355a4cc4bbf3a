/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated programs: operations put down in any order of time, sorted, run
 * through a real ledger. All random numbers come from one seed, so a run that
 * fails can be looked at again.
 */
#ifndef OUTLIVE_TESTS_SIMULATE_H
#define OUTLIVE_TESTS_SIMULATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/vec.h"
#include "ledger/ledger.h"

#define SIM_START_NS 1000000000000ull
#define SIM_PID 100
#define SIM_SITE 77
#define SIM_NEVER 1e300

struct sim_op {
	uint64_t time_ns, order, address, size, stack;
	uint32_t tid;
	uint8_t kind; /* enum event_kind */
};

struct sim {
	struct sim_op *ops;
	size_t count, capacity;
	uint64_t next_address, seed;
	double length_s;
};

static inline double sim_random(struct sim *sim)
{
	sim->seed += 0x9e3779b97f4a7c15ull;
	return (double)(hash_mix(sim->seed) >> 11) / 9007199254740992.0;
}

/* In [low, high]. */
static inline uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high)
{
	return low + (uint64_t)(sim_random(sim) * (double)(high - low + 1));
}

static inline double sim_within(struct sim *sim, double low, double high)
{
	return low + sim_random(sim) * (high - low);
}

/* low * (high / low)^u for u uniform: as many small ones as large. */
static inline double sim_log_within(struct sim *sim, double low, double high)
{
	double u = sim_random(sim), value = low, from = 0, to = 1;

	/* Halving the exponent takes square roots of the ratio; 30 times is exact enough. */
	for (int i = 0; i < 30; i++) {
		double middle = low, error = high;

		for (int j = 0; j < 60; j++) {
			double guess = (middle + low * high / middle) / 2;

			error = guess - middle;
			middle = guess;
			if (error < middle * 1e-12 && error > -middle * 1e-12)
				break;
		}
		if (u < (from + to) / 2) {
			high = middle;
			to = (from + to) / 2;
		} else {
			low = middle;
			from = (from + to) / 2;
		}
		value = low;
	}
	return value;
}

static inline void sim_start(struct sim *sim, uint64_t seed)
{
	*sim = (struct sim){ .seed = seed, .next_address = 0x10000 };
	sim->length_s = sim_log_within(sim, 0.5, 600);
}

static inline struct sim_op *sim_op(struct sim *sim, double time_s, uint8_t kind, uint32_t tid)
{
	assert(VEC_PUSH_ROOM(sim->ops, sim->count, sim->capacity) == 0);
	struct sim_op *op = &sim->ops[sim->count];

	*op = (struct sim_op){ .time_ns = SIM_START_NS + (uint64_t)(time_s * 1e9),
			       .order = sim->count++,
			       .kind = kind,
			       .tid = tid };
	return op;
}

/* A block of thread `tid` from time_s to free_s (after the end: not freed), freed by `freer`. */
static inline void sim_block(struct sim *sim, double time_s, double free_s, uint32_t tid,
			     uint32_t freer, uint64_t size)
{
	struct sim_op *op;
	uint64_t address = sim->next_address;

	if (time_s > sim->length_s)
		return;
	sim->next_address += (size | 15) + 17;
	op = sim_op(sim, time_s, EVENT_ALLOC, tid);
	op->address = address;
	op->size = size;
	op->stack = SIM_SITE;
	if (free_s <= sim->length_s)
		sim_op(sim, free_s, EVENT_FREE, freer)->address = address;
}

static int sim_compare(const void *left, const void *right)
{
	const struct sim_op *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Run it all; release with snapshot_free and sim_free. */
static inline struct snapshot *sim_run(struct sim *sim)
{
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot = NULL;
	struct event begin = { .kind = EVENT_PROCESS, .pid = SIM_PID, .time_ns = SIM_START_NS };

	assert(ledger);
	begin.process.comm = "demo";
	begin.process.exe = "/demo";
	assert(ledger_apply(ledger, &begin) == 0);
	if (sim->count)
		qsort(sim->ops, sim->count, sizeof(*sim->ops), sim_compare);
	for (size_t i = 0; i < sim->count; i++) {
		const struct sim_op *op = &sim->ops[i];
		struct event event = {
			.kind = op->kind, .pid = SIM_PID, .tid = op->tid, .time_ns = op->time_ns
		};

		if (op->kind == EVENT_ALLOC) {
			event.alloc.address = op->address;
			event.alloc.size = op->size;
			event.alloc.stack = op->stack;
		} else if (op->kind == EVENT_FREE) {
			event.free.address = op->address;
		} else {
			event.exit.last_thread = 0;
		}
		assert(ledger_apply(ledger, &event) == 0);
	}
	assert(ledger_snapshot(ledger, SIM_START_NS + (uint64_t)(sim->length_s * 1e9), &snapshot) ==
	       0);
	ledger_free(ledger);
	return snapshot;
}

static inline void sim_free(struct sim *sim)
{
	free(sim->ops);
	sim->ops = NULL;
}

#endif
