/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extras: what mimalloc (TCMALLOC: tcmalloc) offers beside malloc's names: each function
 * that makes, changes or frees blocks once a round, with sizes that tell the arguments
 * apart. Counts what it did by hand.
 */
#include "counted.h"

#define ROUNDS 53

static volatile size_t huge = (size_t)PTRDIFF_MAX - 4095;

#ifdef TCMALLOC
/* gperftools/tcmalloc.h; C++ functions take a std::nothrow_t by reference: a pointer */
void *tc_malloc(size_t), *tc_malloc_skip_new_handler(size_t), *tc_calloc(size_t, size_t);
void *tc_realloc(void *, size_t), *tc_memalign(size_t, size_t), *tc_valloc(size_t);
void *tc_pvalloc(size_t), *tc_new(size_t), *tc_new_nothrow(size_t, const void *);
void *tc_newarray(size_t), *tc_newarray_nothrow(size_t, const void *);
void *tc_new_aligned(size_t, size_t), *tc_newarray_aligned(size_t, size_t);
int tc_posix_memalign(void **, size_t, size_t);
void tc_free(void *), tc_cfree(void *), tc_free_sized(void *, size_t), tc_delete(void *);
void tc_delete_sized(void *, size_t), tc_deletearray(void *), tc_deletearray_sized(void *, size_t);
void tc_delete_nothrow(void *, const void *), tc_delete_aligned(void *, size_t);
void tc_delete_sized_aligned(void *, size_t, size_t);

static void work(void)
{
	void *out = NULL;

	tc_free(going(made(tc_malloc(61), 61), 61));
	tc_cfree(going(made(tc_calloc(3, 41), 123), 123));
	tc_free_sized(going(made(tc_malloc_skip_new_handler(509), 509), 509), 509);
	out = made(tc_realloc(NULL, 13), 13);
	tc_free(going(made(tc_realloc(going(out, 13), 5003), 5003), 5003));
	tc_free(going(made(tc_memalign(64, 1021), 1021), 1021));
	tc_free(going(made(tc_valloc(307), 307), 307));
	tc_free(going(made(tc_pvalloc(401), 401), 401));
	if (tc_posix_memalign(&out, 64, 2003) != 0)
		_exit(94);
	tc_free(going(made(out, 2003), 2003));
	tc_delete(going(made(tc_new(17), 17), 17));
	tc_delete_sized(going(made(tc_new(19), 19), 19), 19);
	tc_delete_nothrow(going(made(tc_new_nothrow(23, &out), 23), 23), &out);
	tc_deletearray(going(made(tc_newarray(29), 29), 29));
	tc_deletearray_sized(going(made(tc_newarray_nothrow(31, &out), 31), 31), 31);
	tc_delete_aligned(going(made(tc_new_aligned(37, 64), 37), 37), 64);
	tc_delete_sized_aligned(going(made(tc_newarray_aligned(43, 64), 43), 43), 43, 64);
	if (tc_malloc(huge))
		_exit(93);
	failed_calls++;
}
#else
/* mimalloc.h */
typedef struct mi_heap_s mi_heap_t;
mi_heap_t *mi_heap_new(void);
void *mi_malloc(size_t), *mi_calloc(size_t, size_t), *mi_realloc(void *, size_t);
void *mi_zalloc(size_t), *mi_malloc_small(size_t), *mi_mallocn(size_t, size_t);
void *mi_reallocn(void *, size_t, size_t), *mi_reallocf(void *, size_t), *mi_expand(void *, size_t);
void *mi_rezalloc(void *, size_t), *mi_recalloc(void *, size_t, size_t);
void *mi_malloc_aligned(size_t, size_t), *mi_malloc_aligned_at(size_t, size_t, size_t);
void *mi_calloc_aligned(size_t, size_t, size_t), *mi_realloc_aligned(void *, size_t, size_t);
void *mi_recalloc_aligned(void *, size_t, size_t, size_t), *mi_memalign(size_t, size_t);
void *mi_aligned_alloc(size_t, size_t), *mi_valloc(size_t), *mi_reallocarray(void *, size_t, size_t);
void *mi_new(size_t), *mi_new_n(size_t, size_t), *mi_new_aligned(size_t, size_t);
void *mi_new_realloc(void *, size_t), *mi_new_reallocn(void *, size_t, size_t);
void *mi_new_nothrow(size_t);
void *mi_heap_malloc(mi_heap_t *, size_t), *mi_heap_calloc(mi_heap_t *, size_t, size_t);
void *mi_heap_zalloc(mi_heap_t *, size_t), *mi_heap_realloc(mi_heap_t *, void *, size_t);
void *mi_heap_mallocn(mi_heap_t *, size_t, size_t);
void *mi_heap_malloc_aligned(mi_heap_t *, size_t, size_t);
void *mi_heap_recalloc_aligned(mi_heap_t *, void *, size_t, size_t, size_t);
int mi_posix_memalign(void **, size_t, size_t);
void mi_free(void *), mi_cfree(void *), mi_free_size(void *, size_t);
void mi_free_aligned(void *, size_t), mi_free_size_aligned(void *, size_t, size_t);

static mi_heap_t *heap;

static void *changed(void *before, size_t old, void *after, size_t size)
{
	going(before, old);
	return made(after, size);
}

static void reallocs(void)
{
	void *block = made(mi_malloc(61), 61);

	block = changed(block, 61, mi_realloc(block, 127), 127);
	block = changed(block, 127, mi_reallocn(block, 3, 61), 183);
	block = changed(block, 183, mi_rezalloc(block, 1021), 1021);
	block = changed(block, 1021, mi_recalloc(block, 5, 307), 1535);
	block = changed(block, 1535, mi_reallocarray(block, 7, 11), 77);
	block = changed(block, 77, mi_new_realloc(block, 89), 89);
	block = changed(block, 89, mi_new_reallocn(block, 3, 41), 123);
	block = changed(block, 123, mi_heap_realloc(heap, block, 211), 211);
	if (mi_expand(block, 100003))
		_exit(92);
	failed_calls++;
	block = changed(block, 211, mi_expand(block, 199), 199);
	if (mi_reallocf(block, huge))
		_exit(91);
	going(block, 199); /* that is what the f stands for */
}

static void aligned(void)
{
	void *block = made(mi_malloc_aligned(97, 64), 97);

	block = changed(block, 97, mi_realloc_aligned(block, 401, 64), 401);
	block = changed(block, 401, mi_recalloc_aligned(block, 3, 509, 64), 1527);
	block = changed(block, 1527, mi_heap_recalloc_aligned(heap, block, 5, 13, 64), 65);
	mi_free_aligned(going(block, 65), 64);
	mi_free_size_aligned(going(made(mi_calloc_aligned(3, 17, 64), 51), 51), 51, 64);
	mi_free(going(made(mi_malloc_aligned_at(19, 64, 8), 19), 19));
	mi_free(going(made(mi_memalign(64, 23), 23), 23));
	mi_free(going(made(mi_aligned_alloc(64, 128), 128), 128));
	mi_free(going(made(mi_valloc(29), 29), 29));
	mi_free(going(made(mi_new_aligned(31, 64), 31), 31));
	mi_free(going(made(mi_heap_malloc_aligned(heap, 37, 64), 37), 37));
	if (mi_posix_memalign(&block, 64, 2003) != 0)
		_exit(94);
	mi_free(going(made(block, 2003), 2003));
}

static void work(void)
{
	if (!heap)
		heap = mi_heap_new();
	mi_free(going(made(mi_calloc(3, 41), 123), 123));
	mi_cfree(going(made(mi_zalloc(43), 43), 43));
	mi_free_size(going(made(mi_malloc_small(47), 47), 47), 47);
	mi_free(going(made(mi_mallocn(5, 53), 265), 265));
	mi_free(going(made(mi_new(59), 59), 59));
	mi_free(going(made(mi_new_n(3, 67), 201), 201));
	mi_free(going(made(mi_new_nothrow(71), 71), 71));
	mi_free(going(made(mi_heap_malloc(heap, 73), 73), 73));
	mi_free(going(made(mi_heap_calloc(heap, 3, 79), 237), 237));
	mi_free(going(made(mi_heap_zalloc(heap, 83), 83), 83));
	mi_free(going(made(mi_heap_mallocn(heap, 3, 101), 303), 303));
	reallocs();
	aligned();
}
#endif

int main(int argc, char **argv)
{
	work(); /* what the allocator makes for itself at first is made */
	allocated_bytes = allocated_blocks = freed_bytes = freed_blocks = failed_calls = 0;
	target_ready(argc, argv);
	for (int i = 0; i < ROUNDS; i++)
		work();
	target_print("{\"truth\":{\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,"
		     "\"freed_bytes\":%ju,\"freed_blocks\":%ju,\"failed_calls\":%ju}}\n",
		     (uintmax_t)allocated_bytes, (uintmax_t)allocated_blocks,
		     (uintmax_t)freed_bytes, (uintmax_t)freed_blocks, (uintmax_t)failed_calls);
	target_finish();
}
