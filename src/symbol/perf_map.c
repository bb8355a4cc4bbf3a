/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines may overlap in any way. They are cut into pieces that do not: at every
 * address where some line begins or ends, the last of the lines that are open
 * there is the piece's. A heap knows that one; what has ended is dropped from it
 * when it comes to the top.
 */
#include "symbol/perf_map.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"

#define MAX_LINES (1u << 20)
#define MAX_NAME 512

struct line {
	uint64_t start, end;
	uint32_t name; /* offset into text */
};

struct piece {
	uint64_t start, end;
	uint32_t line;
};

struct perf_map {
	char *text;
	struct line *lines; /* as in the file */
	size_t line_count, line_capacity;
	struct piece *pieces; /* by start, disjoint */
	size_t piece_count, piece_capacity;
};

/* A hexadecimal number, "0x" allowed, and the blanks behind it. */
static bool parse_hex(char **at, uint64_t *ret_value)
{
	uint64_t value = 0;
	char *c = *at, *first;

	if (c[0] == '0' && (c[1] == 'x' || c[1] == 'X'))
		c += 2;
	for (first = c; isxdigit((unsigned char)*c); c++) {
		if (value >> 60)
			return false;
		value = value << 4 | (uint64_t)(isdigit((unsigned char)*c)
							? *c - '0'
							: tolower((unsigned char)*c) - 'a' + 10);
	}
	if (c == first || (*c != ' ' && *c != '\t'))
		return false;
	*at = c + strspn(c, " \t");
	*ret_value = value;
	return true;
}

static int add_line(struct perf_map *map, char *text)
{
	uint64_t start, size, end;

	if (map->line_count == MAX_LINES || !parse_hex(&text, &start) || !parse_hex(&text, &size) ||
	    size == 0 || __builtin_add_overflow(start, size, &end) || !*text)
		return 0;
	if (strlen(text) > MAX_NAME)
		text[MAX_NAME] = '\0';
	if (VEC_PUSH_ROOM(map->lines, map->line_count, map->line_capacity) < 0)
		return -ENOMEM;
	map->lines[map->line_count++] = (struct line){
		.start = start, .end = end, .name = (uint32_t)(text - map->text)
	};
	return 0;
}

static int compare_starts(const void *left, const void *right, void *lines)
{
	const struct line *a = (struct line *)lines + *(const uint32_t *)left;
	const struct line *b = (struct line *)lines + *(const uint32_t *)right;

	return (a->start > b->start) - (a->start < b->start);
}

static int compare_addresses(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* A heap of line numbers, the largest on top. */
static void heap_push(uint32_t *heap, size_t count, uint32_t line)
{
	size_t i = count;

	for (; i && heap[(i - 1) / 2] < line; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = line;
}

static void heap_pop(uint32_t *heap, size_t count)
{
	uint32_t line = heap[count - 1];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < count - 1; i = child) {
		if (child + 1 < count - 1 && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= line)
			break;
		heap[i] = heap[child];
	}
	heap[i] = line;
}

static int add_piece(struct perf_map *map, uint64_t start, uint64_t end, uint32_t line)
{
	struct piece *last = map->piece_count ? &map->pieces[map->piece_count - 1] : NULL;

	if (last && last->line == line && last->end == start) {
		last->end = end;
		return 0;
	}
	if (VEC_PUSH_ROOM(map->pieces, map->piece_count, map->piece_capacity) < 0)
		return -ENOMEM;
	map->pieces[map->piece_count++] = (struct piece){ start, end, line };
	return 0;
}

static int cut(struct perf_map *map)
{
	size_t count = map->line_count, open = 0, next = 0;
	CLEANUP_FREE uint64_t *edges = calloc(2 * count + 1, sizeof(*edges));
	CLEANUP_FREE uint32_t *order = calloc(count + 1, sizeof(*order));
	CLEANUP_FREE uint32_t *heap = calloc(count + 1, sizeof(*heap));
	int r = 0;

	if (!edges || !order || !heap)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		edges[2 * i] = map->lines[i].start;
		edges[2 * i + 1] = map->lines[i].end;
		order[i] = (uint32_t)i;
	}
	qsort(edges, 2 * count, sizeof(*edges), compare_addresses);
	qsort_r(order, count, sizeof(*order), compare_starts, map->lines);
	for (size_t i = 0; i + 1 < 2 * count && r == 0; i++) {
		for (; next < count && map->lines[order[next]].start <= edges[i]; next++)
			heap_push(heap, open++, order[next]);
		while (open && map->lines[heap[0]].end <= edges[i])
			heap_pop(heap, open--);
		if (open && edges[i] < edges[i + 1])
			r = add_piece(map, edges[i], edges[i + 1], heap[0]);
	}
	return r;
}

int perf_map_parse(const char *text, size_t size, struct perf_map **ret_map)
{
	struct perf_map *map = calloc(1, sizeof(*map));
	char *line, *end;
	int r = 0;

	if (!map)
		return -ENOMEM;
	map->text = malloc(size + 1);
	if (!map->text) {
		free(map);
		return -ENOMEM;
	}
	memcpy(map->text, text, size);
	map->text[size] = '\0';
	for (line = map->text; r == 0 && line < map->text + size; line = end + 1) {
		end = memchr(line, '\n', (size_t)(map->text + size - line));
		if (!end)
			end = map->text + size;
		*end = '\0';
		r = add_line(map, line);
	}
	if (r == 0)
		r = cut(map);
	if (r < 0) {
		perf_map_free(map);
		return r;
	}
	*ret_map = map;
	return 0;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	free(map->text);
	free(map->lines);
	free(map->pieces);
	free(map);
}

const char *perf_map_lookup(const struct perf_map *map, uint64_t address, uint64_t *ret_start)
{
	size_t low = 0, high = map->piece_count;
	const struct line *line;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->pieces[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= map->pieces[low - 1].end)
		return NULL;
	line = &map->lines[map->pieces[low - 1].line];
	*ret_start = line->start;
	return map->text + line->name;
}

size_t perf_map_count(const struct perf_map *map)
{
	return map->line_count;
}
