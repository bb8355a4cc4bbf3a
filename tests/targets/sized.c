/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sized: jemalloc's own calls (mallocx, rallocx, xallocx, sdallocx, dallocx), and with
 * OWN_ALLOCATOR a library or part of the program that has the same with the prefix je_,
 * and C23's sized frees. Counts what it did by hand.
 */
#include "counted.h"

#ifdef OWN_ALLOCATOR
#include "lib/own_allocator.h"
#define mallocx je_mallocx
#define rallocx je_rallocx
#define xallocx je_xallocx
#define sdallocx je_sdallocx
#define dallocx je_dallocx
#else
void *mallocx(size_t size, int flags);
void *rallocx(void *block, size_t size, int flags);
size_t xallocx(void *block, size_t size, size_t extra, int flags);
void sdallocx(void *block, size_t size, int flags);
void dallocx(void *block, int flags);
#endif

#define ROUNDS 101

static void *kept[ROUNDS];

/* Grow or shrink where it is. Returns its size for the ledger: what was asked for last. */
static size_t resize(void *block, size_t old, size_t size)
{
	if (xallocx(block, size, 0, 0) < size) {
		failed_calls++;
		return old;
	}
	going(block, old);
	made(block, size);
	return size;
}

static void work(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *block = made(mallocx(97, 0), 97);
		size_t size = resize(block, 97, 101); /* rounding leaves room */

		size = resize(block, size, 1000003); /* and this there is not */
		size = resize(block, size, 89);
		going(block, size);
		block = made(rallocx(block, 5003, 0), 5003);
		if (i % 3 == 0)
			sdallocx(going(block, 5003), 5003, 0);
		else if (i % 3 == 1)
			dallocx(going(block, 5003), 0);
		else
			kept[i] = block;
	}
}

#ifdef OWN_ALLOCATOR
static void more(void)
{
	void *out;

	for (int i = 0; i < ROUNDS; i++) {
		je_free(going(made(je_calloc(7, 11), 77), 77));
		je_free(going(made(je_realloc(going(made(je_malloc(53), 53), 53), 211), 211), 211));
		je_free_sized(going(made(je_malloc(61), 61), 61), 61);
		je_free_sized(going(made(je_malloc(1021), 1021), 1021), 1021);
		je_free_aligned_sized(going(made(je_aligned_alloc(16, 509), 509), 509), 16, 509);
		if (je_posix_memalign(&out, 16, 127) != 0)
			_exit(94);
		je_free(going(made(out, 127), 127));
		if (je_aligned_alloc(4096, 13) || je_malloc_usable_size(out) < 127)
			_exit(93);
		failed_calls++;
	}
	je_free(NULL);
}
#else
static void more(void)
{
}
#endif

int main(int argc, char **argv)
{
	target_ready(argc, argv);
	work();
	more();
	target_print("{\"truth\":{\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,"
		     "\"freed_bytes\":%ju,\"freed_blocks\":%ju,\"failed_calls\":%ju}}\n",
		     (uintmax_t)allocated_bytes, (uintmax_t)allocated_blocks,
		     (uintmax_t)freed_bytes, (uintmax_t)freed_blocks, (uintmax_t)failed_calls);
	target_finish();
}
