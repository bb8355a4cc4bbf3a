/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void map_free(struct map *map)
{
	free(map->keys);
	free(map->values);
	memset(map, 0, sizeof(*map));
}

/* Where `key` is, or the free place where it belongs. Never full: see map_set. */
static size_t place_of(const struct map *map, uint64_t key)
{
	size_t i = hash_mix(key) & (map->capacity - 1);

	while (map->values[i] && map->keys[i] != key)
		i = (i + 1) & (map->capacity - 1);
	return i;
}

bool map_get(const struct map *map, uint64_t key, uint32_t *ret_value)
{
	size_t i;

	if (map->count == 0)
		return false;
	i = place_of(map, key);
	if (!map->values[i])
		return false;
	*ret_value = map->values[i] - 1;
	return true;
}

static int grow(struct map *map)
{
	struct map larger = { .capacity = map->capacity ? map->capacity * 2 : 16,
			      .count = map->count };

	larger.keys = calloc(larger.capacity, sizeof(*larger.keys));
	larger.values = calloc(larger.capacity, sizeof(*larger.values));
	if (!larger.keys || !larger.values) {
		map_free(&larger);
		return -ENOMEM;
	}
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->values[i]) {
			size_t to = place_of(&larger, map->keys[i]);

			larger.keys[to] = map->keys[i];
			larger.values[to] = map->values[i];
		}
	}
	map_free(map);
	*map = larger;
	return 0;
}

int map_set(struct map *map, uint64_t key, uint32_t value)
{
	size_t i;

	if (map->count + map->count / 2 >= map->capacity && grow(map) < 0)
		return -ENOMEM;
	i = place_of(map, key);
	if (!map->values[i])
		map->count++;
	map->keys[i] = key;
	map->values[i] = value + 1;
	return 0;
}
