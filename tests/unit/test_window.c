/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Windows against a model that keeps every block there ever was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/pattern.h"
#include "base/hash.h"
#include "ledger/ledger.h"

#define PID 100
#define START 1000000000ull
#define STEP 1000000ull /* one operation each */
#define OPERATIONS 6000
#define THREADS 3
#define STACKS 5

struct made {
	uint64_t address, size, birth_ns, end_ns; /* end: 0 while it lives */
	uint32_t thread, stack;
};

struct world {
	struct ledger *ledger;
	struct made made[OPERATIONS];
	size_t count;
	uint64_t random, now_ns;
};

static uint64_t next_random(struct world *world, uint64_t below)
{
	return hash_mix(world->random++) % below;
}

static void apply(struct ledger *ledger, const struct event *event)
{
	assert_int_equal(ledger_apply(ledger, event), 0);
}

static void set_mark(struct ledger *ledger, const char *name, uint64_t time_ns)
{
	struct event event = { .kind = EVENT_MARK, .time_ns = time_ns };

	event.mark.name = name;
	apply(ledger, &event);
}

static struct event event_of(uint8_t kind, uint32_t thread, uint64_t time_ns)
{
	return (struct event){
		.kind = kind, .function = 1, .pid = PID, .tid = PID + thread, .time_ns = time_ns
	};
}

static struct event make_block(struct world *world)
{
	uint32_t thread = (uint32_t)next_random(world, THREADS);
	struct event event = event_of(EVENT_ALLOC, thread, world->now_ns);
	struct made *made = &world->made[world->count++];

	*made = (struct made){
		.address = 0x10000 + world->count * 0x1000,
		.size = 1 + next_random(world, 500),
		.birth_ns = world->now_ns,
		.thread = thread,
		.stack = 1 + (uint32_t)next_random(world, STACKS),
	};
	event.alloc.address = made->address;
	event.alloc.size = made->size;
	event.alloc.stack = made->stack;
	return event;
}

/* Free one, or move it: a realloc's new block is born at its return. */
static struct event end_block(struct world *world, struct made *old)
{
	uint32_t thread = (uint32_t)next_random(world, THREADS);
	struct event event;

	old->end_ns = world->now_ns;
	if (next_random(world, 3)) {
		event = event_of(EVENT_FREE, thread, world->now_ns);
		event.free.address = old->address;
		return event;
	}
	event = make_block(world);
	event.kind = EVENT_REALLOC;
	event.realloc.size = world->made[world->count - 1].size;
	event.realloc.stack = world->made[world->count - 1].stack;
	event.realloc.address = world->made[world->count - 1].address;
	event.realloc.old_address = old->address;
	event.realloc.enter_ns = world->now_ns - 10;
	return event;
}

static struct event operate(struct world *world)
{
	struct made *old = world->count ? &world->made[next_random(world, world->count)] : NULL;

	world->now_ns += STEP;
	return old && !old->end_ns && next_random(world, 2) ? end_block(world, old)
							     : make_block(world);
}

/* Marks "0", "1", … after every 500 operations; the last operation before a mark arrives
 * after it. */
static void live(struct world *world, const struct window_wish *wish, uint64_t seed)
{
	char name[2] = "0";

	memset(world, 0, sizeof(*world));
	world->ledger = ledger_new();
	assert_non_null(world->ledger);
	world->random = seed << 32;
	world->now_ns = START;
	ledger_set_window(world->ledger, wish);
	apply(world->ledger, &(struct event){ .kind = EVENT_PROCESS, .pid = PID, .time_ns = START });
	for (int i = 1; i < OPERATIONS - 1; i++) {
		struct event event = operate(world);

		if (i % 500 == 0 && name[0] <= '9') {
			set_mark(world->ledger, name, world->now_ns + 1);
			name[0]++;
		}
		apply(world->ledger, &event);
	}
}

struct truth {
	struct snapshot_counts process, threads[THREADS], sites[STACKS + 1];
	uint64_t oldest_ns, newest_ns;
};

static void count(struct snapshot_counts *counts, const struct made *made, bool gone)
{
	counts->allocated_blocks++;
	counts->allocated_bytes += made->size;
	if (gone) {
		counts->freed_blocks++;
		counts->freed_bytes += made->size;
	} else {
		counts->live_blocks++;
		counts->live_bytes += made->size;
	}
}

/* Blocks born in [from, to), as of `at`. */
static struct truth truth_of(const struct world *world, uint64_t from, uint64_t to, uint64_t at)
{
	struct truth truth = { .oldest_ns = UINT64_MAX };

	for (size_t i = 0; i < world->count; i++) {
		const struct made *made = &world->made[i];
		bool gone = made->end_ns && made->end_ns < at;

		if (made->birth_ns < from || made->birth_ns >= to || made->birth_ns >= at)
			continue;
		count(&truth.process, made, gone);
		count(&truth.threads[made->thread], made, gone);
		count(&truth.sites[made->stack], made, gone);
		if (!gone && made->birth_ns < truth.oldest_ns)
			truth.oldest_ns = made->birth_ns;
		if (!gone && made->birth_ns > truth.newest_ns)
			truth.newest_ns = made->birth_ns;
	}
	return truth;
}

static void assert_counts(const struct snapshot_counts *have, const struct snapshot_counts *expect,
			  bool made_known)
{
	assert_int_equal(have->live_bytes, expect->live_bytes);
	assert_int_equal(have->live_blocks, expect->live_blocks);
	assert_int_equal(have->allocated_bytes, made_known ? expect->allocated_bytes : 0);
	assert_int_equal(have->allocated_blocks, made_known ? expect->allocated_blocks : 0);
	assert_int_equal(have->freed_bytes, made_known ? expect->freed_bytes : 0);
	assert_int_equal(have->freed_blocks, made_known ? expect->freed_blocks : 0);
}

static void assert_truth(const struct snapshot *snapshot, const struct truth *truth)
{
	const struct snapshot_process *process = &snapshot->processes[0];
	bool known = snapshot->window.made_known;
	uint64_t oldest = UINT64_MAX, newest = 0, live_blocks = 0;

	assert_true(snapshot->window.set);
	assert_counts(&process->counts, &truth->process, known);
	for (size_t i = 0; i < process->thread_count; i++) {
		const struct snapshot_counts *counts = &truth->threads[process->threads[i].tid - PID];

		assert_int_equal(process->threads[i].counts.live_bytes, counts->live_bytes);
		assert_int_equal(process->threads[i].counts.allocated_blocks,
				 known ? counts->allocated_blocks : 0);
	}
	for (size_t i = 0; i < process->site_count; i++) {
		const struct snapshot_site *site = &process->sites[i];

		assert_counts(&site->counts, &truth->sites[site->stack], known);
		assert_true(site->counts.live_blocks || site->counts.allocated_blocks);
		assert_true(site->whole->counts.allocated_blocks >= site->counts.allocated_blocks);
		if (site->counts.live_blocks && site->oldest_live_ns < oldest)
			oldest = site->oldest_live_ns;
		newest = site->newest_live_ns > newest ? site->newest_live_ns : newest;
		live_blocks += site->counts.live_blocks;
	}
	assert_int_equal(oldest, truth->oldest_ns);
	assert_int_equal(newest, truth->newest_ns);
	assert_int_equal(live_blocks, truth->process.live_blocks);
}

static uint64_t mark_ns(unsigned int number)
{
	return START + (number + 1) * 500 * STEP + 1;
}

/* Run it, look at it, and compare with the blocks born in [from, to) as of `at`. */
static void expect(const struct window_wish *wish, uint64_t from, uint64_t to, uint64_t at)
{
	static struct world world;

	for (uint64_t seed = 1; seed < 4; seed++) {
		struct snapshot *snapshot;
		struct truth truth;

		live(&world, wish, seed);
		truth = truth_of(&world, from, to, at);
		assert_true(truth.process.allocated_blocks > 50);
		assert_true(truth.process.live_blocks > 5);
		assert_int_equal(ledger_snapshot(world.ledger, world.now_ns, &snapshot), 0);
		assert_int_equal(snapshot->mark_count, 10);
		assert_int_equal(snapshot->marks[3].time_ns, mark_ns(3));
		assert_truth(snapshot, &truth);
		snapshot_free(snapshot);
		ledger_free(world.ledger);
	}
}

static struct moment moment(const char *text)
{
	struct moment moment;

	assert_int_equal(moment_parse(text, &moment), 0);
	return moment;
}

static void between_two_marks(void **state)
{
	struct window_wish wish = { .from = moment("2"), .to = moment("5") };

	(void)state;
	expect(&wish, mark_ns(2), mark_ns(5), UINT64_MAX);
}

static void since_a_mark_and_until_one(void **state)
{
	struct window_wish since = { .from = moment("7") }, until = { .to = moment("1") };

	(void)state;
	expect(&since, mark_ns(7), UINT64_MAX, UINT64_MAX);
	expect(&until, 0, mark_ns(1), UINT64_MAX);
}

static void between_times(void **state)
{
	struct window_wish wish = { .from = moment("600ms"), .to = moment("2.5s") };

	(void)state;
	expect(&wish, START + 600 * STEP, START + 2500 * STEP, UINT64_MAX);
}

static void as_of_a_moment(void **state)
{
	struct window_wish mark = { .from = moment("1"), .to = moment("3"), .at = moment("4") };
	struct window_wish time = { .from = moment("1"), .at = moment("2.2s") };

	(void)state;
	expect(&mark, mark_ns(1), mark_ns(3), mark_ns(4));
	expect(&time, mark_ns(1), UINT64_MAX, START + 2200 * STEP);
}

static void by_age(void **state)
{
	uint64_t end_ns = START + (OPERATIONS - 2) * STEP;
	struct window_wish older = { .older_ns = 1000 * STEP };
	struct window_wish newer = { .newer_ns = 1500 * STEP };
	struct window_wish both = { .newer_ns = 1500 * STEP, .older_ns = 500 * STEP };
	struct window_wish then = { .newer_ns = 1000 * STEP, .at = moment("3") };
	struct window_wish marked = { .newer_ns = 4000 * STEP, .to = moment("6") };

	(void)state;
	expect(&older, 0, end_ns - 1000 * STEP, UINT64_MAX);
	expect(&newer, end_ns - 1500 * STEP, UINT64_MAX, UINT64_MAX);
	expect(&both, end_ns - 1500 * STEP, end_ns - 500 * STEP, UINT64_MAX);
	expect(&then, mark_ns(3) - 1000 * STEP, mark_ns(3), mark_ns(3));
	expect(&marked, end_ns - 4000 * STEP, mark_ns(6), UINT64_MAX);
}

static void a_mark_that_never_came(void **state)
{
	struct window_wish wishes[] = {
		{ .from = moment("nobody") }, { .to = moment("nobody") }, { .at = moment("nobody") },
	};
	static struct world world;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct snapshot *snapshot;

		live(&world, &wishes[i], 9);
		assert_int_equal(ledger_snapshot(world.ledger, world.now_ns, &snapshot), 0);
		assert_string_equal(snapshot->window.missing, "nobody");
		/* Everything is shown then. */
		assert_false(snapshot->window.set);
		assert_null(snapshot->processes[0].whole);
		assert_int_equal(snapshot->processes[0].counts.allocated_blocks, world.count);
		snapshot_free(snapshot);
		ledger_free(world.ledger);
	}
}

/* Seven blocks that grow without end, of which the window holds two: still a leak. */
static void the_verdict_is_on_all_blocks(void **state)
{
	struct window_wish wish = { .from = moment("late") };
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;
	struct pattern pattern;
	uint64_t now = START;

	(void)state;
	assert_non_null(ledger);
	ledger_set_window(ledger, &wish);
	for (uint64_t i = 0; i < 400; i++) {
		struct event event = event_of(EVENT_ALLOC, 0, now += 10 * STEP);

		if (i == 398)
			set_mark(ledger, "late", now);
		event.alloc.address = 0x1000 * (i + 1);
		event.alloc.size = 100;
		event.alloc.stack = 1;
		apply(ledger, &event);
	}
	assert_int_equal(ledger_snapshot(ledger, now + STEP, &snapshot), 0);
	assert_int_equal(snapshot->processes[0].sites[0].counts.live_blocks, 2);
	pattern_find(snapshot, &snapshot->processes[0], &snapshot->processes[0].sites[0], &pattern);
	assert_int_equal(pattern.name, PATTERN_GROWING);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

static void what_exec_drops_was_not_freed(void **state)
{
	struct window_wish wish = { .from = moment("0s") };
	struct event exec = event_of(EVENT_EXEC, 0, START + 2 * STEP);
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;

	(void)state;
	assert_non_null(ledger);
	ledger_set_window(ledger, &wish);
	for (uint64_t i = 0; i < 3; i++) {
		struct event event = event_of(EVENT_ALLOC, 0, START + i);

		event.alloc.address = 0x1000 * (i + 1);
		event.alloc.size = 64;
		event.alloc.stack = 1;
		apply(ledger, &event);
	}
	apply(ledger, &exec);
	assert_int_equal(ledger_snapshot(ledger, START + 3 * STEP, &snapshot), 0);
	assert_int_equal(snapshot->processes[0].counts.allocated_blocks, 3);
	assert_int_equal(snapshot->processes[0].counts.freed_blocks, 0);
	assert_int_equal(snapshot->processes[0].counts.live_blocks, 0);
	snapshot_free(snapshot);
	ledger_free(ledger);
}

static void moments_as_people_write_them(void **state)
{
	char name[SNAPSHOT_MARK_BYTES + 1];
	struct moment moment;

	(void)state;
	assert_int_equal(moment_parse("1.5m", &moment), 0);
	assert_int_equal(moment.kind, MOMENT_TIME);
	assert_int_equal(moment.ns, 90000000000ull);
	assert_int_equal(moment_parse("7", &moment), 0);
	assert_int_equal(moment.kind, MOMENT_MARK);
	assert_string_equal(moment.name, "7");
	assert_int_equal(moment_parse("request 7\n", &moment), 0);
	assert_string_equal(moment.name, "request 7?");
	assert_int_equal(moment_parse("", &moment), -22);
	memset(name, 'a', sizeof(name));
	name[SNAPSHOT_MARK_BYTES] = '\0';
	assert_int_equal(moment_parse(name, &moment), -22);
	name[SNAPSHOT_MARK_BYTES - 1] = '\0';
	assert_int_equal(moment_parse(name, &moment), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(between_two_marks),
		cmocka_unit_test(since_a_mark_and_until_one),
		cmocka_unit_test(between_times),
		cmocka_unit_test(as_of_a_moment),
		cmocka_unit_test(by_age),
		cmocka_unit_test(a_mark_that_never_came),
		cmocka_unit_test(the_verdict_is_on_all_blocks),
		cmocka_unit_test(what_exec_drops_was_not_freed),
		cmocka_unit_test(moments_as_people_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
