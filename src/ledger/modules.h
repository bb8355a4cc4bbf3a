/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that one process has mapped executable. */
#ifndef OUTLIVE_LEDGER_MODULES_H
#define OUTLIVE_LEDGER_MODULES_H

#include <stddef.h>
#include <stdint.h>

#define MODULES_MAX 65536

struct module {
	uint64_t start, end, bias;
	char *path, *open_path, *build_id;
};

/* All zeroes is an empty table. */
struct modules {
	struct module *rows; /* sorted by start, without overlap */
	size_t count, capacity;
};

void modules_clear(struct modules *modules);

/*
 * Add a module; strings (NULL: "") are copied, cut at PATH_MAX. What lay there
 * before was unmapped and is dropped. Returns 0, -EINVAL for an empty range,
 * -ENOSPC beyond MODULES_MAX, or -ENOMEM; the table is unchanged then.
 */
int modules_add(struct modules *modules, uint64_t start, uint64_t end, uint64_t bias,
		const char *path, const char *open_path, const char *build_id);

/* Make `to`, which is empty, a copy of `from`. Returns 0 or -ENOMEM. */
int modules_copy(struct modules *to, const struct modules *from);

#endif
