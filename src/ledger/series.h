/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live bytes over time, in a fixed number of points.
 *
 * A process has one clock, whose ticks are 5 ms apart at first. Whenever
 * SNAPSHOT_SERIES_POINTS ticks have passed, every second point is dropped and
 * the interval doubles: a trace of any length has between half and all of the
 * points, evenly spaced. A series does nothing while its value rests; when it
 * is about to change, or is looked at, it first catches up with the clock.
 */
#ifndef OUTLIVE_LEDGER_SERIES_H
#define OUTLIVE_LEDGER_SERIES_H

#include <stdint.h>

#include "ledger/snapshot.h"

#define SERIES_FIRST_INTERVAL_NS 5000000ull

/* Point i is taken at start_ns + (i + 1) * interval, interval = FIRST << shift. */
struct series_clock {
	uint64_t start_ns; /* times below BLOCKS_MAX_BIRTH, any origin */
	uint64_t next_ns;  /* the next tick */
	uint32_t count;	   /* ticks passed, at most SNAPSHOT_SERIES_POINTS */
	uint8_t shift;
	uint32_t changes; /* grows with every advance past a tick */
};

struct series {
	uint64_t points[SNAPSHOT_SERIES_POINTS];
	uint8_t count;
	uint8_t shift;
};

/* Start a clock at `now_ns`. */
void series_clock_start(struct series_clock *clock, uint64_t now_ns);

/* Let time pass up to `now_ns`; an earlier time than before changes nothing. */
void series_clock_advance(struct series_clock *clock, uint64_t now_ns);

uint64_t series_clock_interval(const struct series_clock *clock);

/* Record that the value was `value` at every tick that `series` has not seen. */
void series_catch_up(struct series *series, const struct series_clock *clock, uint64_t value);

/* `amount` more was there since `from_ns`: raise the points since then, of a series that
 * has caught up. */
void series_raise(struct series *series, const struct series_clock *clock, uint64_t amount,
		  uint64_t from_ns);

/*
 * Fill an empty series with the past of a value that was `value` from from_ns
 * to until_ns, and 0 before and after; up to the clock's last tick.
 */
void series_backdate(struct series *series, const struct series_clock *clock, uint64_t value,
		     uint64_t from_ns, uint64_t until_ns);

#endif
