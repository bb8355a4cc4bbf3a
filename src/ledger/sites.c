/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void sites_free(struct sites *sites)
{
	free(sites->rows);
	free(sites->classes);
	free(sites->cells);
	free(sites->made);
	free(sites->more_calls);
	free(sites->series);
	map_free(&sites->by_stack);
	map_free(&sites->by_owner);
	memset(sites, 0, sizeof(*sites));
}

unsigned int size_log2(uint64_t size)
{
	return size ? 63 - (unsigned int)__builtin_clzll(size) : 0;
}

static int overflow_site(struct sites *sites, uint32_t *ret_site)
{
	if (!sites->overflow) {
		if (VEC_PUSH_ROOM(sites->rows, sites->count, sites->capacity) < 0)
			return -ENOMEM;
		sites->rows[sites->count] = (struct site){ .overflow = true };
		sites->overflow = (uint32_t)++sites->count;
	}
	*ret_site = sites->overflow - 1;
	return 0;
}

static int find_site(struct sites *sites, uint64_t stack, uint32_t *ret_site)
{
	if (map_get(&sites->by_stack, stack, ret_site))
		return 0;
	if (sites->count >= SITES_MAX)
		return overflow_site(sites, ret_site);
	if (VEC_PUSH_ROOM(sites->rows, sites->count, sites->capacity) < 0 ||
	    map_set(&sites->by_stack, stack, (uint32_t)sites->count) < 0)
		return -ENOMEM;
	*ret_site = (uint32_t)sites->count;
	sites->rows[sites->count++] = (struct site){ .stack = stack };
	return 0;
}

static int find_class(struct sites *sites, uint32_t site, uint8_t log2_size, uint32_t *ret_class)
{
	uint32_t at = sites->rows[site].first_class;

	while (at && sites->classes[at - 1].log2_size != log2_size)
		at = sites->classes[at - 1].next;
	if (!at) {
		if (VEC_PUSH_ROOM(sites->classes, sites->class_count, sites->class_capacity) < 0)
			return -ENOMEM;
		sites->classes[sites->class_count++] = (struct size_class){
			.site = site,
			.next = sites->rows[site].first_class,
			.log2_size = log2_size,
		};
		at = (uint32_t)sites->class_count;
		sites->rows[site].first_class = at;
	}
	*ret_class = at - 1;
	return 0;
}

/* What a cell is found by. */
struct owner {
	uint32_t thread;
	uint16_t rate;
	uint8_t log2_size;
};

/* 21 bits of site (and its overflow), 6 of class, 17 of thread (and the others), 16 of rate. */
static uint64_t owner_key(uint32_t site, const struct owner *owner)
{
	return (uint64_t)site << 39 | (uint64_t)owner->log2_size << 33 |
	       (uint64_t)owner->thread << 16 | owner->rate;
}

static int add_cell(struct sites *sites, uint32_t site, const struct owner *owner,
		    uint32_t *ret_cell)
{
	uint64_t key = owner_key(site, owner);
	uint32_t class_row;

	if (find_class(sites, site, owner->log2_size, &class_row) < 0 ||
	    VEC_PUSH_ROOM(sites->cells, sites->cell_count, sites->cell_capacity) < 0 ||
	    map_set(&sites->by_owner, key, (uint32_t)sites->cell_count) < 0)
		return -ENOMEM;
	*ret_cell = (uint32_t)sites->cell_count;
	sites->cells[sites->cell_count++] = (struct cell){
		.class_row = class_row,
		.thread = owner->thread,
		.rate = owner->rate,
	};
	return 0;
}

int sites_find(struct sites *sites, uint64_t stack, uint64_t size, uint32_t thread, uint16_t rate,
	       uint32_t *ret_cell, uint32_t *ret_site)
{
	const struct owner owner = {
		.thread = thread,
		.rate = rate,
		.log2_size = (uint8_t)size_log2(size),
	};

	if (find_site(sites, stack, ret_site) < 0)
		return -ENOMEM;
	if (map_get(&sites->by_owner, owner_key(*ret_site, &owner), ret_cell))
		return 0;
	if (sites->cell_count >= SITES_MAX_CELLS) {
		if (overflow_site(sites, ret_site) < 0)
			return -ENOMEM;
		if (map_get(&sites->by_owner, owner_key(*ret_site, &owner), ret_cell))
			return 0;
	}
	return add_cell(sites, *ret_site, &owner, ret_cell);
}

int sites_reserve_made(struct sites *sites, uint32_t cell)
{
	if (cell < sites->made_count)
		return 0;
	if (vec_reserve((void **)&sites->made, &sites->made_capacity, (size_t)cell + 1,
			sizeof(*sites->made)) < 0)
		return -ENOMEM;
	sites->made_count = (size_t)cell + 1;
	return 0;
}

void sites_forget_made(struct sites *sites)
{
	if (sites->made_count)
		memset(sites->made, 0, sites->made_count * sizeof(*sites->made));
}

int sites_count_calls(struct sites *sites, uint32_t site, uint8_t function, uint64_t calls)
{
	struct site *row = &sites->rows[site];
	uint32_t at = row->first_calls;

	if (row->calls == 0 || row->function == function) {
		row->function = function;
		row->calls += calls;
		return 0;
	}
	while (at && sites->more_calls[at - 1].function != function)
		at = sites->more_calls[at - 1].next;
	if (!at) {
		if (VEC_PUSH_ROOM(sites->more_calls, sites->more_calls_count,
				  sites->more_calls_capacity) < 0)
			return -ENOMEM;
		sites->more_calls[sites->more_calls_count++] = (struct site_calls){
			.next = row->first_calls,
			.function = function,
		};
		at = (uint32_t)sites->more_calls_count;
		row->first_calls = at;
	}
	sites->more_calls[at - 1].calls += calls;
	return 0;
}

void sites_stack_known(struct sites *sites, uint64_t stack)
{
	uint32_t row;

	if (!map_get(&sites->by_stack, stack, &row))
		return;
	sites->rows[row].unknown_events = 0;
	sites->rows[row].stack_known = true;
}

/* The past of a class that has had one block. */
static void backdate(struct class_series *series, const struct size_class *class,
		     const struct series_clock *clock)
{
	series_backdate(&series->bytes, clock, class->first.bytes, class->first_ns,
			class->first_end_ns);
	series_backdate(&series->blocks, clock, weight_blocks(class->first.blocks), class->first_ns,
			class->first_end_ns);
}

static void go_on(struct class_series *series, const struct size_class *class,
		  const struct series_clock *clock)
{
	series_catch_up(&series->bytes, clock, class->live_bytes);
	series_catch_up(&series->blocks, clock, weight_blocks(class->live_blocks));
}

/* Give the class a series that knows the class' first block. Best effort. */
static void start_series(struct sites *sites, struct size_class *class,
			 const struct series_clock *clock)
{
	if (sites->series_count >= SITES_MAX_SERIES ||
	    VEC_PUSH_ROOM(sites->series, sites->series_count, sites->series_capacity) < 0)
		return;
	backdate(&sites->series[sites->series_count], class, clock);
	class->series = (uint32_t)++sites->series_count;
	class->seen = clock->changes;
}

/* Before a change. Most changes fall between the same two ticks as the last one. */
static void catch_up(struct sites *sites, struct size_class *class,
		     const struct series_clock *clock)
{
	if (class->seen == clock->changes)
		return;
	go_on(&sites->series[class->series - 1], class, clock);
	class->seen = clock->changes;
}

void sites_class_add(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
		     const struct weight *weight, uint64_t now_ns)
{
	struct size_class *class = &sites->classes[class_row];

	if (class->made == 0) {
		class->first = *weight;
		class->first_ns = now_ns;
		class->first_end_ns = UINT64_MAX;
	} else if (class->series) {
		catch_up(sites, class, clock);
	} else if (class->made == 1) {
		start_series(sites, class, clock);
	}
	if (class->series) {
		struct class_series *series = &sites->series[class->series - 1];

		series_raise(&series->bytes, clock, weight->bytes, now_ns);
		series_raise(&series->blocks, clock, weight_blocks(weight->blocks), now_ns);
	}
	class->made++;
	class->live_bytes += weight->bytes;
	class->live_blocks += weight->blocks;
}

void sites_class_pairs(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
		       uint64_t blocks, uint64_t first_ns)
{
	struct size_class *class = &sites->classes[class_row];

	if (class->made == 0) {
		class->first = (struct weight){ .bytes = 0 };
		class->first_ns = first_ns;
		class->first_end_ns = first_ns;
	}
	if (!class->series && class->made < 2 && class->made + blocks >= 2)
		start_series(sites, class, clock);
	class->made += blocks;
}

static void empty_class(struct sites *sites, struct size_class *class,
			const struct series_clock *clock, uint64_t now_ns)
{
	if (class->series)
		catch_up(sites, class, clock);
	else if (class->live_blocks)
		class->first_end_ns = now_ns;
	class->live_bytes = 0;
	class->live_blocks = 0;
}

void sites_class_remove(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
			const struct weight *weight, uint64_t now_ns)
{
	struct size_class *class = &sites->classes[class_row];

	if (class->series)
		catch_up(sites, class, clock);
	else
		class->first_end_ns = now_ns;
	class->live_bytes -= weight->bytes;
	class->live_blocks -= weight->blocks;
}

void sites_empty(struct sites *sites, const struct series_clock *clock, uint64_t now_ns)
{
	for (size_t i = 0; i < sites->class_count; i++)
		empty_class(sites, &sites->classes[i], clock, now_ns);
	for (size_t i = 0; i < sites->cell_count; i++)
		cell_empty(&sites->cells[i]);
}

bool sites_class_series(const struct sites *sites, const struct size_class *class,
			const struct series_clock *clock, struct class_series *ret_series)
{
	if (class->series) {
		*ret_series = sites->series[class->series - 1];
		go_on(ret_series, class, clock);
		return true;
	}
	if (class->made != 1)
		return false;
	backdate(ret_series, class, clock);
	return true;
}
