/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An allocator by the names of a jemalloc with a prefix, and C23's sized frees. */
#ifndef TESTS_TARGETS_OWN_ALLOCATOR_H
#define TESTS_TARGETS_OWN_ALLOCATOR_H

#include <stddef.h>

#ifndef OWN
#define OWN
#endif

OWN void *je_malloc(size_t size);
OWN void *je_calloc(size_t count, size_t size);
OWN void *je_realloc(void *block, size_t size);
OWN void *je_aligned_alloc(size_t alignment, size_t size);
OWN int je_posix_memalign(void **out, size_t alignment, size_t size);
OWN void je_free(void *block);
OWN void *je_mallocx(size_t size, int flags);
OWN void *je_rallocx(void *block, size_t size, int flags);
OWN size_t je_xallocx(void *block, size_t size, size_t extra, int flags);
OWN void je_sdallocx(void *block, size_t size, int flags);
OWN void je_dallocx(void *block, int flags);
OWN void je_free_sized(void *block, size_t size);
OWN void je_free_aligned_sized(void *block, size_t alignment, size_t size);
OWN size_t je_malloc_usable_size(const void *block); /* no allocation */

#endif
