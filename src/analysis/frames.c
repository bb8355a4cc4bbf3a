/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are cached twice over. By name first (open path and build-id), so that
 * the next frame of the same module costs one hash of a string; then by what the
 * file is (device, inode, size, time), so that a hundred processes with the same
 * libc read it once. A build-id alone would not do as the key: a hostile program
 * can carry libc's and have everybody else's frames named by its own symbols.
 */
#include "analysis/frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "ledger/modules.h"
#include "symbol/names.h"
#include "symbol/perf_map.h"
#include "symbol/recorded_names.h"
#include "target/process.h"

#define NO_FILE UINT32_MAX

/* A file read, by what it is. */
struct known_file {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	struct names *names;
};

/* A module asked for, by what it is called. */
struct known_name {
	char *open_path, *build_id;
	uint32_t file; /* NO_FILE: nothing could be read */
};

/* A process whose code lies outside of all files. */
struct known_process {
	uint32_t pid;
	uint64_t start_ns;
	struct perf_map *map; /* NULL: it has none */
};

struct frames {
	bool live, debuginfod;
	const struct recorded_names *recorded; /* NULL: none */
	struct known_file *files;
	size_t file_count, file_capacity;
	struct known_name *names;
	size_t name_count, name_capacity;
	struct map by_name; /* hash of a known_name to its index */
	struct known_process *processes;
	size_t process_count, process_capacity;
};

struct frames *frames_new(void)
{
	return calloc(1, sizeof(struct frames));
}

void frames_set_sources(struct frames *frames, bool live, bool debuginfod)
{
	frames->live = live;
	frames->debuginfod = debuginfod;
}

void frames_set_recorded(struct frames *frames, const struct recorded_names *recorded)
{
	frames->recorded = recorded;
}

void frames_free(struct frames *frames)
{
	if (!frames)
		return;
	for (size_t i = 0; i < frames->file_count; i++)
		names_close(frames->files[i].names);
	for (size_t i = 0; i < frames->name_count; i++) {
		free(frames->names[i].open_path);
		free(frames->names[i].build_id);
	}
	for (size_t i = 0; i < frames->process_count; i++)
		perf_map_free(frames->processes[i].map);
	free(frames->processes);
	free(frames->files);
	free(frames->names);
	map_free(&frames->by_name);
	free(frames);
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
	if (names_open(path, &file->names) < 0)
		return NO_FILE;
	return (uint32_t)frames->file_count++;
}

/* The file at `path`, unless its build-id says that it is not the module's. */
static uint32_t matching_file(struct frames *frames, const char *path, const char *build_id)
{
	uint32_t file = file_by_path(frames, path);

	if (file != NO_FILE && build_id[0] &&
	    strcmp(names_build_id(frames->files[file].names), build_id) != 0)
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

static struct names *module_names(struct frames *frames, const struct snapshot_module *module)
{
	uint64_t hash = hash_text(hash_text(HASH_TEXT, module->open_path),
				  module->build_id);
	uint32_t index, file;

	for (; map_get(&frames->by_name, hash, &index); hash = hash_mix(hash + 1)) {
		const struct known_name *name = &frames->names[index];

		if (strcmp(name->open_path, module->open_path) != 0 ||
		    strcmp(name->build_id, module->build_id) != 0)
			continue;
		return name->file == NO_FILE ? NULL : frames->files[name->file].names;
	}
	file = file_of_module(frames, module);
	remember(frames, hash, module, file);
	return file == NO_FILE ? NULL : frames->files[file].names;
}

const struct snapshot_module *frames_module(const struct snapshot_process *process,
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

/* In a replay a pid means nothing any more. */
static bool is_alive(const struct frames *frames, const struct snapshot_process *process)
{
	return frames->live && process_alive(process->pid, process->start_ns);
}

static struct perf_map *process_map(struct frames *frames, const struct snapshot_process *process)
{
	struct known_process *known;

	for (size_t i = 0; i < frames->process_count; i++) {
		known = &frames->processes[i];
		if (known->pid == process->pid && known->start_ns == process->start_ns)
			return known->map;
	}
	if (!frames->live ||
	    VEC_PUSH_ROOM(frames->processes, frames->process_count, frames->process_capacity) < 0)
		return NULL;
	known = &frames->processes[frames->process_count++];
	*known = (struct known_process){ .pid = process->pid, .start_ns = process->start_ns };
	if (perf_map_open(process->pid, process->start_ns, is_alive(frames, process),
			  &known->map) < 0)
		known->map = NULL;
	return known->map;
}

/* Code that lies in no file: made while the program ran. */
static size_t resolve_made(struct frames *frames, const struct snapshot_process *process,
			   uint64_t call, struct frame *frame)
{
	const struct perf_map *map = frames ? process_map(frames, process) : NULL;
	uint64_t start;

	frame->symbol = map ? perf_map_lookup(map, call, &start) : NULL;
	if (frame->symbol)
		frame->offset = frame->address - start;
	return 1;
}

static size_t lookup(struct frames *frames, const struct snapshot_process *process,
		     const struct snapshot_module *module, uint64_t vaddr,
		     struct name_frame found[NAMES_FRAMES_MAX], uint64_t *ret_start)
{
	struct names *names = module_names(frames, module);
	struct debug_search search = { .roots = { NULL, "/" },
				       .path = module->path,
				       .debuginfod = frames->debuginfod };
	char root[32];

	if (!names)
		return 0;
	if (!names_prepared(names) && is_alive(frames, process)) {
		snprintf(root, sizeof(root), "/proc/%" PRIu32 "/root", process->pid);
		search.roots[0] = root;
	}
	return names_lookup(names, &search, vaddr, found, NAMES_FRAMES_MAX, ret_start);
}

/* What the recording calls the address; `frame` has what its frames share. */
static size_t resolve_recorded(const struct frames *frames, const struct snapshot_process *process,
			       const struct frame *frame, struct frame *ret_frames, size_t room)
{
	const struct recorded_place place = {
		.pid = process->pid,
		.start_ns = process->start_ns,
		.address = frame->address,
	};
	struct recorded_frame found[FRAMES_OF_ADDRESS_MAX];
	size_t count = recorded_names_find(frames->recorded, &place, found,
					   room < ARRAY_LENGTH(found) ? room : ARRAY_LENGTH(found));

	for (size_t i = 0; i < count; i++) {
		ret_frames[i] = *frame;
		ret_frames[i].symbol = found[i].symbol;
		ret_frames[i].file = found[i].file;
		ret_frames[i].offset = found[i].offset;
		ret_frames[i].line = found[i].line;
		ret_frames[i].inlined = found[i].inlined;
	}
	return count;
}

static size_t resolve(struct frames *frames, const struct snapshot_process *process,
		      uint64_t address, struct frame *ret_frames, size_t room)
{
	uint64_t call = address ? address - 1 : 0, start = 0;
	const struct snapshot_module *module = frames_module(process, call);
	struct frame frame = { .address = address, .language = "native" };
	struct name_frame found[NAMES_FRAMES_MAX];
	size_t count, skipped;

	*ret_frames = frame;
	frame.module = module ? module->path : NULL;
	count = frames && frames->recorded ?
			resolve_recorded(frames, process, &frame, ret_frames, room) : 0;
	if (count)
		return count;
	if (!module)
		return resolve_made(frames, process, call, ret_frames);
	frame.offset = address - module->bias;
	count = frames ? lookup(frames, process, module, call - module->bias, found, &start) : 0;
	if (count == 0) {
		*ret_frames = frame;
		return 1;
	}
	frame.offset -= start;
	/* Where there is little room the function with code of its own counts most. */
	skipped = count > room ? count - room : 0;
	for (size_t i = skipped; i < count; i++) {
		ret_frames[i - skipped] = frame;
		ret_frames[i - skipped].symbol = found[i].function;
		ret_frames[i - skipped].file = found[i].file;
		ret_frames[i - skipped].line = found[i].line;
		ret_frames[i - skipped].inlined = found[i].inlined;
	}
	return count - skipped;
}

size_t frames_resolve(struct frames *frames, const struct snapshot_process *process,
		      uint64_t address, struct frame *ret_frames, size_t room)
{
	size_t count = resolve(frames, process, address, ret_frames, room);

	/* Of a file in whose place another one lies by now. */
	for (size_t i = 0; i < count; i++) {
		if (ret_frames[i].module)
			ret_frames[i].address = module_address(ret_frames[i].address);
	}
	return count;
}
