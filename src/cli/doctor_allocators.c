/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor_allocators.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "target/link_order.h"

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

/* How often a call stops at probes, counting a single-stepped instruction twice. */
static unsigned int stops_of(const struct allocator_function *function)
{
	return (function->site.emulated ? 1 : 2) +
	       (function->shape == SHAPE_ALLOC_LEAVE ? 1 + function->dear :
		function->with_return		     ? 1 :
						       0);
}

/* "a call stops    malloc 2 times, free once": of the functions called most. */
static void put_stops(const struct allocator_file *file)
{
	static const char *const names[] = { "malloc", "free", "operator new(size_t)",
					     "operator delete(void *, size_t)" };
	char name[ALLOCATOR_NAME_BYTES];
	bool any = false;

	for (size_t i = 0; i < file->function_count; i++) {
		const struct allocator_function *function = &file->functions[i];
		const char *plain = alloc_function_name(function->function);
		unsigned int stops = stops_of(function);

		for (size_t j = 0; j < ARRAY_LENGTH(names); j++) {
			if (strcmp(plain, names[j]) != 0)
				continue;
			allocator_name(function->function, function->family, name, sizeof(name));
			printf("%s%s ", any ? ", " : "  a call stops: ", name);
			printf(stops == 1 ? "once" : "%u times", stops);
			any = true;
		}
	}
	if (any)
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
	put_stops(file);
}

static bool has_malloc(const struct allocator_file *file)
{
	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].function == 1 && file->functions[i].family == 0)
			return true;
	}
	return false;
}

static void put_path(const char *before, const char *path, const char *after)
{
	char clean[160];

	text_clean(clean, sizeof(clean), path, strlen(path));
	printf("%s%s%s\n", before, clean, after);
}

static void put_before_libc(void)
{
	printf("%-15s it comes before the C library, whose malloc it replaces\n", "");
}

/* Whose malloc the program calls, and why. Returns the path of its file; "" not known. */
static const char *put_choice(const struct malloc_choice *choice)
{
	const char *path = choice->object ? choice->object->path : "";
	printf("\n");
	switch (choice->reason) {
	case MALLOC_NOWHERE:
		printf("malloc          no file offers it to others\n");
		break;
	case MALLOC_OF_PROGRAM:
		put_path("malloc          the program's own: ", path, "");
		printf("%-15s it comes before every library, preloaded ones too\n", "");
		break;
	case MALLOC_PRELOADED:
		put_path("malloc          preloaded (LD_PRELOAD or /etc/ld.so.preload): ", path, "");
		put_before_libc();
		break;
	case MALLOC_LINKED:
		put_path("malloc          linked: ", path, "");
		put_path("                needed by ", choice->needed_by->path, "");
		put_before_libc();
		break;
	case MALLOC_OF_LIBC:
		put_path("malloc          the C library's: ", path, "");
		break;
	case MALLOC_LOADED:
		put_path("malloc          of a library loaded as the program ran: ", path, "");
		break;
	}
	return path;
}

/* Files beside the one at `path` that are probed too. */
static void put_rest(const struct allocator_list *list, const char *path)
{
	bool any = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct allocator_file *file = &list->files[i];

		if (!file->call_count || strcmp(file->path, path) == 0)
			continue;
		put_path(any ? "                " : "probed too      ", file->path,
			 has_malloc(file) ? ": its malloc is hidden by that one, but code may be bound "
					    "to it"
					  : ": functions of other names");
		any = true;
	}
	if (any)
		printf("%-15s a block is counted once: by the function the program entered first\n", "");
}

static void put_malloc(uint32_t pid, const struct allocator_list *list)
{
	struct link_order order = { 0 };
	struct malloc_choice choice;
	int result = link_order_read(pid, &order);

	/* A static program that can lie anywhere has a list of itself alone. */
	if (result == 0 && order.count > 1) {
		choice = malloc_choose(&order);
		put_rest(list, put_choice(&choice));
	} else if (result == 0 || result == -ENOENT) {
		printf("\nmalloc          the program's own: it is linked statically\n");
	} else {
		printf("\nmalloc          the order of libraries could not be read: %s\n",
		       strerror(-result));
	}
	link_order_free(&order);
}

void doctor_allocators(uint32_t pid, const struct allocator_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		put_file(&list->files[i], list->leaves);
	if (list->count)
		put_malloc(pid, list);
}
