/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing arrays: the caller keeps {pointer, count, capacity}; this makes room. */
#ifndef OUTLIVE_BASE_VEC_H
#define OUTLIVE_BASE_VEC_H

#include <stddef.h>

/*
 * Make room for at least `need` elements of `element` bytes in *data, whose
 * capacity (in elements) is *capacity. New elements are zeroed. Growth is by
 * half, so appending is linear overall.
 *
 * Returns 0, or -ENOMEM / -EOVERFLOW with *data and *capacity untouched.
 */
int vec_reserve(void **data, size_t *capacity, size_t need, size_t element);

/* Room for one more in an array of struct type; `vec` is a pointer lvalue. */
#define VEC_PUSH_ROOM(vec, count, capacity)                                                        \
	vec_reserve((void **)&(vec), &(capacity), (count) + 1, sizeof(*(vec)))

#endif
