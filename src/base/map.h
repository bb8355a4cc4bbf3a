/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash map from 64-bit keys to 32-bit values: ids to rows of an array. */
#ifndef OUTLIVE_BASE_MAP_H
#define OUTLIVE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
	uint64_t *keys;
	uint32_t *values; /* value + 1; 0 marks a free place */
	size_t count;
	size_t capacity; /* 0 or a power of two */
};

/* An empty map is all zeroes; map_free() makes it so again. */
void map_free(struct map *map);

/* Look `key` up. Returns true and *ret_value when it is there. */
bool map_get(const struct map *map, uint64_t key, uint32_t *ret_value);

/* Set `key` to `value` (< UINT32_MAX). Returns 0 or -ENOMEM (map unchanged). */
int map_set(struct map *map, uint64_t key, uint32_t value);

#endif
