/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/link_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "target/elf_file.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void linked_free(struct linked *object)
{
	for (size_t i = 0; i < object->needed_count; i++)
		free(object->needed[i]);
	free(object->needed);
	free(object->path);
	free(object->soname);
}

void link_order_free(struct link_order *order)
{
	for (size_t i = 0; i < order->count; i++)
		linked_free(&order->rows[i]);
	free(order->rows);
	memset(order, 0, sizeof(*order));
}

static int add_needed(struct linked *object, const struct elf_file *elf)
{
	const char *name;

	while (object->needed_count < LINK_ORDER_NEEDED_MAX &&
	       (name = elf_file_needed(elf, object->needed_count))) {
		int err = VEC_PUSH_ROOM(object->needed, object->needed_count,
					object->needed_capacity);

		if (err)
			return err;
		object->needed[object->needed_count] = strdup(name);
		if (!object->needed[object->needed_count])
			return -ENOMEM;
		object->needed_count++;
	}
	return 0;
}

int link_order_add(struct link_order *order, const char *path, const struct elf_file *elf,
		   bool program)
{
	static const char *const name = "malloc";
	const char *soname = elf_file_soname(elf);
	struct linked object = { .path = strdup(path), .program = program };
	struct elf_function found;
	int err = VEC_PUSH_ROOM(order->rows, order->count, order->capacity);

	object.soname = strdup(soname && soname[0] ? soname : base_name(path));
	if (!object.path || !object.soname)
		err = -ENOMEM;
	if (!err)
		err = add_needed(&object, elf);
	if (err) {
		linked_free(&object);
		return err;
	}
	object.serves_malloc = elf_file_find(elf, ELF_SYMBOLS_DYNAMIC, &name, 1, &found) == 0 &&
			       found.found != ELF_NOT_FOUND;
	order->rows[order->count++] = object;
	return 0;
}

void link_order_preloaded(struct link_order *order, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ": \t\n");

		for (size_t i = 0; i < order->count && length; i++) {
			struct linked *object = &order->rows[i];
			const char *names[] = { object->path, base_name(object->path),
						object->soname };
			const char *item = list;
			size_t rest = length;

			/* The path may be another by now: links are followed, files moved. */
			for (size_t j = 0; j < length; j++) {
				if (list[j] == '/') {
					item = list + j + 1;
					rest = length - j - 1;
				}
			}
			for (size_t j = 0; j < sizeof(names) / sizeof(names[0]) && rest; j++) {
				if (!object->program && strlen(names[j]) == rest &&
				    memcmp(names[j], item, rest) == 0)
					object->preloaded = true;
			}
		}
		list += length;
		list += strspn(list, ": \t\n");
	}
}

bool linked_is_libc(const struct linked *object)
{
	static const char *const names[] = { "libc.so", "libc-2.", "ld-musl-", "libc.musl-" };
	const char *name = base_name(object->path);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* The first object that needs `object`, or NULL. */
static const struct linked *who_needs(const struct link_order *order, const struct linked *object)
{
	for (size_t i = 0; i < order->count; i++) {
		const struct linked *row = &order->rows[i];

		for (size_t j = 0; j < row->needed_count; j++) {
			if (strcmp(row->needed[j], object->soname) == 0 ||
			    strcmp(base_name(row->needed[j]), base_name(object->path)) == 0)
				return row;
		}
	}
	return NULL;
}

struct malloc_choice malloc_choose(const struct link_order *order)
{
	struct malloc_choice choice = { .reason = MALLOC_NOWHERE };

	for (size_t i = 0; i < order->count && !choice.object; i++) {
		if (order->rows[i].serves_malloc)
			choice.object = &order->rows[i];
	}
	if (!choice.object)
		return choice;
	choice.needed_by = who_needs(order, choice.object);
	if (choice.object->program)
		choice.reason = MALLOC_OF_PROGRAM;
	else if (choice.object->preloaded)
		choice.reason = MALLOC_PRELOADED;
	else if (linked_is_libc(choice.object))
		choice.reason = MALLOC_OF_LIBC;
	else
		choice.reason = choice.needed_by ? MALLOC_LINKED : MALLOC_LOADED;
	return choice;
}
