/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block tables after forks: each as if it had a copy of its own, with what it inherited marked. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "ledger/blocks.h"

#define TABLES 6
#define ADDRESSES 3000
#define CELLS 5
#define MANY 300000u

/* What a table must hold: address i + 1 -> a block, of size 0 when there is none. */
struct model {
	struct blocks blocks;
	struct block plain[ADDRESSES];
	bool used;
};

static struct model tables[TABLES];

static void check_cells(const struct model *model)
{
	struct blocks_of_cell found[CELLS + 1] = { 0 };
	uint64_t count[CELLS] = { 0 }, bytes[CELLS] = { 0 };

	blocks_by_cell(&model->blocks, 0, UINT64_MAX, found, CELLS);
	for (size_t i = 0; i < ADDRESSES; i++) {
		const struct block *block = &model->plain[i];

		if (!block->size || block->inherited)
			continue;
		count[block->cell]++;
		bytes[block->cell] += block->size;
	}
	for (size_t i = 0; i < CELLS; i++) {
		assert_int_equal(found[i].count, count[i]);
		assert_int_equal(found[i].bytes, bytes[i]);
	}
}

static void check_table(const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < ADDRESSES; i++) {
		const struct block *plain = &model->plain[i];
		struct block block;

		assert_int_equal(blocks_get(&model->blocks, i + 1, &block), plain->size != 0);
		if (!plain->size)
			continue;
		count++;
		assert_int_equal(block.size, plain->size);
		assert_int_equal(block.birth, plain->birth);
		assert_int_equal(block.inherited, plain->inherited);
		if (!block.inherited)
			assert_int_equal(block.cell, plain->cell);
	}
	assert_int_equal(model->blocks.count, count);
	check_cells(model);
}

static void put(struct model *model, uint64_t at, uint64_t random, uint64_t now)
{
	struct block block = { .address = at + 1, .size = 1 + random % 1000, .birth = now,
			       .cell = random % CELLS };
	struct block old;

	assert_int_equal(blocks_make_room(&model->blocks, block.address), 0);
	if (blocks_put(&model->blocks, &block, &old)) {
		assert_int_equal(old.size, model->plain[at].size);
		assert_int_equal(old.inherited, model->plain[at].inherited);
	}
	model->plain[at] = block;
}

static void take(struct model *model, uint64_t at)
{
	struct block block;

	assert_int_equal(blocks_take(&model->blocks, at + 1, UINT64_MAX, &block),
			 model->plain[at].size != 0);
	if (model->plain[at].size)
		assert_int_equal(block.inherited, model->plain[at].inherited);
	model->plain[at].size = 0;
}

/* The table of another process: forked from `from`, or a new program. */
static void begin(struct model *model, struct model *from, uint64_t seed)
{
	if (model->used)
		blocks_free(&model->blocks);
	blocks_init(&model->blocks, seed);
	memset(model->plain, 0, sizeof(model->plain));
	model->used = true;
	if (!from)
		return;
	assert_int_equal(blocks_share(&model->blocks, &from->blocks), 0);
	memcpy(model->plain, from->plain, sizeof(model->plain));
	for (size_t i = 0; i < ADDRESSES; i++)
		model->plain[i].inherited = true;
}

/* Forks of forks, ends of parents and of children, in any order. */
static void agrees_with_copies(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i < TABLES; i++)
		begin(&tables[i], NULL, i);
	for (uint64_t now = 1; now < 400000; now++) {
		struct model *model;

		random = hash_mix(random + now);
		model = &tables[random % TABLES];
		if (now % 4001 == 0) {
			struct model *other = &tables[random / TABLES % TABLES];

			begin(model, other != model && random >> 20 & 7 ? other : NULL, random);
		} else if (random >> 8 & 1) {
			put(model, (random >> 16) % ADDRESSES, random >> 32, now);
		} else {
			take(model, (random >> 16) % ADDRESSES);
		}
		if (now % 20011 == 0) {
			for (size_t i = 0; i < TABLES; i++)
				check_table(&tables[i]);
		}
	}
	for (size_t i = 0; i < TABLES; i++) {
		check_table(&tables[i]);
		blocks_free(&tables[i].blocks);
		tables[i].used = false;
	}
}

static void fill(struct blocks *blocks)
{
	struct block old;

	blocks_init(blocks, 7);
	for (uint64_t i = 1; i <= MANY; i++) {
		const struct block block = { .address = i * 16, .size = 8, .birth = i };

		assert_int_equal(blocks_make_room(blocks, block.address), 0);
		assert_false(blocks_put(blocks, &block, &old));
	}
}

/* A fork of many blocks costs next to nothing, and what is changed after it a part. */
static void a_fork_is_cheap(void **state)
{
	struct blocks parent, children[20];
	struct block block;
	size_t before, alone;

	(void)state;
	fill(&parent);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < 20; i++) {
		blocks_init(&children[i], i);
		assert_int_equal(blocks_share(&children[i], &parent), 0);
	}
	assert_true(mallinfo2().uordblks - before < parent.bytes / 50);
	alone = mallinfo2().uordblks;
	for (size_t i = 0; i < 20; i++)
		assert_true(blocks_take(&children[i], 16 * (i + 1), UINT64_MAX, &block));
	/* A shard each, of a dozen. */
	assert_true(mallinfo2().uordblks - alone < 20 * parent.bytes / 5);
	assert_int_equal(parent.count, MANY);
	blocks_free(&parent);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(children[i].count, MANY - 1);
		assert_false(blocks_get(&children[i], 16 * (i + 1), &block));
		assert_true(blocks_get(&children[i], 16 * 999, &block));
		assert_true(block.inherited);
		blocks_free(&children[i]);
	}
	assert_true(mallinfo2().uordblks <= before);
}

/* A child that empties its table to the last block, while its parent's stays whole. */
static void a_child_frees_everything(void **state)
{
	struct blocks parent, child;
	struct block block;

	(void)state;
	fill(&parent);
	blocks_init(&child, 3);
	assert_int_equal(blocks_share(&child, &parent), 0);
	for (uint64_t i = 1; i <= MANY; i++) {
		assert_true(blocks_take(&child, i * 16, UINT64_MAX, &block));
		assert_true(block.inherited);
	}
	assert_int_equal(child.count, 0);
	assert_true(child.bytes < 100000);
	for (uint64_t i = 1; i <= MANY; i++) {
		assert_true(blocks_get(&parent, i * 16, &block));
		assert_false(block.inherited);
	}
	blocks_free(&child);
	blocks_free(&parent);
}

static void a_fork_of_nothing(void **state)
{
	struct blocks parent, child;
	struct block block = { .address = 16, .size = 1 };

	(void)state;
	blocks_init(&parent, 1);
	blocks_init(&child, 2);
	assert_int_equal(blocks_share(&child, &parent), 0);
	assert_false(blocks_get(&child, 16, &block));
	assert_int_equal(blocks_make_room(&child, 16), 0);
	assert_false(blocks_put(&child, &block, &block));
	assert_false(blocks_get(&parent, 16, &block));
	blocks_free(&child);
	blocks_free(&parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_copies),
		cmocka_unit_test(a_fork_is_cheap),
		cmocka_unit_test(a_child_frees_everything),
		cmocka_unit_test(a_fork_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
