/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

static void an_empty_map_finds_nothing(void **state)
{
	struct map map = { 0 };
	uint32_t value = 5;

	(void)state;
	assert_false(map_get(&map, 0, &value));
	assert_false(map_get(&map, 1, &value));
	assert_int_equal(value, 5);
	map_free(&map);
}

static void keys_and_values_of_any_kind(void **state)
{
	struct map map = { 0 };
	uint32_t value;

	(void)state;
	assert_int_equal(map_set(&map, 0, 0), 0);
	assert_int_equal(map_set(&map, UINT64_MAX, UINT32_MAX - 1), 0);
	assert_true(map_get(&map, 0, &value));
	assert_int_equal(value, 0);
	assert_true(map_get(&map, UINT64_MAX, &value));
	assert_int_equal(value, UINT32_MAX - 1);
	assert_int_equal(map_set(&map, 0, 9), 0);
	assert_true(map_get(&map, 0, &value));
	assert_int_equal(value, 9);
	assert_int_equal(map.count, 2);
	map_free(&map);
	assert_false(map_get(&map, 0, &value));
}

static void a_hundred_thousand_keys(void **state)
{
	struct map map = { 0 };
	uint32_t value;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(map_set(&map, (uint64_t)i << 20, i), 0);
	assert_int_equal(map.count, 100000);
	for (uint32_t i = 0; i < 100000; i++) {
		assert_true(map_get(&map, (uint64_t)i << 20, &value));
		assert_int_equal(value, i);
		assert_false(map_get(&map, ((uint64_t)i << 20) + 1, &value));
	}
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_finds_nothing),
		cmocka_unit_test(keys_and_values_of_any_kind),
		cmocka_unit_test(a_hundred_thousand_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
