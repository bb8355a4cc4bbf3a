/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are cached twice over. By name first (open path and build-id), so that
 * the next frame of the same module costs one hash of a string; then by what the
 * file is (device, inode, size, time), so that a hundred processes with the same
 * libc read it once. A build-id alone would not do as the key: a hostile program
 * can carry libc's and have everybody else's frames named by its own symbols.
 */
#include "analysis/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "symbol/symbol.h"

#define NO_FILE UINT32_MAX

/* A file read, by what it is. */
struct known_file {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	struct symbol_file *symbols;
};

/* A module asked for, by what it is called. */
struct known_name {
	char *open_path, *build_id;
	uint32_t file; /* NO_FILE: nothing could be read */
};

struct frames {
	struct known_file *files;
	size_t file_count, file_capacity;
	struct known_name *names;
	size_t name_count, name_capacity;
	struct map by_name; /* hash of a known_name to its index */
};

struct frames *frames_new(void)
{
	return calloc(1, sizeof(struct frames));
}

void frames_free(struct frames *frames)
{
	if (!frames)
		return;
	for (size_t i = 0; i < frames->file_count; i++)
		symbol_file_close(frames->files[i].symbols);
	for (size_t i = 0; i < frames->name_count; i++) {
		free(frames->names[i].open_path);
		free(frames->names[i].build_id);
	}
	free(frames->files);
	free(frames->names);
	map_free(&frames->by_name);
	free(frames);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull; /* FNV-1a */
	return hash_mix(hash);
}

/* Open `path` unless that file is known. Returns its index, or NO_FILE. */
static uint32_t file_by_path(struct frames *frames, const char *path)
{
	struct known_file *file;
	struct stat status;

	if (stat(path, &status) < 0)
		return NO_FILE;
	for (size_t i = 0; i < frames->file_count; i++) {
		file = &frames->files[i];
		if (file->inode == status.st_ino && file->device == status.st_dev &&
		    file->size == status.st_size &&
		    memcmp(&file->changed, &status.st_mtim, sizeof(file->changed)) == 0)
			return (uint32_t)i;
	}
	if (VEC_PUSH_ROOM(frames->files, frames->file_count, frames->file_capacity) < 0)
		return NO_FILE;
	file = &frames->files[frames->file_count];
	*file = (struct known_file){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.changed = status.st_mtim,
	};
	if (symbol_file_open(path, &file->symbols) < 0)
		return NO_FILE;
	return (uint32_t)frames->file_count++;
}

/* The file at `path`, unless its build-id says that it is not the module's. */
static uint32_t matching_file(struct frames *frames, const char *path, const char *build_id)
{
	uint32_t file = file_by_path(frames, path);

	if (file != NO_FILE && build_id[0] &&
	    strcmp(symbol_file_build_id(frames->files[file].symbols), build_id) != 0)
		return NO_FILE;
	return file;
}

/*
 * `open_path` leads through /proc: it may be gone with the process, or in a replay
 * mean something else by now. Then the path as the target named it will do, if
 * there is a build-id to say that it is the same file.
 */
static uint32_t file_of_module(struct frames *frames, const struct snapshot_module *module)
{
	uint32_t file = matching_file(frames, module->open_path, module->build_id);

	if (file == NO_FILE && module->build_id[0] && module->path[0] == '/')
		file = matching_file(frames, module->path, module->build_id);
	return file;
}

static void remember(struct frames *frames, uint64_t hash, const struct snapshot_module *module,
		     uint32_t file)
{
	struct known_name name = {
		.open_path = strdup(module->open_path),
		.build_id = strdup(module->build_id),
		.file = file,
	};

	if (!name.open_path || !name.build_id ||
	    VEC_PUSH_ROOM(frames->names, frames->name_count, frames->name_capacity) < 0 ||
	    map_set(&frames->by_name, hash, (uint32_t)frames->name_count) < 0) {
		free(name.open_path);
		free(name.build_id);
		return;
	}
	frames->names[frames->name_count++] = name;
}

static const struct symbol_file *module_symbols(struct frames *frames,
						const struct snapshot_module *module)
{
	uint64_t hash = hash_text(hash_text(0xcbf29ce484222325ull, module->open_path),
				  module->build_id);
	uint32_t index, file;

	for (; map_get(&frames->by_name, hash, &index); hash = hash_mix(hash + 1)) {
		const struct known_name *name = &frames->names[index];

		if (strcmp(name->open_path, module->open_path) != 0 ||
		    strcmp(name->build_id, module->build_id) != 0)
			continue;
		return name->file == NO_FILE ? NULL : frames->files[name->file].symbols;
	}
	file = file_of_module(frames, module);
	remember(frames, hash, module, file);
	return file == NO_FILE ? NULL : frames->files[file].symbols;
}

static const struct snapshot_module *find_module(const struct snapshot_process *process,
						 uint64_t address)
{
	size_t low = 0, high = process->module_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (process->modules[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= process->modules[low - 1].end)
		return NULL;
	return &process->modules[low - 1];
}

void frames_resolve(struct frames *frames, const struct snapshot_process *process,
		    uint64_t address, struct frame *ret_frame)
{
	uint64_t call = address ? address - 1 : 0, start;
	const struct snapshot_module *module = find_module(process, call);
	const struct symbol_file *symbols;

	*ret_frame = (struct frame){ .address = address, .language = "native" };
	if (!module)
		return;
	ret_frame->module = module->path;
	ret_frame->offset = address - module->bias;
	symbols = frames ? module_symbols(frames, module) : NULL;
	if (!symbols)
		return;
	ret_frame->symbol = symbol_file_lookup(symbols, call - module->bias, &start);
	if (ret_frame->symbol)
		ret_frame->offset = address - module->bias - start;
}

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
 * their caller's. C++ operator new by its mangled names; glib, redis, CPython.
 */
static const char *const wrappers[] = {
	"_Znw", "_Zna", "g_malloc", "g_realloc", "g_try_malloc", "g_slice_alloc",
	"xmalloc", "xcalloc", "xrealloc", "zmalloc", "zcalloc", "zrealloc",
	"ztrymalloc", "ztrycalloc", "ztryrealloc", "PyMem_Malloc", "PyMem_Calloc",
	"PyMem_Realloc", "PyMem_Raw", "_PyMem_Raw", "PyObject_Malloc", "PyObject_Calloc",
	"PyObject_Realloc", "_PyObject_Malloc", "_PyObject_Calloc", "_PyObject_Realloc",
};

/* By which a program or a thread begins, where libc's symbols are at hand. */
static const char *const starts[] = {
	"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
	"start_thread", "clone", "__clone", "clone3", "__clone3",
};

static bool in_libc(const struct frame *frame)
{
	return frame->module && has_prefix(base_name(frame->module), libc_files,
					   ARRAY_LENGTH(libc_files));
}

bool frame_is_runtime(const struct frame *frame)
{
	if (frame->symbol && has_prefix(frame->symbol, wrappers, ARRAY_LENGTH(wrappers)))
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
