/* SPDX-License-Identifier: GPL-2.0-or-later */
/* operators.cc with operators of its own: small blocks from a pool, others from malloc. */
#include <cstdlib>

union pool_block {
	pool_block *next;
	char bytes[64];
};

static pool_block pool[1024];
static pool_block *pool_spare;
static size_t pool_used;

static bool of_pool(const void *block)
{
	return block >= static_cast<void *>(pool) && block < static_cast<void *>(pool + 1024);
}

static void *pool_take()
{
	pool_block *block = pool_spare;

	if (block)
		pool_spare = block->next;
	return block ? block : pool_used < 1024 ? &pool[pool_used++] : nullptr;
}

static void give_back(void *block)
{
	auto *mine = static_cast<pool_block *>(block);

	if (!of_pool(block)) {
		std::free(block);
		return;
	}
	mine->next = pool_spare;
	pool_spare = mine;
}

/* As if in a file of their own: a call that is inlined is none. */
#define APART __attribute__((noinline))

APART void *operator new(size_t size)
{
	void *block = size <= 64 ? pool_take() : nullptr;

	while (!block && !(block = std::malloc(size))) {
		std::new_handler handler = std::get_new_handler();

		if (!handler)
			throw std::bad_alloc();
		handler();
	}
	return block;
}

APART void operator delete(void *block) noexcept
{
	give_back(block);
}

APART void operator delete(void *block, size_t) noexcept
{
	give_back(block);
}
