/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "top/player.h"

#define SECOND 1000000000ull

static void test_follows_the_clock(void **state)
{
	struct player player;

	(void)state;
	player_begin(&player, 100 * SECOND, 110 * SECOND);
	assert_int_equal(player_advance(&player, 7 * SECOND), 100 * SECOND);
	assert_int_equal(player_advance(&player, 8 * SECOND), 101 * SECOND);
	player_speed(&player, 2);
	assert_int_equal(player_advance(&player, 9 * SECOND), 105 * SECOND);
	player_speed(&player, -3);
	assert_int_equal(player_advance(&player, 10 * SECOND), 105 * SECOND + SECOND / 2);
	player.paused = true;
	assert_int_equal(player_advance(&player, 90 * SECOND), 105 * SECOND + SECOND / 2);
	player.paused = false;
	/* The pause is not made up for, and a clock that goes back moves nothing. */
	assert_int_equal(player_advance(&player, 80 * SECOND), 105 * SECOND + SECOND / 2);
	assert_int_equal(player_advance(&player, 800 * SECOND), 110 * SECOND);
	assert_int_equal(player_advance(&player, UINT64_MAX), 110 * SECOND);
}

static void test_steps(void **state)
{
	struct player player;

	(void)state;
	player_begin(&player, 100 * SECOND, 140 * SECOND);
	player_step(&player, 3);
	assert_int_equal(player.at_ns, 106 * SECOND);
	player_step(&player, -1);
	assert_int_equal(player.at_ns, 104 * SECOND);
	player_step(&player, -9);
	assert_int_equal(player.at_ns, 100 * SECOND);
	player_step(&player, PLAYER_STEPS + 1);
	assert_int_equal(player.at_ns, 140 * SECOND);
}

static void test_speed_has_bounds(void **state)
{
	struct player player;
	char text[64];

	(void)state;
	player_begin(&player, 0, 40 * SECOND);
	player_speed(&player, 100);
	assert_string_equal(player_format(&player, text, sizeof(text)), "x4096, 0 ns of 40.0 s");
	player_speed(&player, -100);
	assert_string_equal(player_format(&player, text, sizeof(text)), "1/64, 0 ns of 40.0 s");
}

/* What a damaged file may say. */
static void test_end_before_start(void **state)
{
	struct player player;

	(void)state;
	player_begin(&player, 100, 50);
	assert_int_equal(player_advance(&player, 1), 100);
	assert_int_equal(player_advance(&player, SECOND), 100);
	player_step(&player, 1);
	player_step(&player, -1);
	assert_int_equal(player.at_ns, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_the_clock), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_speed_has_bounds), cmocka_unit_test(test_end_before_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
