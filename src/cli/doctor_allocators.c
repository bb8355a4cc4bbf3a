/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor_allocators.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define WIDTH 100 /* of a list of names */

/* Print `name` as one more of a list; *column is where the line has got to. */
static void put_name(const char *name, size_t indent, size_t *column)
{
	size_t length = strlen(name);

	if (*column > indent && *column + 2 + length > WIDTH) {
		printf(",\n%*s", (int)indent, "");
		*column = indent;
	} else if (*column > indent) {
		printf(", ");
		*column += 2;
	}
	printf("%s", name);
	*column += length;
}

/* The names that are only second names of `function`. */
static void put_aliases(const struct allocator_file *file,
			const struct allocator_function *function)
{
	const size_t indent = 10;
	char name[ALLOCATOR_NAME_BYTES];
	size_t column = indent;

	for (size_t i = 0; i < file->other_count; i++) {
		const struct allocator_other *other = &file->others[i];

		if (!other->same_as || other->vaddr != function->vaddr)
			continue;
		if (column == indent)
			printf("    also: ");
		put_name(allocator_name(other->function, other->family, name, sizeof(name)), indent,
			 &column);
	}
	if (column > indent)
		printf("\n");
}

/* The functions that get no probe for the same reason as others[first]. */
static void put_reason(const struct allocator_file *file, size_t first)
{
	const char *reason = file->others[first].reason;
	char name[ALLOCATOR_NAME_BYTES];
	size_t column = 4;

	for (size_t i = 0; i < first; i++) {
		if (strcmp(file->others[i].reason, reason) == 0)
			return;
	}
	printf("  no probe: %s\n    ", reason);
	for (size_t i = first; i < file->other_count; i++) {
		const struct allocator_other *other = &file->others[i];

		if (strcmp(other->reason, reason) == 0)
			put_name(allocator_name(other->function, other->family, name, sizeof(name)), 4,
				 &column);
	}
	printf("\n");
}

static void put_file(const struct allocator_file *file, bool exceptions)
{
	char line[256], path[160];

	/* Where exceptions begin matters to no other process. */
	if (!file->call_count && !file->other_count && !exceptions)
		return;
	text_clean(path, sizeof(path), file->path, strlen(file->path));
	printf("\nallocator %s\n", path);
	if (file->build_id[0])
		printf("  build-id %s\n", file->build_id);
	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].shape == SHAPE_THROW && !exceptions)
			continue;
		printf("  %s\n", allocator_describe(file, i, line, sizeof(line)));
		put_aliases(file, &file->functions[i]);
	}
	for (size_t i = 0; i < file->other_count; i++) {
		if (!file->others[i].same_as)
			put_reason(file, i);
	}
}

void doctor_allocators(const struct allocator_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		put_file(&list->files[i], list->leaves);
}
