/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "ledger/blocks.h"
#include "ledger/replaced.h"
#include "ledger/shard.h"

#define PROMISED_BYTES 40 /* per live block, from 1000 blocks on */

static bool put(struct blocks *blocks, struct block block, struct block *ret_old)
{
	assert_int_equal(blocks_make_room(blocks, block.address), 0);
	return blocks_put(blocks, &block, ret_old);
}

static void assert_same(const struct block *a, const struct block *b)
{
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->birth, b->birth);
	assert_int_equal(a->cell, b->cell);
	assert_int_equal(a->inherited, b->inherited);
}

static void every_field_survives_to_its_limit(void **state)
{
	const struct block rows[] = {
		{ 1, 0, 0, 0, false },
		{ 3, 1, 1, 1, true },
		{ 0x7fffdeadbee8, 21 << 20, 1234567890123, 77, false },
		{ BLOCKS_MAX_ADDRESS, BLOCKS_MAX_SIZE, BLOCKS_MAX_BIRTH, UINT32_MAX, true },
		{ 1ull << 55, 1ull << 46, 1ull << 55, 0x80000000u, false },
		{ 0xff00, 0, 0, 0x00ff0000u, true },
	};
	struct blocks blocks;
	struct block block;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		blocks_init(&blocks, hash_mix(seed));
		for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
			assert_false(put(&blocks, rows[i], &block));
		for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
			assert_true(blocks_get(&blocks, rows[i].address, &block));
			assert_same(&block, &rows[i]);
		}
		blocks_free(&blocks);
	}
}

static void nothing_is_found_in_an_empty_table(void **state)
{
	struct blocks blocks;
	struct block block;

	(void)state;
	blocks_init(&blocks, 1);
	assert_false(blocks_get(&blocks, 0x10, &block));
	assert_false(blocks_take(&blocks, 0x10, BLOCKS_MAX_BIRTH, &block));
	assert_false(put(&blocks, (struct block){ .address = 0x10 }, &block));
	assert_false(blocks_get(&blocks, 0, &block));
	assert_true(blocks_take(&blocks, 0x10, 0, &block));
	assert_false(blocks_get(&blocks, 0x10, &block));
	assert_int_equal(blocks.count, 0);
	blocks_free(&blocks);
}

static void take_leaves_a_younger_block(void **state)
{
	struct blocks blocks;
	struct block block;

	(void)state;
	blocks_init(&blocks, 1);
	put(&blocks, (struct block){ .address = 0x10, .birth = 50 }, &block);
	assert_false(blocks_take(&blocks, 0x10, 49, &block));
	assert_int_equal(blocks.count, 1);
	assert_true(blocks_take(&blocks, 0x10, 50, &block));
	blocks_free(&blocks);
}

static void put_replaces_and_returns_the_old_one(void **state)
{
	struct blocks blocks;
	struct block old;

	(void)state;
	blocks_init(&blocks, 1);
	assert_false(put(&blocks, (struct block){ .address = 0x10, .size = 5 }, &old));
	assert_true(put(&blocks, (struct block){ .address = 0x10, .size = 6 }, &old));
	assert_int_equal(old.size, 5);
	assert_int_equal(blocks.count, 1);
	blocks_free(&blocks);
}

static void assert_promise(const struct blocks *blocks)
{
	if (blocks->count >= 1000)
		assert_true(blocks->bytes <= blocks->count * PROMISED_BYTES);
}

static void never_more_than_40_bytes_per_block(void **state)
{
	const uint64_t most = 300000;
	struct blocks blocks;
	struct block block;

	(void)state;
	blocks_init(&blocks, 99);
	for (uint64_t i = 1; i <= most; i++) {
		put(&blocks, (struct block){ .address = i * 16, .size = i }, &block);
		assert_promise(&blocks);
	}
	assert_int_equal(blocks.count, most);
	for (uint64_t i = 1; i <= most; i++) {
		assert_true(blocks_take(&blocks, i * 16, 0, &block));
		assert_int_equal(block.size, i);
		assert_promise(&blocks);
	}
	assert_int_equal(blocks.count, 0);
	blocks_free(&blocks);
}

static int count_block(const struct block *block, void *context)
{
	uint64_t *sums = context;

	sums[0]++;
	sums[1] += block->address;
	sums[2] += block->size;
	return 0;
}

static int stop_at_once(const struct block *block, void *context)
{
	(void)block;
	(void)context;
	return 7;
}

static void each_sees_every_block_once(void **state)
{
	const uint64_t most = 100000;
	uint64_t sums[3] = { 0 };
	struct blocks blocks;
	struct block block;

	(void)state;
	blocks_init(&blocks, 99);
	assert_int_equal(blocks_each(&blocks, count_block, sums), 0);
	assert_int_equal(sums[0], 0);
	for (uint64_t i = 1; i <= most; i++)
		put(&blocks, (struct block){ .address = i * 48, .size = 3 }, &block);
	assert_int_equal(blocks_each(&blocks, count_block, sums), 0);
	assert_int_equal(sums[0], most);
	assert_int_equal(sums[1], most * (most + 1) / 2 * 48);
	assert_int_equal(sums[2], most * 3);
	assert_int_equal(blocks_each(&blocks, stop_at_once, NULL), 7);
	blocks_clear(&blocks);
	assert_int_equal(blocks.count, 0);
	assert_int_equal(blocks.bytes, 0);
	blocks_free(&blocks);
}

/* A million random operations against an array indexed by address. */
static void agrees_with_a_plain_array(void **state)
{
	enum { ADDRESSES = 120000 };
	struct block *model = calloc(ADDRESSES, sizeof(*model));
	struct blocks blocks;
	size_t live = 0;

	(void)state;
	assert_non_null(model);
	blocks_init(&blocks, 12345);
	for (uint64_t i = 0; i < 1000000; i++) {
		uint64_t random = hash_mix(i);
		struct block *slot = &model[random % ADDRESSES];
		struct block block = { .address = (random % ADDRESSES + 1) * 16,
				       .size = random >> 20,
				       .birth = i,
				       .cell = (uint32_t)(random >> 30),
				       .inherited = random >> 50 & 1 };
		struct block old;
		/* Mostly growing, then mostly shrinking, several times over. */
		bool adding = random >> 40 & 3 ? i / 100000 % 2 == 0 : i / 100000 % 2 == 1;

		block.size &= BLOCKS_MAX_SIZE;
		if (adding) {
			assert_int_equal(put(&blocks, block, &old), slot->address != 0);
			if (slot->address)
				assert_same(&old, slot);
			live += !slot->address;
			*slot = block;
		} else {
			bool expected = slot->address && slot->birth <= i - (random >> 60);

			assert_int_equal(blocks_take(&blocks, block.address, i - (random >> 60),
						     &old),
					 expected);
			if (expected) {
				assert_same(&old, slot);
				memset(slot, 0, sizeof(*slot));
				live--;
			}
		}
		assert_int_equal(blocks.count, live);
		assert_promise(&blocks);
	}
	for (size_t i = 0; i < ADDRESSES; i++) {
		struct block block;

		assert_int_equal(blocks_get(&blocks, (i + 1) * 16, &block), model[i].address != 0);
	}
	blocks_free(&blocks);
	free(model);
}

/* What no hash does: every entry wants the last place, in ascending or descending
 * order. Each is found, none is written behind the array. */
static void a_crowd_at_the_end_is_housed(void **state)
{
	const uint64_t most = 2000, last = (1ull << ENTRY_HASH_BITS) - 1;

	(void)state;
	for (int descending = 0; descending < 2; descending++) {
		const struct shard_part none[2] = { 0 };
		struct blocks_shard *shard = shard_new(none, 0, 0);

		assert_non_null(shard);
		for (uint64_t i = 0; i < most; i++) {
			uint64_t hash = descending ? last - i : last - most + i;
			struct entry entry = { { hash << 8, 0, 0 } };

			if (shard_full(shard)) {
				const struct shard_part parts[2] = { shard_all(shard) };
				struct blocks_shard *larger =
					shard_new(parts, shard->count, shard->depth);

				assert_non_null(larger);
				assert_false(shard_full(larger));
				shard_free(shard);
				shard = larger;
			}
			shard_insert(shard, shard_place(shard, hash), entry);
		}
		for (uint64_t i = 0; i < most; i++) {
			uint64_t hash = descending ? last - i : last - most + i;
			struct entry *place = shard_place(shard, hash);

			assert_int_equal(entry_hash(place), hash);
			shard_remove(shard, place);
			assert_int_not_equal(entry_hash(shard_place(shard, hash)), hash);
		}
		assert_int_equal(shard->count, 0);
		shard_free(shard);
	}
}

/* A table that was large takes no more than one that never was. */
static void a_table_that_was_large_gives_back(void **state)
{
	const uint64_t most = 500000, rest = 1000;
	struct blocks blocks;
	struct block block;

	(void)state;
	blocks_init(&blocks, 7);
	for (uint64_t i = 1; i <= most; i++)
		put(&blocks, (struct block){ .address = i * 64, .size = i }, &block);
	assert_true(blocks.depth >= 4);
	for (uint64_t i = most; i > rest; i--)
		assert_true(blocks_take(&blocks, i * 64, 0, &block));
	assert_int_equal(blocks.count, rest);
	assert_promise(&blocks);
	assert_true(blocks.depth <= 1);
	for (uint64_t i = 1; i <= rest; i++)
		assert_true(blocks_get(&blocks, i * 64, &block) && block.size == i);
	blocks_free(&blocks);
}

static void replaced_blocks_are_found_newest_first(void **state)
{
	struct replaced *replaced = calloc(1, sizeof(*replaced));
	struct replaced_block found;

	(void)state;
	assert_non_null(replaced);
	replaced_put(replaced, 1, &(struct block){ .address = 0x10, .birth = 5, .size = 1 }, 9);
	replaced_put(replaced, 1, &(struct block){ .address = 0x10, .birth = 10, .size = 2 }, 19);
	replaced_put(replaced, 2, &(struct block){ .address = 0x10, .birth = 1, .size = 3 }, 29);
	assert_false(replaced_take(replaced, 1, 0x10, 4, &found));
	assert_false(replaced_take(replaced, 1, 0x20, 100, &found));
	assert_true(replaced_take(replaced, 1, 0x10, 9, &found));
	assert_int_equal(found.block.size, 1);
	assert_true(replaced_take(replaced, 1, 0x10, 99, &found));
	assert_int_equal(found.block.size, 2);
	assert_int_equal(found.replaced_ns, 19);
	assert_false(replaced_take(replaced, 1, 0x10, 99, &found));
	replaced_forget(replaced, 2);
	assert_int_equal(replaced->count, 0);
	free(replaced);
}

static void replaced_blocks_are_bounded(void **state)
{
	struct replaced *replaced = calloc(1, sizeof(*replaced));
	struct replaced_block found;

	(void)state;
	assert_non_null(replaced);
	for (uint64_t i = 1; i <= 3 * REPLACED_MAX; i++)
		replaced_put(replaced, 0, &(struct block){ .address = i % 100 + 1, .birth = i }, i);
	assert_int_equal(replaced->count, REPLACED_MAX);
	assert_false(replaced_take(replaced, 0, 1, 2 * REPLACED_MAX, &found));
	assert_true(replaced_take(replaced, 0, 1, 3 * REPLACED_MAX, &found));
	for (uint64_t i = 1; i <= 100; i++)
		while (replaced_take(replaced, 0, i, UINT64_MAX, &found))
			;
	assert_int_equal(replaced->count, 0);
	free(replaced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives_to_its_limit),
		cmocka_unit_test(nothing_is_found_in_an_empty_table),
		cmocka_unit_test(take_leaves_a_younger_block),
		cmocka_unit_test(put_replaces_and_returns_the_old_one),
		cmocka_unit_test(never_more_than_40_bytes_per_block),
		cmocka_unit_test(each_sees_every_block_once),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(a_crowd_at_the_end_is_housed),
		cmocka_unit_test(a_table_that_was_large_gives_back),
		cmocka_unit_test(replaced_blocks_are_found_newest_first),
		cmocka_unit_test(replaced_blocks_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
