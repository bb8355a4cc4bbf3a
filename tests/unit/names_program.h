/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs compiled by the tests of names from tests/names, in a folder of their own. */
#ifndef OUTLIVE_TESTS_NAMES_PROGRAM_H
#define OUTLIVE_TESTS_NAMES_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A new folder; `directory` has room for 64 bytes. */
static inline void program_folder(char *directory)
{
	strcpy(directory, "/tmp/outlive-names-XXXXXX");
	assert_non_null(mkdtemp(directory));
}

/* Run a shell command that must succeed; "$D" is the folder, "$S" the sources. */
static inline void program_run(const char *directory, const char *command)
{
	char line[4096];

	snprintf(line, sizeof(line), "D=%s S=%s/names; cd $D && { %s; } >$D/log 2>&1 || { cat $D/log; false; }",
		 directory, TEST_DATA, command);
	if (system(line) != 0)
		fail_msg("failed: %s", command);
}

static inline void program_remove(const char *directory)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", directory);
	assert_int_equal(system(line), 0);
}

/* What a command prints, opened for reading; as program_run. */
static inline FILE *program_read(const char *directory, const char *command)
{
	char line[4096];
	FILE *file;

	snprintf(line, sizeof(line), "D=%s S=%s/names; cd $D && %s", directory, TEST_DATA, command);
	file = popen(line, "r");
	assert_non_null(file);
	return file;
}

/* The address of symbol `name` in `file`, as nm tells it. */
static inline uint64_t program_symbol(const char *directory, const char *file, const char *name)
{
	unsigned long long address = 0;
	char line[256];
	FILE *out;

	snprintf(line, sizeof(line), "nm %s | sed -n 's/ . %s$//p'", file, name);
	out = program_read(directory, line);
	assert_int_equal(fscanf(out, "%llx", &address), 1);
	pclose(out);
	return address;
}

#endif
