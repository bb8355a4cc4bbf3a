/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REST_BYTES 24 /* " and 65536 more" */

/* "the marks are a, b, c and 12 more": as many as there is room for. */
static void list_marks(const struct snapshot *snapshot, char *buffer, size_t size)
{
	size_t used, named = 0;

	if (!snapshot->mark_count) {
		snprintf(buffer, size, "set marks by SIGUSR1, --mark-every or --mark-fd while it traces");
		return;
	}
	used = (size_t)snprintf(buffer, size, "the marks are");
	for (; named < snapshot->mark_count; named++) {
		const char *name = snapshot->marks[named].name;

		if (used + strlen(name) + REST_BYTES > size)
			break;
		used += (size_t)snprintf(buffer + used, size - used, "%s %s", named ? "," : "", name);
	}
	if (snapshot->mark_count > named)
		snprintf(buffer + used, size - used, " and %zu more", snapshot->mark_count - named);
}

int window_check(const struct snapshot *snapshot, struct error *error)
{
	const struct snapshot_window *window = &snapshot->window;
	char marks[sizeof(error->remedy)];

	list_marks(snapshot, marks, sizeof(marks));
	if (window->missing[0])
		return error_set(error, -ENOENT, marks, "no mark is called '%s'", window->missing);
	if (window->set && window->from_ns >= window->to_ns && !window->older_ns && !window->newer_ns)
		return error_set(error, -ENOENT, marks,
				 "nothing lies between --from and --to: the first is not the "
				 "earlier one");
	return 0;
}
