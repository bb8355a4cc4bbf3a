/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/extents.h"

#define LIMIT 997
#define RUNS 200

static void test_takes_the_first_gap_that_fits(void **state)
{
	struct extents extents;
	uint32_t a, b, c, d;

	(void)state;
	assert_int_equal(extents_init(&extents, 100), 0);
	assert_int_equal(extents_take(&extents, 40, &a), 0);
	assert_int_equal(extents_take(&extents, 30, &b), 0);
	assert_int_equal(extents_take(&extents, 30, &c), 0);
	assert_int_equal(a, 0);
	assert_int_equal(b, 40);
	assert_int_equal(c, 70);
	assert_int_equal(extents_take(&extents, 1, &d), -ENOSPC);
	extents_give(&extents, b, 30);
	assert_int_equal(extents_take(&extents, 31, &d), -ENOSPC);
	assert_int_equal(extents_take(&extents, 10, &d), 0);
	assert_int_equal(d, 40);
	assert_int_equal(extents_largest(&extents), 20);
	extents_give(&extents, a, 40); /* below a gap's neighbour that is taken */
	assert_int_equal(extents_largest(&extents), 40);
	extents_give(&extents, d, 10); /* joins both sides */
	assert_int_equal(extents_largest(&extents), 70);
	extents_give(&extents, c, 30);
	assert_int_equal(extents.free_count, 1);
	assert_int_equal(extents_largest(&extents), 100);
	assert_int_equal(extents.used, 0);
	extents_free(&extents);
}

static void test_nothing_to_take(void **state)
{
	struct extents extents;
	uint32_t base;

	(void)state;
	assert_int_equal(extents_init(&extents, 0), 0);
	assert_int_equal(extents_take(&extents, 1, &base), -ENOSPC);
	assert_int_equal(extents_largest(&extents), 0);
	extents_free(&extents);
}

/* Against a plain array of who has which number. */
static void test_random_runs_never_overlap(void **state)
{
	static uint8_t owner[LIMIT];
	struct extent runs[RUNS] = { { 0 } };
	struct extents extents;
	uint32_t refused = 0;

	(void)state;
	srand(5);
	assert_int_equal(extents_init(&extents, LIMIT), 0);
	for (int round = 0; round < 100000; round++) {
		struct extent *run = &runs[rand() % RUNS];
		uint32_t largest = 0, gap = 0, used = 0;

		if (run->count) {
			uint32_t after = extents_gap_with(&extents, run->base, run->count);
			uint32_t low = run->base, high = run->base + run->count;

			while (low > 0 && !owner[low - 1])
				low--;
			while (high < LIMIT && !owner[high])
				high++;
			assert_int_equal(after, high - low);
			extents_give(&extents, run->base, run->count);
			memset(owner + run->base, 0, run->count);
			run->count = 0;
		} else {
			uint32_t want = 1 + (uint32_t)rand() % (rand() % 8 ? 12 : 200);
			uint32_t room = extents_largest(&extents);
			int result = extents_take(&extents, want, &run->base);

			assert_int_equal(result, want <= room ? 0 : -ENOSPC);
			refused += result < 0;
			if (result == 0) {
				run->count = want;
				assert_true(run->base + want <= LIMIT);
				for (uint32_t i = 0; i < want; i++)
					assert_int_equal(owner[run->base + i]++, 0);
			}
		}
		for (uint32_t i = 0; i < LIMIT; i++) {
			gap = owner[i] ? 0 : gap + 1;
			largest = gap > largest ? gap : largest;
			used += owner[i];
		}
		assert_int_equal(extents_largest(&extents), largest);
		assert_int_equal(extents.used, used);
	}
	assert_true(refused > 1000);
	extents_free(&extents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_the_first_gap_that_fits),
		cmocka_unit_test(test_nothing_to_take),
		cmocka_unit_test(test_random_runs_never_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
