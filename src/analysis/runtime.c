/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which frames are machinery, and which the program's own: rules by name. */
#include <string.h>

#include "analysis/frames.h"
#include "base/cleanup.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_prefix(const char *text, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* glibc (also as libc-2.31.so, before 2.34) and musl, whose libc is its linker. */
static const char *const libc_files[] = {
	"libc.so", "libc-2.", "libpthread.so", "libpthread-2.", "ld-linux", "ld-2.", "ld-musl-",
};

static const char *const cxx_files[] = { "libstdc++.so", "libc++.so", "libc++abi.so", "libgcc_s" };

/* By which interpreters call C functions whose types they learn only as they run. */
static const char *const call_files[] = { "libffi.so", "_ctypes." };

/*
 * Functions that hand an allocation through and do nothing else: the site is
 * their caller's. C++, Rust; glib, redis, CPython.
 */
static const char *const wrappers[] = {
	"operator new", "__rust_alloc", "__rust_realloc", "__rdl_", "__rg_", "g_malloc", "g_realloc",
	"g_try_malloc", "g_slice_alloc", "xmalloc", "xcalloc", "xrealloc", "zmalloc", "zcalloc",
	"zrealloc", "ztrymalloc", "ztrycalloc", "ztryrealloc", "PyMem_Malloc", "PyMem_Calloc",
	"PyMem_Realloc", "PyMem_Raw", "_PyMem_Raw", "PyObject_Malloc", "PyObject_Calloc",
	"PyObject_Realloc", "_PyObject_Malloc", "_PyObject_Calloc", "_PyObject_Realloc",
};

/*
 * Templates and generics of the standard libraries are compiled into the program
 * that uses them. Of Rust's crates the modules are named, since a C++ program may
 * well have a namespace "core" or "alloc" of its own.
 */
static const char *const standard[] = {
	"std::", "<std::", "__gnu_cxx::", "alloc::alloc::", "alloc::borrow::", "alloc::boxed::",
	"alloc::collections::", "alloc::fmt::", "alloc::raw_vec::", "alloc::rc::", "alloc::slice::",
	"alloc::str::", "alloc::string::", "alloc::sync::", "alloc::vec::", "<alloc::",
	"core::clone::", "core::iter::", "core::ops::function::", "core::option::", "core::ptr::",
	"core::result::", "<core::", "hashbrown::", "<hashbrown::",
};

/* By which a program or a thread begins, where libc's symbols are at hand. */
static const char *const starts[] = {
	"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
	"start_thread", "clone", "__clone", "clone3", "__clone3",
};

/* Sources of the standard libraries: GNU's and LLVM's C++ headers, Rust's crates as
 * they come compiled with it. */
static const char *const standard_sources[] = { "/include/c++/", "/rustc/", "/lib/rustlib/src/" };

static bool has_part(const char *text, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(text, parts[i]))
			return true;
	}
	return false;
}

static bool in_libc(const struct frame *frame)
{
	return frame->module && has_prefix(base_name(frame->module), libc_files,
					   ARRAY_LENGTH(libc_files));
}

bool frame_is_runtime(const struct frame *frame)
{
	if (frame->symbol && (has_prefix(frame->symbol, wrappers, ARRAY_LENGTH(wrappers)) ||
			      has_prefix(frame->symbol, standard, ARRAY_LENGTH(standard))))
		return true;
	if (frame->file && has_part(frame->file, standard_sources, ARRAY_LENGTH(standard_sources)))
		return true;
	if (!frame->module)
		return false;
	return in_libc(frame) ||
	       has_prefix(base_name(frame->module), cxx_files, ARRAY_LENGTH(cxx_files)) ||
	       has_prefix(base_name(frame->module), call_files, ARRAY_LENGTH(call_files));
}

static bool named_start(const struct frame *frame)
{
	for (size_t i = 0; frame->symbol && i < ARRAY_LENGTH(starts); i++) {
		if (strcmp(frame->symbol, starts[i]) == 0)
			return true;
	}
	return false;
}

size_t frames_without_start(const struct frame *frames, size_t count)
{
	size_t kept = count;

	/* A stripped program's _start has no name, but only it lies outside of libc's frames. */
	if (kept >= 2 && !frames[kept - 1].symbol && in_libc(&frames[kept - 2]))
		kept--;
	while (kept && (in_libc(&frames[kept - 1]) || named_start(&frames[kept - 1])))
		kept--;
	return kept ? kept : count;
}
