/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/allocator.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "base/vec.h"
#include "target/allocator_file.h"
#include "target/mapped_file.h"
#include "target/maps.h"
#include "target/process.h"

static void free_maps(struct maps *maps)
{
	maps_free(maps);
}

void allocator_list_free(struct allocator_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		allocator_file_free(&list->files[i]);
	free(list->files);
	map_free(&list->others);
	memset(list, 0, sizeof(*list));
}

static struct allocator_file *known_file(struct allocator_list *list, const struct stat *stat)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->files[i].dev == stat->st_dev && list->files[i].inode == stat->st_ino)
			return &list->files[i];
	}
	return NULL;
}

/* Look at the file of one mapping. Returns how many allocator functions of it can be
 * probed, or -ENOMEM; a file that is no allocator, or not readable, has none. */
static int look_at(uint32_t pid, const struct mapping *row, const struct stat *program,
		   struct allocator_list *list)
{
	struct allocator_file *known;
	struct allocator_file file;
	struct stat stat;
	bool is_program;
	uint32_t failed;
	uint64_t key;
	int fd = mapped_file_open(pid, row, &stat);
	int err;

	list->looked_at++;
	if (fd < 0) {
		list->unreadable++;
		log_line("process %" PRIu32 ": cannot open %s: %s", pid, row->path, strerror(-fd));
		return 0;
	}
	known = known_file(list, &stat);
	if (known) {
		close(fd);
		return (int)known->call_count;
	}
	is_program = stat.st_dev == program->st_dev && stat.st_ino == program->st_ino;
	key = hash_mix(hash_mix(stat.st_ino) ^ stat.st_dev) ^ is_program;
	if (map_get(&list->others, key, &failed)) {
		list->unreadable += failed;
		close(fd);
		return 0;
	}
	err = allocator_take(row->path, fd, &stat, is_program, &file);
	if (err == -ENOMEM)
		return err;
	if (err) {
		list->unreadable += err != -ENODATA;
		return map_set(&list->others, key, err != -ENODATA);
	}
	if (list->count >= ALLOCATOR_MAX_FILES) {
		list->left_out++;
		allocator_file_free(&file);
		return 0;
	}
	err = VEC_PUSH_ROOM(list->files, list->count, list->capacity);
	if (err) {
		allocator_file_free(&file);
		return err;
	}
	list->files[list->count++] = file;
	list->leaves = list->leaves || file.leave_count;
	return (int)file.call_count;
}

static int nothing_found(uint32_t pid, size_t files, struct error *error)
{
	struct process_info info = { .comm = "?" };
	char comm[4 * WIRE_COMM_BYTES];

	process_read(pid, &info);
	text_clean(comm, sizeof(comm), info.comm, sizeof(info.comm));
	return error_set(error, -ENOENT,
			 "Trace a dynamically linked build, or a static one with its symbol table.",
			 "process %" PRIu32 " (%s) has no malloc to watch: none of its %zu program "
			 "files defines malloc, calloc, realloc, free or their kin (a static or "
			 "stripped program?)", pid, comm, files);
}

int allocator_find(uint32_t pid, struct allocator_list *list, struct error *error)
{
	__attribute__((cleanup(free_maps))) struct maps maps = { 0 };
	__attribute__((cleanup(map_free))) struct map seen = { 0 };
	struct stat program = { 0 };
	size_t functions = 0, files = 0;
	char path[64];
	int err = maps_read(pid, &maps);

	if (err)
		return error_set(error, err, err == -ESRCH ? "It may have ended." : "Run outlive as root.",
				 "cannot read the memory map of process %" PRIu32 ": %s", pid,
				 strerror(-err));
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	if (stat(path, &program))
		log_line("process %" PRIu32 ": %s: %s", pid, path, strerror(errno));
	for (size_t i = 0; i < maps.count; i++) {
		const struct mapping *row = &maps.rows[i];
		uint64_t key = hash_mix(row->inode) ^ ((uint64_t)row->dev_major << 32 | row->dev_minor);
		uint32_t before;
		int found;

		if (!(row->prot & PROT_EXEC) || row->inode == 0 || row->path[0] != '/' ||
		    map_get(&seen, key, &before))
			continue;
		err = map_set(&seen, key, i);
		found = err ? err : look_at(pid, row, &program, list);
		if (found < 0)
			return error_set(error, found, "", "out of memory");
		functions += found;
		files++;
	}
	return functions ? 0 : nothing_found(pid, files, error);
}
