/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/allocator_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/allocator_plan.h"
#include "target/mapped_file.h"

int allocator_take(const char *path, int fd, const struct stat *stat, bool program,
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
		err = allocator_plan(&file, elf, program);
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

	return fd < 0 ? fd : allocator_take(path, fd, &stat, program, ret_file);
}

void allocator_file_free(struct allocator_file *file)
{
	free(file->path);
	free(file->functions);
	free(file->others);
	free(file->leaves);
	free(file->leave_cookies);
	if (file->fd >= 0)
		close(file->fd);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

/* Where argument `number` (1-based, 0 none) of the row is at the function's probe site. */
static uint8_t register_of(const struct allocator_function *function, uint8_t number)
{
	uint8_t shift = alloc_families[function->family].shift;

	return number ? function->site.registers[number + shift - 1] : 0;
}

uint64_t allocator_cookie(const struct allocator_function *function)
{
	const struct alloc_fn *fn = &alloc_functions[function->function - 1];

	return cookie_pack(function->shape, function->function, register_of(function, fn->size_arg),
			   register_of(function, fn->count_arg), register_of(function, fn->ptr_arg),
			   function->site.offset, function->site.sp_offset);
}

char *allocator_name(uint8_t function, uint8_t family, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s", alloc_families[family].prefix,
		 alloc_function_name(function));
	return buffer;
}

/* Room for the longest name of the file's functions. */
static int name_width(const struct allocator_file *file)
{
	char name[ALLOCATOR_NAME_BYTES];
	size_t width = 15;

	for (size_t i = 0; i < file->function_count; i++) {
		size_t length = strlen(allocator_name(file->functions[i].function,
						      file->functions[i].family, name, sizeof(name)));

		width = length > width ? length : width;
	}
	return (int)width;
}

char *allocator_describe(const struct allocator_file *file, size_t index, char *buffer,
			 size_t size)
{
	const struct allocator_function *function = &file->functions[index];
	char name[ALLOCATOR_NAME_BYTES];

	allocator_name(function->function, function->family, name, sizeof(name));
	snprintf(buffer, size, "%-*s +%-4u %-24s %s%s", name_width(file), name,
		 function->site.offset, function->site.instruction, function->site.reason,
		 function->shape == SHAPE_FREE_CALL
			 ? "; a return probe too: it may call another that frees"
		 : function->shape == SHAPE_ALLOC_LEAVE
			 ? function->dear ? "; at its end two more: an exception may leave it"
					  : "; at its end one more, mostly: an exception may leave it"
			 : "");
	return buffer;
}
