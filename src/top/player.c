/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/player.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"

void player_begin(struct player *player, uint64_t start_ns, uint64_t end_ns)
{
	*player = (struct player){
		.start_ns = start_ns,
		.end_ns = end_ns > start_ns ? end_ns : start_ns,
		.at_ns = start_ns,
	};
}

uint64_t player_advance(struct player *player, uint64_t wall_ns)
{
	uint64_t passed = player->wall_ns && wall_ns > player->wall_ns ? wall_ns - player->wall_ns : 0;
	double played = ldexp((double)passed, player->speed);
	uint64_t left = player->end_ns - player->at_ns;

	if (!player->paused)
		player->at_ns += played >= (double)left ? left : (uint64_t)played;
	player->wall_ns = wall_ns;
	return player->at_ns;
}

void player_speed(struct player *player, int by)
{
	player->speed += by;
	if (player->speed < PLAYER_SLOWEST)
		player->speed = PLAYER_SLOWEST;
	if (player->speed > PLAYER_FASTEST)
		player->speed = PLAYER_FASTEST;
}

void player_step(struct player *player, int steps)
{
	double length = (double)(player->end_ns - player->start_ns);
	double by = fabs(length / PLAYER_STEPS * steps);
	uint64_t behind = player->at_ns - player->start_ns, ahead = player->end_ns - player->at_ns;

	if (steps > 0)
		player->at_ns += by >= (double)ahead ? ahead : (uint64_t)by;
	else
		player->at_ns -= by >= (double)behind ? behind : (uint64_t)by;
}

char *player_format(const struct player *player, char *buffer, size_t size)
{
	char at[UNITS_BUFFER], all[UNITS_BUFFER];

	snprintf(buffer, size, "%s%d, %s of %s", player->speed < 0 ? "1/" : "x",
		 1 << abs(player->speed),
		 units_format_duration(at, sizeof(at), player->at_ns - player->start_ns),
		 units_format_duration(all, sizeof(all), player->end_ns - player->start_ns));
	return buffer;
}
