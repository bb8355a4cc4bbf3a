/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "analysis/frames.h"
#include "symbol/symbol.h"

extern const char __executable_start;

#define BASE ((uint64_t)(uintptr_t)&__executable_start)
#define BIAS 0x100000ull /* where the made-up processes have mapped this program */
#define AT(function) (BIAS + (uint64_t)(uintptr_t)(function) - BASE)

__attribute__((noinline, used)) static int first_function(volatile int *x)
{
	*x += 7;
	return *x * 3;
}

__attribute__((noinline, used)) static int second_function(volatile int *x)
{
	*x += 9;
	return *x * 5;
}

static struct snapshot_module modules[] = {
	{ BIAS, BIAS + (64 << 20), BIAS, "/srv/app", "/proc/self/exe", "" },
	{ 0x7f0000000000, 0x7f0000200000, 0x7f0000000000, "/lib/libc.so.6", "/no/such/file", "" },
};

static const struct snapshot_process process = { .module_count = 2, .modules = modules };

static void test_return_address(void **state)
{
	struct frames *frames = frames_new();
	struct frame frame;

	(void)state;
	assert_non_null(frames);
	frames_resolve(frames, &process, AT(first_function) + 5, &frame, 1);
	assert_string_equal(frame.symbol, "first_function");
	assert_int_equal(frame.offset, 5);
	assert_int_equal(frame.address, AT(first_function) + 5);
	assert_string_equal(frame.module, "/srv/app");
	assert_string_equal(frame.language, "native");
	assert_string_equal(frame.file + strlen(frame.file) - strlen("test_frames.c"), "test_frames.c");
	assert_false(frame.inlined);
	/* A call as the last instruction returns to the next function's first byte. */
	frames_resolve(frames, &process, AT(second_function), &frame, 1);
	assert_true(!frame.symbol || strcmp(frame.symbol, "second_function") != 0);
	frames_free(frames);
}

static void test_unknown(void **state)
{
	static const uint64_t nowhere[] = { 0, 1, 0x10, 0x7f0000000000, 0x7f0000200001, UINT64_MAX };
	struct frames *frames = frames_new();
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		frames_resolve(frames, &process, nowhere[i], &frame, 1);
		assert_null(frame.symbol);
		assert_null(frame.module);
		assert_int_equal(frame.offset, 0);
	}
	/* A module that cannot be opened, or nothing to open it with. */
	frames_resolve(frames, &process, 0x7f0000200000, &frame, 1);
	assert_string_equal(frame.module, "/lib/libc.so.6");
	assert_int_equal(frame.offset, 0x200000);
	frames_resolve(NULL, &process, AT(first_function) + 5, &frame, 1);
	assert_string_equal(frame.module, "/srv/app");
	assert_null(frame.symbol);
	frames_free(frames);
}

/* A file is read once, whatever it is called. */
static void test_shared_file(void **state)
{
	struct snapshot_module other_name = modules[0];
	struct snapshot_process other = { .module_count = 1, .modules = &other_name };
	struct frames *frames = frames_new();
	struct frame here, there;

	(void)state;
	other_name.path = "/other";
	other_name.open_path = "/proc/thread-self/exe";
	frames_resolve(frames, &process, AT(first_function) + 1, &here, 1);
	frames_resolve(frames, &other, AT(first_function) + 1, &there, 1);
	assert_string_equal(there.module, "/other");
	assert_ptr_equal(here.symbol, there.symbol);
	frames_free(frames);
}

static bool finds(const struct snapshot_module *module)
{
	struct snapshot_process other = { .module_count = 1, .modules = module };
	struct frames *frames = frames_new();
	struct frame frame;
	bool found;

	frames_resolve(frames, &other, AT(first_function) + 1, &frame, 1);
	found = frame.symbol != NULL;
	frames_free(frames);
	return found;
}

/* When the process and its /proc are gone, its file is found by name, if it is the same. */
static void test_exited_process(void **state)
{
	struct snapshot_module gone = modules[0];
	struct symbol_file *file;

	(void)state;
	assert_int_equal(symbol_file_open("/proc/self/exe", &file), 0);
	assert_true(strlen(symbol_file_build_id(file)) >= 16);
	gone.open_path = "/proc/0/exe";
	gone.path = "/proc/self/exe";
	gone.build_id = symbol_file_build_id(file);
	assert_true(finds(&gone));
	gone.build_id = "0123456789abcdef";
	assert_false(finds(&gone));
	gone.build_id = "";
	assert_false(finds(&gone));
	/* What lies at the place now is another file: its names would be lies. */
	gone.open_path = "/proc/self/exe";
	assert_true(finds(&gone));
	gone.build_id = "0123456789abcdef";
	assert_false(finds(&gone));
	symbol_file_close(file);
}

static bool runtime(const char *module, const char *symbol)
{
	const struct frame frame = { .module = module, .symbol = symbol };

	return frame_is_runtime(&frame);
}

static void test_runtime(void **state)
{
	(void)state;
	assert_true(runtime("/lib/x86_64-linux-gnu/libc.so.6", "strdup"));
	assert_true(runtime("/lib/x86_64-linux-gnu/libc-2.31.so", NULL));
	assert_true(runtime("/lib64/ld-linux-x86-64.so.2", NULL));
	assert_true(runtime("/usr/lib/libstdc++.so.6.0.30", "_Znwm"));
	assert_true(runtime("/srv/app", "operator new"));
	assert_true(runtime("/usr/lib/libglib-2.0.so.0", "g_malloc0"));
	assert_true(runtime("/srv/app", "std::vector<int, std::allocator<int> >::push_back"));
	assert_true(runtime("/srv/app", "<alloc::vec::Vec<T> as core::clone::Clone>::clone"));
	assert_false(runtime("/srv/app", "core::engine::make"));
	assert_false(runtime("/srv/app", "stdx::make"));
	assert_false(runtime("/usr/lib/libcurl.so.4", "Curl_open"));
	assert_false(runtime("/usr/lib/libc.so.d/plugin.so", "work"));
	assert_false(runtime("/srv/app", "malloc_tests"));
	assert_false(runtime(NULL, NULL));
}

static void test_without_start(void **state)
{
	static const struct frame of_main[] = {
		{ .symbol = "work", .module = "/srv/app" },
		{ .symbol = "main", .module = "/srv/app" },
		{ .module = "/lib/libc.so.6" },
		{ .symbol = "__libc_start_main", .module = "/lib/libc.so.6" },
		{ .module = "/srv/app" }, /* _start, stripped */
	};
	static const struct frame of_static[] = {
		{ .symbol = "start_worker", .module = "/srv/app" },
		{ .symbol = "start_thread", .module = "/srv/app" },
		{ .symbol = "clone3", .module = "/srv/app" },
	};
	static const struct frame callback[] = {
		{ .symbol = "compare", .module = "/srv/app" },
		{ .symbol = "qsort", .module = "/lib/libc.so.6" },
		{ .module = "/srv/app" },
		{ .symbol = "work", .module = "/srv/app" },
	};

	(void)state;
	assert_int_equal(frames_without_start(of_main, 5), 2);
	assert_int_equal(frames_without_start(of_static, 3), 1);
	assert_int_equal(frames_without_start(callback, 4), 4);
	assert_int_equal(frames_without_start(of_main + 2, 3), 3); /* nothing else is there */
	assert_int_equal(frames_without_start(of_main, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_return_address), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_shared_file),    cmocka_unit_test(test_exited_process),
		cmocka_unit_test(test_runtime),	       cmocka_unit_test(test_without_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
