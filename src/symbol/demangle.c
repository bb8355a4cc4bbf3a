/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libiberty does the work; this keeps it within bounds. A mangled name can refer
 * back to its own parts, parts of parts included, so that a hostile one of a
 * hundred bytes stands for gigabytes. libiberty hands the text out piece by piece
 * and has no way to be told to stop, so the first piece beyond the buffer jumps
 * out of it. That is sound: its callback interface works on its stack alone
 * (but for Rust's Unicode identifiers, which may lose a few bytes then).
 */
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

/* Of a mangled name. libiberty refuses C++ names beyond 1024 by itself. */
#define MAX_MANGLED 8192

struct output {
	char *buffer;
	size_t used, size;
	jmp_buf full;
};

static void append(const char *text, size_t length, void *opaque)
{
	struct output *output = opaque;

	if (length >= output->size - output->used)
		longjmp(output->full, 1);
	memcpy(output->buffer + output->used, text, length);
	output->used += length;
}

/* Rust first: its older scheme is C++'s with a hash as the innermost name. */
static bool run(const char *name, struct output *output)
{
	if (setjmp(output->full))
		return false;
	if (rust_demangle_callback(name, DMGL_NO_OPTS, append, output))
		return true;
	output->used = 0;
	return strncmp(name, "_Z", 2) == 0 &&
	       cplus_demangle_v3_callback(name, DMGL_NO_OPTS, append, output);
}

char *demangle(const char *name, char *buffer, size_t size)
{
	struct output output = { .buffer = buffer,
				 .size = size < DEMANGLE_BYTES ? size : DEMANGLE_BYTES };

	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') || size == 0 ||
	    strnlen(name, MAX_MANGLED) == MAX_MANGLED || !run(name, &output) || output.used == 0)
		return NULL;
	buffer[output.used] = '\0';
	return buffer;
}
