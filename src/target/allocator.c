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
#include "target/allocators.h"
#include "target/mapped_file.h"
#include "target/maps.h"
#include "target/process.h"

static void free_maps(struct maps *maps)
{
	maps_free(maps);
}

void allocator_file_free(struct allocator_file *file)
{
	free(file->path);
	if (file->fd >= 0)
		close(file->fd);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

void allocator_list_free(struct allocator_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		allocator_file_free(&list->files[i]);
	free(list->files);
	map_free(&list->others);
	memset(list, 0, sizeof(*list));
}

uint64_t allocator_cookie(const struct allocator_function *function)
{
	const struct alloc_fn *fn = &alloc_functions[function->function - 1];

	return cookie_pack(fn->shape, function->function, fn->size_arg, fn->count_arg, fn->ptr_arg,
			   function->site.offset, function->site.sp_offset);
}

/* --- one file --------------------------------------------------------------- */

static uint8_t argument_bit(uint8_t argument)
{
	return argument ? 1u << (argument - 1) : 0;
}

static void add_other(struct allocator_file *file, uint8_t function, uint8_t same_as,
		      const char *reason)
{
	struct allocator_other *other = &file->others[file->other_count++];

	other->function = function;
	other->same_as = same_as;
	other->reason = reason;
}

/* Plan the probe of row `function` at `found`. */
static void add_function(struct allocator_file *file, const struct elf_file *elf,
			 uint8_t function, const struct elf_function *found)
{
	const struct alloc_fn *fn = &alloc_functions[function - 1];
	struct allocator_function *added = &file->functions[file->function_count];
	uint8_t code[PLANNER_LOOK];
	struct probe_request request = { .code = code, .vaddr = found->vaddr };
	/* Without a size the function may end anywhere; do not search its neighbours. */
	size_t want = found->size == 0 ? PLANNER_WINDOW
		      : found->size < sizeof(code) ? found->size : sizeof(code);
	long got = elf_file_read(elf, found->vaddr, code, want);

	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].vaddr == found->vaddr) {
			add_other(file, function, file->functions[i].function, "");
			return;
		}
	}
	request.size = got > 0 ? got : 0;
	request.with_return = fn->shape != SHAPE_FREE;
	request.arguments = argument_bit(fn->size_arg) | argument_bit(fn->count_arg) |
			    argument_bit(fn->ptr_arg);
	if (request.size == 0) {
		add_other(file, function, 0, "its code could not be read");
		return;
	}
	planner_choose(&request, &added->site);
	added->function = function;
	added->with_return = request.with_return;
	added->vaddr = found->vaddr;
	added->size = found->size;
	added->file_offset = found->offset + added->site.offset;
	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].file_offset == added->file_offset) {
			add_other(file, function, 0, "its probe site belongs to another function");
			return;
		}
	}
	file->function_count++;
}

static int find_functions(struct allocator_file *file, const struct elf_file *elf, bool program)
{
	const char *names[ALLOCATOR_MAX_FUNCTIONS];
	struct elf_function found[ALLOCATOR_MAX_FUNCTIONS];
	size_t rows = alloc_function_count;
	int err;

	if (rows > ALLOCATOR_MAX_FUNCTIONS)
		rows = ALLOCATOR_MAX_FUNCTIONS;
	for (size_t i = 0; i < rows; i++)
		names[i] = alloc_functions[i].symbol;
	err = elf_file_find(elf, program ? ELF_SYMBOLS_ALL : ELF_SYMBOLS_DYNAMIC, names, rows,
			    found);
	if (err)
		return err;
	for (size_t i = 0; i < rows; i++) {
		if (found[i].found == ELF_FOUND)
			add_function(file, elf, i + 1, &found[i]);
		else if (found[i].found == ELF_INDIRECT)
			add_other(file, i + 1, 0, "an indirect function, chosen at load time");
		else if (found[i].found == ELF_NO_CODE)
			add_other(file, i + 1, 0, "its address is not code of the file");
	}
	return file->function_count || file->other_count ? 0 : -ENODATA;
}

/* Inspect the open file `fd`, which becomes the allocator file's, or is closed on failure. */
static int inspect(const char *path, int fd, const struct stat *stat, bool program,
		   struct allocator_file *ret_file)
{
	struct allocator_file file = { .fd = fd, .dev = stat->st_dev, .inode = stat->st_ino };
	struct elf_file *elf = NULL;
	int copy, err;

	snprintf(file.open_path, sizeof(file.open_path), "/proc/self/fd/%d", fd);
	file.path = strdup(path);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!file.path || copy < 0) {
		err = file.path ? -errno : -ENOMEM;
		if (copy >= 0)
			close(copy);
		allocator_file_free(&file);
		return err;
	}
	err = elf_file_open(copy, &elf);
	if (!err) {
		snprintf(file.build_id, sizeof(file.build_id), "%s", elf_file_build_id(elf));
		err = find_functions(&file, elf, program);
		elf_file_close(elf);
	}
	if (err)
		allocator_file_free(&file);
	else
		*ret_file = file;
	return err;
}

int allocator_inspect(const char *path, const char *open_path, bool program,
		      struct allocator_file *ret_file)
{
	struct stat stat;
	int fd = regular_file_open(open_path, &stat);

	return fd < 0 ? fd : inspect(path, fd, &stat, program, ret_file);
}

/* --- one process -------------------------------------------------------------- */

static struct allocator_file *known_file(struct allocator_list *list, const struct stat *stat)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->files[i].dev == stat->st_dev && list->files[i].inode == stat->st_ino)
			return &list->files[i];
	}
	return NULL;
}

/* Look at the file of one mapping. Returns how many functions of it can be probed, or
 * -ENOMEM; a file that is no allocator, or not readable, has none. */
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
		return known->function_count;
	}
	is_program = stat.st_dev == program->st_dev && stat.st_ino == program->st_ino;
	key = hash_mix(hash_mix(stat.st_ino) ^ stat.st_dev) ^ is_program;
	if (map_get(&list->others, key, &failed)) {
		list->unreadable += failed;
		close(fd);
		return 0;
	}
	err = inspect(row->path, fd, &stat, is_program, &file);
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
	return file.function_count;
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

/* --- for a person -------------------------------------------------------------- */

char *allocator_describe(const struct allocator_file *file, size_t index, char *buffer,
			 size_t size)
{
	const struct allocator_function *function = &file->functions[index];

	snprintf(buffer, size, "%-15s +%-4u %-24s %s", alloc_function_name(function->function),
		 function->site.offset, function->site.instruction, function->site.reason);
	return buffer;
}

char *allocator_describe_other(const struct allocator_file *file, size_t index, char *buffer,
			       size_t size)
{
	const struct allocator_other *other = &file->others[index];

	if (other->same_as)
		snprintf(buffer, size, "%-15s is %s", alloc_function_name(other->function),
			 alloc_function_name(other->same_as));
	else
		snprintf(buffer, size, "%-15s no probe: %s", alloc_function_name(other->function),
			 other->reason);
	return buffer;
}
