/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose malloc: by made files in an order, and in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "elf_objects.h"
#include "target/link_order.h"

static void add(struct link_order *order, const char *path, const struct object *object)
{
	struct elf_file *elf = object_open(object);

	assert_int_equal(link_order_add(order, path, elf, order->count == 0), 0);
	elf_file_close(elf);
}

static const struct object plain = { .needed = { "libthing.so.1", "libc.so.6" } };
static const struct object definer = { .needed = { "libc.so.6" },
				       .symbols = { { "malloc", OBJECT_TEXT, 4 } } };
static const struct object user = { .needed = { "libc.so.6" }, .symbols = { { "malloc", 0, 0 } } };
static const struct object libc = { .soname = "libc.so.6",
				    .symbols = { { "malloc", OBJECT_TEXT, 4 } } };
static const struct object thing = { .soname = "libthing.so.1", .needed = { "libjem.so.2" } };
static const struct object jemalloc = { .soname = "libjem.so.2",
					.symbols = { { "malloc", OBJECT_TEXT, 4 } } };

#define LIBC "/lib/libc.so.6"
#define JEMALLOC "/opt/lib/libjem.so.2.5"

static void test_of_libc(void **state)
{
	struct link_order order = { 0 };
	struct malloc_choice choice;

	(void)state;
	add(&order, "/bin/program", &user); /* it calls malloc, it does not define it */
	add(&order, LIBC, &libc);
	choice = malloc_choose(&order);
	assert_int_equal(choice.reason, MALLOC_OF_LIBC);
	assert_string_equal(choice.object->path, LIBC);
	link_order_free(&order);
}

/* The program comes first, whatever is preloaded: ld.so(8) searches in that order. */
static void test_of_program(void **state)
{
	struct link_order order = { 0 };
	struct malloc_choice choice;

	(void)state;
	add(&order, "/bin/program", &definer);
	add(&order, JEMALLOC, &jemalloc);
	add(&order, LIBC, &libc);
	link_order_preloaded(&order, JEMALLOC);
	choice = malloc_choose(&order);
	assert_int_equal(choice.reason, MALLOC_OF_PROGRAM);
	assert_ptr_equal(choice.object, &order.rows[0]);
	link_order_free(&order);
}

static void test_preloaded(void **state)
{
	/* by path, by name, by what it is a link to; among others; separated in any way */
	static const char *const lists[] = {
		JEMALLOC, "libjem.so.2", "/elsewhere/libjem.so.2", "/usr/libother.so " JEMALLOC,
		"libother.so::libjem.so.2:libx.so", "\n" JEMALLOC "\n",
	};
	static const char *const wrong[] = { "", ":", "libjem.so", "xlibjem.so.2", "libjem.so.2x",
					     "/opt/lib/" };

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) + sizeof(wrong) / sizeof(wrong[0]);
	     i++) {
		bool right = i < sizeof(lists) / sizeof(lists[0]);
		struct link_order order = { 0 };
		struct malloc_choice choice;

		add(&order, "/bin/program", &plain);
		add(&order, JEMALLOC, &jemalloc);
		add(&order, LIBC, &libc);
		link_order_preloaded(&order, right ? lists[i] :
					     wrong[i - sizeof(lists) / sizeof(lists[0])]);
		choice = malloc_choose(&order);
		assert_string_equal(choice.object->path, JEMALLOC);
		assert_int_equal(choice.reason, right ? MALLOC_PRELOADED : MALLOC_LOADED);
		link_order_free(&order);
	}
}

/* jemalloc is needed by a library that the program needs. */
static void test_linked(void **state)
{
	struct link_order order = { 0 };
	struct malloc_choice choice;

	(void)state;
	add(&order, "/bin/program", &plain);
	add(&order, "/lib/libthing.so.1", &thing);
	add(&order, JEMALLOC, &jemalloc);
	add(&order, LIBC, &libc);
	choice = malloc_choose(&order);
	assert_int_equal(choice.reason, MALLOC_LINKED);
	assert_string_equal(choice.object->path, JEMALLOC);
	assert_string_equal(choice.needed_by->path, "/lib/libthing.so.1");
	link_order_free(&order);
}

/* Linked after libc it never gets to serve. */
static void test_too_late(void **state)
{
	struct link_order order = { 0 };

	(void)state;
	add(&order, "/bin/program", &plain);
	add(&order, LIBC, &libc);
	add(&order, JEMALLOC, &jemalloc);
	assert_int_equal(malloc_choose(&order).reason, MALLOC_OF_LIBC);
	link_order_free(&order);
}

static void test_nobody(void **state)
{
	struct link_order order = { 0 };

	(void)state;
	assert_int_equal(malloc_choose(&order).reason, MALLOC_NOWHERE);
	add(&order, "/bin/program", &plain);
	assert_int_equal(malloc_choose(&order).reason, MALLOC_NOWHERE);
	assert_null(malloc_choose(&order).object);
	link_order_free(&order);
}

static void test_libc_names(void **state)
{
	static const char *const names[] = { "/lib/x86_64-linux-gnu/libc.so.6", "/lib/libc-2.31.so",
					     "/lib/ld-musl-x86_64.so.1",
					     "/usr/lib/libc.musl-x86_64.so.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(linked_is_libc(&(struct linked){ .path = (char *)(uintptr_t)names[i] }));
	assert_false(linked_is_libc(&(struct linked){ .path = (char *)(uintptr_t) "/lib/libcrypt.so" }));
}

/* The dynamic linker of this process, read as anybody's. */
static void test_own_process(void **state)
{
	struct link_order order = { 0 };
	struct malloc_choice choice;
	char exe[4096];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	assert_true(length > 0);
	exe[length] = '\0';
	assert_int_equal(link_order_read((uint32_t)getpid(), &order), 0);
	assert_true(order.count >= 3);
	assert_true(order.rows[0].program);
	assert_string_equal(order.rows[0].path, exe);
	assert_true(order.rows[0].needed_count >= 2);
	for (size_t i = 1; i < order.count; i++)
		assert_false(order.rows[i].program);
	choice = malloc_choose(&order);
	assert_non_null(choice.object);
	link_order_free(&order);
	assert_int_equal(order.count, 0);
}

static void test_gone(void **state)
{
	struct link_order order = { 0 };

	(void)state;
	assert_int_equal(link_order_read(0x7fffffff, &order), -ESRCH);
	assert_int_equal(order.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_libc),	   cmocka_unit_test(test_of_program),
		cmocka_unit_test(test_preloaded),  cmocka_unit_test(test_linked),
		cmocka_unit_test(test_too_late),   cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_libc_names), cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
