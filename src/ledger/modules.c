/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/modules.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

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

/* Put `module` in place of rows [from, to). */
static void splice(struct modules *modules, size_t from, size_t to, const struct module *module)
{
	for (size_t i = from; i < to; i++)
		module_free(&modules->rows[i]);
	memmove(&modules->rows[from + 1], &modules->rows[to],
		(modules->count - to) * sizeof(*modules->rows));
	modules->rows[from] = *module;
	modules->count = modules->count - (to - from) + 1;
}

int modules_add(struct modules *modules, uint64_t start, uint64_t end, uint64_t bias,
		const char *path, const char *open_path, const char *build_id)
{
	struct module module = { .start = start, .end = end, .bias = bias };
	size_t from, to;

	if (start >= end)
		return -EINVAL;
	from = first_above(modules, start);
	for (to = from; to < modules->count && modules->rows[to].start < end; to++)
		;
	if (modules->count - (to - from) >= MODULES_MAX)
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
	splice(modules, from, to, &module);
	return 0;
}

int modules_copy(struct modules *to, const struct modules *from)
{
	int result = 0;

	for (size_t i = 0; i < from->count && result == 0; i++) {
		const struct module *module = &from->rows[i];

		result = modules_add(to, module->start, module->end, module->bias, module->path,
				     module->open_path, module->build_id);
	}
	return result;
}
