/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world with threads, an allocator and a tracer, whose truth is known,
 * against what the ledger makes of the events. As in the real one, an address
 * is free for others from inside a realloc, but the realloc is reported at its
 * return, and some frees take the slow way through the overflow map: both
 * arrive after events of the block that came next at that address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/ledger.h"

enum {
	PID = 100,
	THREADS = 8,
	STACKS = 20,
	ADDRESSES = 4000, /* few: they are reused at once */
	OPERATIONS = 1000000,
	LATE_MAX = 300, /* events held back at a time */
};

struct owned {
	uint64_t size, birth_ns;
	uint32_t thread, stack;
	bool live;
};

struct late_event {
	struct event event;
	uint64_t due; /* operation */
	bool used;
};

struct world {
	struct ledger *ledger;
	uint64_t random, now_ns, operation;
	struct owned blocks[ADDRESSES];
	struct late_event late[LATE_MAX];
	struct snapshot_counts process, threads[THREADS], stacks[STACKS];
	uint64_t freed_by_others[THREADS];
	uint64_t failed, unknown, events, lifetime_ns;
	uint64_t raced; /* addresses that were reused before their free was reported */
	bool unreported[ADDRESSES];
};

static uint64_t next_random(struct world *world, uint64_t below)
{
	return hash_mix(world->random++) % below;
}

static uint64_t address_of(uint32_t slot)
{
	return 0x7f0000000000ull + slot * 32;
}

static void deliver(struct world *world, const struct event *event)
{
	assert_int_equal(ledger_apply(world->ledger, event), 0);
	world->events++;
}

static void deliver_due(struct world *world, bool all)
{
	for (size_t i = 0; i < LATE_MAX; i++) {
		struct late_event *late = &world->late[i];

		if (!late->used || (!all && late->due > world->operation))
			continue;
		deliver(world, &late->event);
		late->used = false;
	}
}

/* Report now, or, when late, after up to 200 more operations. */
static void report(struct world *world, const struct event *event, bool late)
{
	for (size_t i = 0; late && i < LATE_MAX; i++) {
		if (world->late[i].used)
			continue;
		world->late[i] = (struct late_event){
			.event = *event,
			.due = world->operation + 1 + next_random(world, 200),
			.used = true,
		};
		return;
	}
	deliver(world, event);
}

static void made(struct snapshot_counts *counts, uint64_t size)
{
	counts->allocated_bytes += size;
	counts->allocated_blocks++;
	counts->live_bytes += size;
	counts->live_blocks++;
}

static void died(struct snapshot_counts *counts, uint64_t size)
{
	counts->live_bytes -= size;
	counts->live_blocks--;
}

static void freed(struct snapshot_counts *counts, uint64_t size)
{
	counts->freed_bytes += size;
	counts->freed_blocks++;
}

static void truth_make(struct world *world, uint32_t slot, uint32_t thread, uint32_t stack,
		       uint64_t size)
{
	world->blocks[slot] = (struct owned){ size, world->now_ns, thread, stack, true };
	made(&world->process, size);
	made(&world->threads[thread], size);
	made(&world->stacks[stack], size);
	world->raced += world->unreported[slot];
}

static void truth_free(struct world *world, uint32_t slot, uint32_t thread, uint64_t reported_ns)
{
	struct owned *block = &world->blocks[slot];

	died(&world->process, block->size);
	freed(&world->process, block->size);
	died(&world->threads[block->thread], block->size);
	freed(&world->threads[thread], block->size);
	died(&world->stacks[block->stack], block->size);
	freed(&world->stacks[block->stack], block->size);
	world->freed_by_others[block->thread] += block->thread != thread;
	world->lifetime_ns += reported_ns - block->birth_ns;
	block->live = false;
}

/* A slot that is live, or is not; ADDRESSES when it cannot be found soon. */
static uint32_t find_slot(struct world *world, bool live)
{
	for (int tries = 0; tries < 50; tries++) {
		uint32_t slot = (uint32_t)next_random(world, ADDRESSES);

		if (world->blocks[slot].live == live)
			return slot;
	}
	return ADDRESSES;
}

static struct event new_event(struct world *world, uint8_t kind, uint32_t thread)
{
	return (struct event){ .kind = kind,
			       .function = 1,
			       .pid = PID,
			       .tid = PID + thread,
			       .time_ns = world->now_ns };
}

static void do_alloc(struct world *world, uint32_t thread, uint32_t stack)
{
	uint32_t slot = find_slot(world, false);
	uint64_t size = next_random(world, 5000);
	struct event event = new_event(world, EVENT_ALLOC, thread);

	if (slot == ADDRESSES)
		return;
	truth_make(world, slot, thread, stack, size);
	event.alloc.address = address_of(slot);
	event.alloc.size = size;
	event.alloc.stack = stack + 1;
	report(world, &event, false);
}

static void do_free(struct world *world, uint32_t thread)
{
	uint32_t slot = find_slot(world, true);
	struct event event = new_event(world, EVENT_FREE, thread);

	if (slot == ADDRESSES)
		return;
	truth_free(world, slot, thread, world->now_ns);
	event.free.address = address_of(slot);
	world->unreported[slot] = next_random(world, 10) == 0;
	report(world, &event, world->unreported[slot]);
}

/* The old address goes back at once; the new one is taken at the return, which
 * is reported together with it, so only the report of the old one is late. */
static void do_realloc(struct world *world, uint32_t thread, uint32_t stack)
{
	uint32_t old = find_slot(world, true);
	uint32_t slot = next_random(world, 4) ? find_slot(world, false) : old;
	uint64_t size = 1 + next_random(world, 5000);
	struct event event = new_event(world, EVENT_REALLOC, thread);
	uint32_t thief;

	if (old == ADDRESSES || slot == ADDRESSES)
		return;
	event.realloc.enter_ns = world->now_ns;
	event.realloc.old_address = address_of(old);
	event.realloc.size = size;
	event.realloc.stack = stack + 1;
	thief = slot != old && next_random(world, 3) == 0;
	event.time_ns = world->now_ns + 20;
	truth_free(world, old, thread, event.time_ns);
	if (thief) {
		/* In the middle of it another thread gets the address, and may free it. */
		uint32_t other = (thread + 1) % THREADS;

		world->now_ns += 10;
		world->unreported[old] = true;
		truth_make(world, old, other, stack, size / 2);
		struct event stolen = new_event(world, EVENT_ALLOC, other);

		stolen.alloc.address = address_of(old);
		stolen.alloc.size = size / 2;
		stolen.alloc.stack = stack + 1;
		report(world, &stolen, false);
		if (next_random(world, 2)) {
			world->now_ns += 5;
			truth_free(world, old, other, world->now_ns);
			stolen = new_event(world, EVENT_FREE, other);
			stolen.free.address = address_of(old);
			report(world, &stolen, next_random(world, 2));
		}
		world->unreported[old] = false;
	}
	world->now_ns = event.time_ns;
	truth_make(world, slot, thread, stack, size);
	event.realloc.address = address_of(slot);
	report(world, &event, false);
}

static void do_odd(struct world *world, uint32_t thread)
{
	struct event event = new_event(world, EVENT_REALLOC, thread);
	uint32_t slot = find_slot(world, true);

	if (slot == ADDRESSES)
		return;
	switch (next_random(world, 3)) {
	case 0: /* fails */
		event.realloc.old_address = address_of(slot);
		event.realloc.size = 1ull << 60;
		event.realloc.enter_ns = world->now_ns;
		world->failed++;
		break;
	case 1: /* realloc(p, 0) that frees */
		event.realloc.old_address = address_of(slot);
		event.realloc.enter_ns = world->now_ns;
		truth_free(world, slot, thread, world->now_ns);
		world->unreported[slot] = false;
		break;
	default: /* a block from before the trace */
		event.kind = EVENT_FREE;
		event.free.address = 0x550000000000ull + next_random(world, 1000) * 16;
		world->unknown++;
		break;
	}
	report(world, &event, false);
}

static void run(struct world *world)
{
	for (world->operation = 0; world->operation < OPERATIONS; world->operation++) {
		uint32_t thread = (uint32_t)next_random(world, THREADS);
		uint32_t stack = (uint32_t)next_random(world, STACKS);
		uint64_t choice = next_random(world, 100);

		world->now_ns += 1 + next_random(world, 50);
		deliver_due(world, false);
		if (choice < 45)
			do_alloc(world, thread, stack);
		else if (choice < 80)
			do_free(world, thread);
		else if (choice < 97)
			do_realloc(world, thread, stack);
		else
			do_odd(world, thread);
	}
	deliver_due(world, true);
}

static void assert_counts(const struct snapshot_counts *have, const struct snapshot_counts *expect)
{
	assert_int_equal(have->live_bytes, expect->live_bytes);
	assert_int_equal(have->live_blocks, expect->live_blocks);
	assert_int_equal(have->allocated_bytes, expect->allocated_bytes);
	assert_int_equal(have->allocated_blocks, expect->allocated_blocks);
	assert_int_equal(have->freed_bytes, expect->freed_bytes);
	assert_int_equal(have->freed_blocks, expect->freed_blocks);
}

/* Oldest, newest and largest live block of a site, found the slow way. */
static void assert_extremes(const struct world *world, const struct snapshot_site *site)
{
	uint64_t oldest = UINT64_MAX, newest = 0, largest = 0;

	for (size_t i = 0; i < ADDRESSES; i++) {
		const struct owned *block = &world->blocks[i];

		if (!block->live || block->stack + 1 != site->stack)
			continue;
		oldest = block->birth_ns < oldest ? block->birth_ns : oldest;
		newest = block->birth_ns > newest ? block->birth_ns : newest;
		largest = block->size > largest ? block->size : largest;
	}
	assert_int_equal(site->oldest_live_ns, oldest);
	assert_int_equal(site->newest_live_ns, newest);
	assert_int_equal(site->largest_live_bytes, largest);
}

static void assert_world(const struct world *world)
{
	const struct snapshot_process *process;
	struct snapshot *snapshot;
	uint64_t lifetime_ns = 0;

	assert_int_equal(ledger_snapshot(world->ledger, world->now_ns, &snapshot), 0);
	assert_int_equal(snapshot->quality.alloc_over_live, 0);
	assert_int_equal(snapshot->quality.unknown_frees, world->unknown);
	assert_int_equal(snapshot->quality.events, world->events);
	assert_int_equal(snapshot->process_count, 1);
	process = &snapshot->processes[0];
	assert_counts(&process->counts, &world->process);
	assert_int_equal(process->failed_calls, world->failed);
	assert_int_equal(process->thread_count, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		const struct snapshot_thread *thread = &process->threads[i];

		assert_counts(&thread->counts, &world->threads[thread->tid - PID]);
		assert_int_equal(thread->freed_by_others_blocks,
				 world->freed_by_others[thread->tid - PID]);
	}
	assert_int_equal(process->site_count, STACKS);
	for (size_t i = 0; i < STACKS; i++) {
		const struct snapshot_site *site = &process->sites[i];

		assert_counts(&site->counts, &world->stacks[site->stack - 1]);
		assert_extremes(world, site);
		for (size_t j = 0; j < site->class_count; j++)
			for (size_t k = 0; k < site->classes[j].cell_count; k++)
				lifetime_ns += site->classes[j].cells[k].lifetime_ns;
	}
	assert_int_equal(lifetime_ns, world->lifetime_ns);
	snapshot_free(snapshot);
}

static void a_million_racing_events_end_exact(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 2; seed++) {
		struct world *world = calloc(1, sizeof(*world));

		assert_non_null(world);
		world->ledger = ledger_new();
		assert_non_null(world->ledger);
		world->random = seed << 40;
		world->now_ns = 1000;
		run(world);
		assert_true(world->raced > 1000);
		assert_world(world);
		ledger_free(world->ledger);
		free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_racing_events_end_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
