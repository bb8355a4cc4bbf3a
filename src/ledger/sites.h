/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sites of one process, their size classes, and the cells of these.
 *
 *   site    one stack that allocates       found by stack id
 *   class   its blocks in [2^n, 2^(n+1))   a short list at the site
 *   cell    … made by one thread           found by (site, class, thread, rate)
 *
 * A target can make up stacks, sizes and threads, so all three are bounded:
 * beyond SITES_MAX sites or SITES_MAX_CELLS cells everything new counts at one
 * overflow site, whose stack is unknown.
 */
#ifndef OUTLIVE_LEDGER_SITES_H
#define OUTLIVE_LEDGER_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "ledger/cell.h"
#include "ledger/series.h"
#include "ledger/window.h"

#define SITES_MAX (1u << 20)
#define SITES_MAX_CELLS (1u << 22)
#define SITES_MAX_SERIES 65536 /* 1040 bytes each */

struct site {
	uint64_t stack;
	uint64_t unknown_events; /* while the stack was not known */
	uint32_t first_class;	 /* row + 1; 0: none */
	uint32_t first_calls;	 /* row + 1 of the list of calls beyond `function` */
	uint8_t function;	 /* of the first call; nearly always of all calls */
	uint64_t calls;		 /* of that function */
	bool overflow;
	bool stack_known; /* its stack has come */
};

/* Calls of a site by a function other than its first one. */
struct site_calls {
	uint64_t calls;
	uint32_t next; /* row + 1 */
	uint8_t function;
};

struct size_class {
	uint32_t site;
	uint32_t next;	 /* row + 1, of the same site */
	uint32_t series; /* row + 1; 0: has none (yet) */
	uint32_t seen;	 /* clock.changes when the series last caught up */
	uint8_t log2_size;
	uint64_t live_bytes, live_blocks; /* blocks in 1/WEIGHT_ONE */
	uint64_t made; /* blocks recorded */
	/* The only block so far, for the series of a class that has one block. */
	struct weight first;
	uint64_t first_ns, first_end_ns;
};

/* What was live of a class, over time. */
struct class_series {
	struct series bytes, blocks;
};

/* All zeroes is an empty table. */
struct sites {
	struct site *rows;
	size_t count, capacity;
	struct map by_stack;
	uint32_t overflow; /* row + 1 of the overflow site */

	struct size_class *classes;
	size_t class_count, class_capacity;

	struct cell *cells;
	size_t cell_count, cell_capacity;
	struct map by_owner; /* (site, class, thread, rate) -> cell */

	/* Of the window's blocks alone, by cell; shorter than `cells`: the others made none. */
	struct window_made *made;
	size_t made_count, made_capacity;

	struct site_calls *more_calls;
	size_t more_calls_count, more_calls_capacity;

	struct class_series *series;
	size_t series_count, series_capacity;
};

void sites_free(struct sites *sites);

/* floor(log2(size)); 0 for 0. */
unsigned int size_log2(uint64_t size);

/*
 * The cell of blocks of `size` bytes that `thread` (row) makes with `stack`, recorded
 * at `rate`, and its site; made when missing. Returns 0 or -ENOMEM.
 */
int sites_find(struct sites *sites, uint64_t stack, uint64_t size, uint32_t thread, uint16_t rate,
	       uint32_t *ret_cell, uint32_t *ret_site);

/* Make room to count blocks of a cell in `made`. Returns 0 or -ENOMEM. */
int sites_reserve_made(struct sites *sites, uint32_t cell);

/* Another window begins: count from zero. */
void sites_forget_made(struct sites *sites);

/* Count successful calls of `function` at a site. Returns 0 or -ENOMEM. */
int sites_count_calls(struct sites *sites, uint32_t site, uint8_t function, uint64_t calls);

/* The stack of a site has come: its events so far are not of an unknown stack. */
void sites_stack_known(struct sites *sites, uint64_t stack);

/*
 * A block of this weight was made in a class, or ended. The clock was advanced
 * to `now_ns` before. The second block starts a series while there are fewer
 * than SITES_MAX_SERIES; without memory for it the class goes on without. A block made
 * before ticks that have passed was live at them.
 */
void sites_class_add(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
		     const struct weight *weight, uint64_t now_ns);
void sites_class_remove(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
			const struct weight *weight, uint64_t now_ns);

/* As many blocks, the first at `first_ns`, were made in a class and freed again. */
void sites_class_pairs(struct sites *sites, uint32_t class_row, const struct series_clock *clock,
		       uint64_t blocks, uint64_t first_ns);

/* The heap is gone: nothing is live any more. */
void sites_empty(struct sites *sites, const struct series_clock *clock, uint64_t now_ns);

/* The series of a class up to the tick of `clock`, in *ret_series. Returns
 * false when none is kept. */
bool sites_class_series(const struct sites *sites, const struct size_class *class,
			const struct series_clock *clock, struct class_series *ret_series);

#endif
