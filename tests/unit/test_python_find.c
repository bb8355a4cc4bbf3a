/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the interpreter: every CPython of this machine is started, and must be
 * found with its version, a layout that its memory agrees with, and the slot in
 * which it keeps thread states. And layouts that interpreters describe themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/binaries.h"
#include "capture/python_find.h"

/* It says its version, and then waits until we have looked. */
static const char program[] =
	"import sys, threading\n"
	"thread = threading.Thread(target=sys.stdin.read)\n"
	"thread.start()\n"
	"sys.stdout.write('%d %d\\n' % sys.version_info[:2])\n"
	"sys.stdout.flush()\n"
	"thread.join()\n";

struct running {
	pid_t pid;
	FILE *input, *output;
	unsigned int major, minor;
};

static void start(const char *path, struct running *ret_running)
{
	int input[2], output[2];

	assert_int_equal(pipe(input), 0);
	assert_int_equal(pipe(output), 0);
	ret_running->pid = fork();
	assert_true(ret_running->pid >= 0);
	if (ret_running->pid == 0) {
		dup2(input[0], 0);
		dup2(output[1], 1);
		close(input[1]);
		close(output[0]);
		execl(path, path, "-c", program, NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	ret_running->input = fdopen(input[1], "w");
	ret_running->output = fdopen(output[0], "r");
	assert_int_equal(fscanf(ret_running->output, "%u %u", &ret_running->major,
				&ret_running->minor), 2);
}

static void end(struct running *running)
{
	fclose(running->input);
	fclose(running->output);
	assert_int_equal(waitpid(running->pid, NULL, 0), running->pid);
}

/* The same file by another name, as a program that has the interpreter linked into it. */
static void check_without_name(const struct binary_mapping *mapping,
			       const struct python_found *by_name)
{
	struct binary_mapping renamed = *mapping;
	struct python_found found;

	renamed.path = "/opt/app";
	assert_int_equal(python_find(&renamed, &found), 0);
	assert_int_equal(found.layout.version, by_name->layout.version);
	assert_int_equal(found.own[0].end, 0); /* the rest of it may be the program's own */
	assert_memory_equal(found.eval, by_name->eval, sizeof(found.eval));
}

static bool find_in(uint32_t pid, struct binaries *binaries, struct python_found *ret_found)
{
	struct binary_mapping mapping;
	int found = 0;

	assert_int_equal(binaries_scan(binaries, pid), 0);
	for (size_t i = 0; binaries_mapping(binaries, i, &mapping); i++) {
		if (python_in_file(mapping.elf)) {
			assert_int_equal(python_find(&mapping, ret_found), 0);
			assert_true(ret_found->own[0].start == mapping.start);
			check_without_name(&mapping, ret_found);
			found++;
		}
	}
	assert_true(found <= 1);
	return found;
}

static void check_interpreter(const char *path)
{
	struct unwinds *unwinds = unwinds_new(UNWIND_MEMORY_DEFAULT);
	struct binaries *binaries = binaries_new(unwinds);
	struct python_found found;
	struct running running;
	uint32_t pid;
	int slot;

	start(path, &running);
	pid = (uint32_t)running.pid;
	assert_true(find_in(pid, binaries, &found));
	assert_int_equal(found.layout.version, PYTHON_VERSION(running.major, running.minor));
	assert_true(found.eval[0].end > found.eval[0].start + 1000);
	slot = python_find_slot(pid, &found);
	/* 2.7 has none; anything below 0 says that memory is not as the layout has it. */
	if (running.major == 2)
		assert_int_equal(slot, 0);
	else
		assert_in_range(slot, 0x318, 0x318 + 31 * 16);
	/* A layout that is wrong is found out. */
	found.layout.thread_interp += 8;
	assert_int_equal(python_find_slot(pid, &found), -EBADMSG);
	end(&running);
	binaries_free(binaries);
	unwinds_free(unwinds);
}

static void every_interpreter(void **state)
{
	char pyenv[512];
	const char *const patterns[] = { "/usr/bin/python3", pyenv };
	size_t checked = 0;

	(void)state;
	snprintf(pyenv, sizeof(pyenv), "%s/.pyenv/versions/*/bin/python", getenv("HOME"));
	signal(SIGPIPE, SIG_IGN);
	for (size_t p = 0; p < ARRAY_LENGTH(patterns); p++) {
		glob_t paths = { 0 };

		if (glob(patterns[p], 0, NULL, &paths) != 0)
			continue;
		for (size_t i = 0; i < paths.gl_pathc; i++, checked++)
			check_interpreter(paths.gl_pathv[i]);
		globfree(&paths);
	}
	assert_true(checked > 0);
}

static void no_interpreter(void **state)
{
	struct unwinds *unwinds = unwinds_new(UNWIND_MEMORY_DEFAULT);
	struct binaries *binaries = binaries_new(unwinds);
	struct python_found found;

	(void)state;
	assert_false(find_in((uint32_t)getpid(), binaries, &found));
	binaries_free(binaries);
	unwinds_free(unwinds);
}

static void versions_of_names(void **state)
{
	(void)state;
	assert_int_equal(python_version_of_name("/usr/lib/libpython3.6m.so.1.0"), 0x306);
	assert_int_equal(python_version_of_name("/usr/bin/python2.7"), 0x207);
	assert_int_equal(python_version_of_name("python3.10"), 0x30a);
	assert_int_equal(python_version_of_name("/usr/bin/python3"), 0);
	assert_int_equal(python_version_of_name("/opt/python3.9/bin/uwsgi"), 0);
	assert_int_equal(python_version_of_name("python3."), 0);
	assert_int_equal(python_version_of_name("python3.99999999999999999999"), 0);
	assert_int_equal(python_version_of_name(""), 0);
}

/* A version's table of its own offsets, each of a value of its own. */
static void put_self(uint8_t *bytes, uint64_t version, const uint16_t *places,
		     const uint64_t *values, size_t count)
{
	memset(bytes, 0, PYTHON_SELF_BYTES);
	memcpy(bytes, "xdebugpy", 8);
	memcpy(bytes + 8, &version, 8);
	for (size_t i = 0; i < count; i++)
		memcpy(bytes + places[i], &values[i], 8);
}

static const uint64_t self_values[] = { 632, 7336, 7344, 8, 16, 72, 152, 8, 0, 56, 70, 112, 120,
					136, 68, 200 };

static void check_self(uint64_t version, const uint16_t *places, uint8_t tag_bits)
{
	uint8_t bytes[PYTHON_SELF_BYTES];
	struct python_layout layout;
	uint64_t wrong = 1 << 30;

	put_self(bytes, version, places, self_values, ARRAY_LENGTH(self_values));
	assert_int_equal(python_layout_read(bytes, &layout), 0);
	assert_int_equal(layout.runtime_head, 632);
	assert_int_equal(layout.walk.interp_next, 7336);
	assert_int_equal(layout.walk.interp_threads, 7344);
	assert_int_equal(layout.walk.thread_next, 8);
	assert_int_equal(layout.thread_interp, 16);
	assert_int_equal(layout.walk.thread_frame, 72);
	assert_int_equal(layout.walk.thread_id, 152);
	assert_int_equal(layout.walk.back, 8);
	assert_int_equal(layout.walk.code, 0);
	assert_int_equal(layout.walk.last, 56);
	assert_int_equal(layout.walk.kind, 70);
	assert_int_equal(layout.walk.frame_bytes, 72);
	assert_int_equal(layout.walk.code_names, 112);
	assert_int_equal(layout.walk.tag_bits, tag_bits);
	assert_int_equal(layout.code_line_table, 136);
	assert_int_equal(layout.code_first_line, 68);
	assert_int_equal(layout.code_instructions, 200);
	memcpy(bytes + places[5], &wrong, 8);
	assert_int_equal(python_layout_read(bytes, &layout), -EBADMSG);
	put_self(bytes, version, places, self_values, ARRAY_LENGTH(self_values));
	bytes[16] = 1; /* no GIL */
	assert_int_equal(python_layout_read(bytes, &layout), -ENOTSUP);
	put_self(bytes, 0x30f00f0, places, self_values, ARRAY_LENGTH(self_values));
	assert_int_equal(python_layout_read(bytes, &layout), -ENOTSUP);
	bytes[0] = 'y';
	assert_int_equal(python_layout_read(bytes, &layout), -ENOENT);
}

static void layouts_by_their_own_account(void **state)
{
	/* Places in struct _Py_DebugOffsets, as 3.13 and 3.14 have them. */
	static const uint16_t in_3_13[] = { 40, 64, 72, 168, 176, 184, 192, 232, 240, 248, 264, 280,
					    288, 304, 312, 344 };
	static const uint16_t in_3_14[] = { 40, 64, 72, 192, 200, 208, 216, 256, 264, 272, 288, 320,
					    328, 344, 352, 384 };

	(void)state;
	check_self(0x30d00f0, in_3_13, 0);
	check_self(0x30e00f0, in_3_14, 3);
}

/* Offsets that would have BPF read beyond what it has of a frame. */
static void offsets_without_sense(void **state)
{
	static const uint16_t places[] = { 40, 64, 72, 168, 176, 184, 192, 232, 240, 248, 264, 280,
					   288, 304, 312, 344 };
	static const struct {
		size_t which;
		uint64_t value;
	} wrong[] = { { 7, 80 }, { 7, 12 }, { 8, 128 }, { 9, 64 + 8 }, { 9, 57 }, { 10, 200 },
		      { 12, 112 }, { 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		uint64_t values[ARRAY_LENGTH(self_values)];
		uint8_t bytes[PYTHON_SELF_BYTES];
		struct python_layout layout;

		memcpy(values, self_values, sizeof(values));
		values[wrong[i].which] = wrong[i].value;
		put_self(bytes, 0x30d00f0, places, values, ARRAY_LENGTH(values));
		assert_int_equal(python_layout_read(bytes, &layout), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_interpreter),
		cmocka_unit_test(no_interpreter),
		cmocka_unit_test(versions_of_names),
		cmocka_unit_test(layouts_by_their_own_account),
		cmocka_unit_test(offsets_without_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
