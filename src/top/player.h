/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a recording that is played has come to. Two clocks: the recording's own,
 * and that of whoever watches; the player knows how the one follows the other.
 */
#ifndef OUTLIVE_TOP_PLAYER_H
#define OUTLIVE_TOP_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAYER_SLOWEST (-6) /* a 64th … */
#define PLAYER_FASTEST 12   /* … and 4096 times as fast */
#define PLAYER_STEPS 20	    /* a step of seeking is so much of the whole */

struct player {
	uint64_t start_ns, end_ns; /* first and last moment of the recording */
	uint64_t at_ns;		   /* events up to here have happened */
	uint64_t wall_ns;	   /* when that was worked out; 0 never */
	int speed;		   /* power of two */
	bool paused;
};

/* Begin at the beginning, at the speed of life. */
void player_begin(struct player *player, uint64_t start_ns, uint64_t end_ns);

/* Now it is `wall_ns`: returns at_ns, never beyond the end. */
uint64_t player_advance(struct player *player, uint64_t wall_ns);

/* Twice as fast (`by` 1) or half (-1), within bounds. */
void player_speed(struct player *player, int by);

/* Steps ahead, or back (negative), not beyond either end. */
void player_step(struct player *player, int steps);

/* "x2, 12 s of 41 s" in `buffer`, which is returned. */
char *player_format(const struct player *player, char *buffer, size_t size);

#endif
