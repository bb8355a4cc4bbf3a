/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/modules.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "ledger/stacks.h"

static void module_free(struct module *module)
{
	free(module->path);
	free(module->open_path);
	free(module->build_id);
}

void modules_clear(struct modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		module_free(&modules->rows[i]);
	free(modules->rows);
	memset(modules, 0, sizeof(*modules));
}

static char *copy(const char *text)
{
	return strndup(text ? text : "", PATH_MAX);
}

/* The first row whose end lies above `address`. */
static size_t first_above(const struct modules *modules, uint64_t address)
{
	size_t low = 0, high = modules->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (modules->rows[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool is_moved(const struct module *module)
{
	return module->start >> 63;
}

/* An address that a process can have. */
static bool is_plain(const struct module *module)
{
	return module->end >> MODULE_MOVE_SHIFT == 0;
}

/*
 * Move a row that was taken out of the table with the frames that lie in it, and put it at
 * the table's end: places only grow. One that no stack goes through is dropped. `*moved`
 * becomes true when it was moved: then the next move is to go to another place.
 */
static void move_out(struct modules *modules, struct module *module, struct stacks *stacks,
		     bool *moved)
{
	uint64_t place = 1ull << 63 | (uint64_t)modules->moves << MODULE_MOVE_SHIFT;

	if (modules->moves >= MODULES_MOVES_MAX || !is_plain(module) ||
	    !stacks_move(stacks, module->start, module->end, place)) {
		module_free(module);
		return;
	}
	module->start += place;
	module->end += place;
	module->bias += place;
	modules->rows[modules->count++] = *module;
	*moved = true;
}

/* Take row `at` out of the table. */
static struct module take_out(struct modules *modules, size_t at)
{
	struct module module = modules->rows[at];

	modules->count--;
	memmove(&modules->rows[at], &modules->rows[at + 1],
		(modules->count - at) * sizeof(*modules->rows));
	return module;
}

static bool same_file(const struct module *a, const struct module *b)
{
	return a->bias == b->bias && strcmp(a->path, b->path) == 0 &&
	       strcmp(a->build_id, b->build_id) == 0;
}

/* Put `module` in place of rows [from, to); those of other files are moved. */
static void splice(struct modules *modules, struct stacks *stacks, size_t from, size_t to,
		   const struct module *module)
{
	bool moved = false;

	for (size_t i = from; i < to; i++) {
		struct module old = take_out(modules, from);

		if (same_file(&old, module))
			module_free(&old);
		else
			move_out(modules, &old, stacks, &moved);
	}
	modules->moves += moved;
	memmove(&modules->rows[from + 1], &modules->rows[from],
		(modules->count - from) * sizeof(*modules->rows));
	modules->rows[from] = *module;
	modules->count++;
}

static int add(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
	       uint64_t bias, uint64_t since_ns, const char *path, const char *open_path,
	       const char *build_id)
{
	struct module module = { .start = start, .end = end, .bias = bias, .since_ns = since_ns };
	size_t from, to;

	from = first_above(modules, start);
	for (to = from; to < modules->count && modules->rows[to].start < end; to++)
		;
	if (modules->count >= MODULES_MAX)
		return -ENOSPC;
	if (VEC_PUSH_ROOM(modules->rows, modules->count, modules->capacity) < 0)
		return -ENOMEM;
	module.path = copy(path);
	module.open_path = copy(open_path);
	module.build_id = copy(build_id);
	if (!module.path || !module.open_path || !module.build_id) {
		module_free(&module);
		return -ENOMEM;
	}
	splice(modules, stacks, from, to, &module);
	return 0;
}

int modules_add(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
		uint64_t bias, uint64_t since_ns, const char *path, const char *open_path,
		const char *build_id)
{
	if (start >= end || end >> 63)
		return -EINVAL;
	return add(modules, stacks, start, end, bias, since_ns, path, open_path, build_id);
}

void modules_unmap(struct modules *modules, struct stacks *stacks, uint64_t start, uint64_t end,
		   uint64_t time_ns)
{
	size_t at = first_above(modules, start);
	bool moved = false;

	while (at < modules->count && modules->rows[at].start < end && !is_moved(&modules->rows[at])) {
		struct module module;

		if (modules->rows[at].since_ns > time_ns) {
			at++;
			continue;
		}
		module = take_out(modules, at);
		move_out(modules, &module, stacks, &moved);
	}
	modules->moves += moved;
}

void modules_move_all(struct modules *modules, struct stacks *stacks)
{
	size_t plain = 0;
	bool moved = false;

	while (plain < modules->count && !is_moved(&modules->rows[plain]))
		plain++;
	for (; plain > 0; plain--) {
		struct module module = take_out(modules, 0);

		move_out(modules, &module, stacks, &moved);
	}
	modules->moves += moved;
}

int modules_copy(struct modules *to, const struct modules *from)
{
	int result = 0;

	to->moves = from->moves;
	for (size_t i = 0; i < from->count && result == 0; i++) {
		const struct module *module = &from->rows[i];

		result = add(to, NULL, module->start, module->end, module->bias,
			     module->since_ns, module->path, module->open_path, module->build_id);
	}
	return result;
}
