/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is malloc: in this process, in a file, and in a process that has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/allocator.h"
#include "target/allocators.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

static uint8_t row_of(const char *name)
{
	for (size_t i = 0; i < alloc_function_count; i++) {
		if (strcmp(alloc_functions[i].symbol, name) == 0)
			return i + 1;
	}
	fail_msg("no row %s", name);
	return 0;
}

static const struct allocator_function *function_of(const struct allocator_file *file,
						    const char *name)
{
	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].function == row_of(name))
			return &file->functions[i];
	}
	return NULL;
}

static const struct allocator_other *other_of(const struct allocator_file *file, const char *name)
{
	for (size_t i = 0; i < file->other_count; i++) {
		if (file->others[i].function == row_of(name))
			return &file->others[i];
	}
	return NULL;
}

/* Everything that holds for any file that was taken in, hostile or not. */
static void check_file(const struct allocator_file *file)
{
	char text[160];

	assert_true(file->function_count + file->other_count > 0);
	assert_true(file->function_count + file->other_count <= ALLOCATOR_MAX_FUNCTIONS);
	for (size_t i = 0; i < file->function_count; i++) {
		const struct allocator_function *function = &file->functions[i];

		assert_true(function->function >= 1 && function->function <= alloc_function_count);
		assert_true(function->site.offset < PLANNER_WINDOW);
		assert_true(function->file_offset <= INT64_MAX);
		assert_true(!function->with_return || function->site.sp_offset == 0);
		for (size_t j = 0; j < i; j++)
			assert_true(function->file_offset != file->functions[j].file_offset);
		allocator_describe(file, i, text, sizeof(text));
		assert_non_null(strstr(text, alloc_function_name(function->function)));
	}
	for (size_t i = 0; i < file->other_count; i++) {
		const struct allocator_other *other = &file->others[i];

		assert_true(other->same_as < other->function || other->family > 0);
		assert_true(other->same_as || other->reason[0]);
		allocator_name(other->function, other->family, text, sizeof(text));
		assert_non_null(strstr(text, alloc_function_name(other->function)));
	}
}

static struct allocator_file *libc_in(struct allocator_list *list)
{
	struct stat stat_of;

	assert_int_equal(stat(LIBC, &stat_of), 0);
	for (size_t i = 0; i < list->count; i++) {
		if (list->files[i].dev == stat_of.st_dev && list->files[i].inode == stat_of.st_ino)
			return &list->files[i];
	}
	fail_msg("libc not found");
	return NULL;
}

static void test_own_process(void **state)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct allocator_list list = { 0 };
	struct link_map *map;
	struct allocator_file *libc;
	struct error error;
	struct stat stat_of;
	size_t count;

	(void)state;
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	assert_int_equal(allocator_find(getpid(), &list, &error), 0);
	assert_true(list.looked_at >= 4);
	assert_int_equal(list.unreadable, 0);
	for (size_t i = 0; i < list.count; i++)
		check_file(&list.files[i]);
	libc = libc_in(&list);
	assert_non_null(strstr(libc->path, "libc.so.6"));
	assert_int_equal(strlen(libc->build_id), 40);
	assert_int_equal(stat(libc->open_path, &stat_of), 0);
	assert_true(stat_of.st_ino == libc->inode && stat_of.st_dev == libc->dev);

	for (size_t i = 0; i < libc->function_count; i++) {
		const struct allocator_function *function = &libc->functions[i];
		const char *name = alloc_function_name(function->function);
		const void *here = (const void *)(function->vaddr + map->l_addr);
		uint8_t code[16];

		assert_ptr_equal(here, dlsym(handle, name));
		/* the file has at that offset what the process executes at that address */
		assert_int_equal(pread(libc->fd, code, sizeof(code), function->file_offset),
				 sizeof(code));
		assert_memory_equal(code, (const char *)here + function->site.offset, sizeof(code));
		assert_int_equal(function->with_return, strcmp(name, "free") != 0);
	}
	/* glibc gives one place two names: the first row of the table has it */
	assert_non_null(function_of(libc, "malloc"));
	assert_non_null(function_of(libc, "free"));
	assert_null(function_of(libc, "cfree"));
	assert_int_equal(other_of(libc, "cfree")->same_as, row_of("free"));
	if (dlsym(handle, "memalign") == dlsym(handle, "aligned_alloc"))
		assert_int_equal(other_of(libc, "aligned_alloc")->same_as, row_of("memalign"));
	assert_int_equal(libc->function_count + libc->other_count, 11); /* glibc 2.36 */

	count = list.count;
	assert_int_equal(allocator_find(getpid(), &list, &error), 0);
	assert_int_equal(list.count, count);
	allocator_list_free(&list);
	assert_int_equal(list.count, 0);
	dlclose(handle);
}

static void test_cookie(void **state)
{
	struct allocator_file file;

	(void)state;
	assert_int_equal(allocator_inspect("libc", LIBC, false, &file), 0);
	assert_string_equal(file.path, "libc");
	for (size_t i = 0; i < file.function_count; i++) {
		const struct alloc_fn *fn = &alloc_functions[file.functions[i].function - 1];
		uint64_t cookie = allocator_cookie(&file.functions[i]);

		assert_int_equal(cookie_shape(cookie), fn->shape);
		assert_int_equal(cookie_function(cookie), file.functions[i].function);
		/* nothing is moved before the sites in glibc */
		assert_int_equal(cookie_size_arg(cookie), fn->size_arg);
		assert_int_equal(cookie_count_arg(cookie), fn->count_arg);
		assert_int_equal(cookie_ptr_arg(cookie), fn->ptr_arg);
		assert_int_equal(cookie >> 32 & 0xffff, file.functions[i].site.offset);
		assert_int_equal(cookie_sp_offset(cookie), file.functions[i].site.sp_offset);
	}
	allocator_file_free(&file);
}

/* Does objdump, decoding from the entry, begin an instruction at `site`? */
static bool objdump_boundary(const char *path, uint64_t entry, uint64_t site)
{
	char command[512], line[512];
	bool found = false;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "objdump -d --no-show-raw-insn --start-address=0x%lx --stop-address=0x%lx '%s'",
		 entry, site + 16, path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		char *end;
		uint64_t address = strtoull(line, &end, 16);

		found = found || (end != line && *end == ':' && address == site);
	}
	assert_int_equal(pclose(pipe), 0);
	return found;
}

/* A probe off a boundary kills the target: a second decoder must agree on every site. */
static void test_boundaries(void **state)
{
	static const char *const paths[] = { LIBC, "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
					     "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4",
					     "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2",
					     "/usr/lib/x86_64-linux-gnu/libasan.so.8" };
	size_t checked = 0;

	(void)state;
	if (system("command -v objdump >/dev/null")) {
		print_message("objdump (binutils) is not installed\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		struct allocator_file file;

		if (access(paths[i], R_OK))
			continue;
		assert_int_equal(allocator_inspect(paths[i], paths[i], false, &file), 0);
		check_file(&file);
		for (size_t j = 0; j < file.function_count; j++) {
			const struct allocator_function *f = &file.functions[j];

			if (!objdump_boundary(paths[i], f->vaddr, f->vaddr + f->site.offset))
				fail_msg("%s: %s+%u is no instruction", paths[i],
					 alloc_function_name(f->function), f->site.offset);
			checked++;
		}
		allocator_file_free(&file);
	}
	assert_true(checked >= 9);
}

static void test_no_allocator(void **state)
{
	struct allocator_file file;

	(void)state;
	assert_int_equal(allocator_inspect("sleep", "/bin/sleep", true, &file), -ENODATA);
	assert_int_equal(allocator_inspect("text", "/etc/passwd", false, &file), -ENOEXEC);
	assert_int_equal(allocator_inspect("none", "/no/such/file", false, &file), -ENOENT);
	assert_int_equal(allocator_inspect("directory", "/tmp", false, &file), -EINVAL);
	assert_int_equal(allocator_inspect("device", "/dev/zero", false, &file), -EINVAL);
}

/* A pipe without a writer would hold up an open() for ever. */
static void test_pipe_is_not_opened(void **state)
{
	char path[] = "/tmp/outlive-XXXXXX";
	struct allocator_file file;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(allocator_inspect("pipe", path, false, &file), -EINVAL);
	alarm(0);
	unlink(path);
}

/* The smallest 64-bit program, static and without any symbol: for (;;) pause(); */
static void write_static_program(const char *path)
{
	static const unsigned char code[] = { 0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7 };
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		unsigned char code[sizeof(code)];
	} file = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			    .e_entry = 0x10000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			    .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD, .p_vaddr = 0x10000, .p_filesz = sizeof(file),
			     .p_memsz = sizeof(file), .p_flags = PF_R | PF_X, .p_align = 4096 },
	};
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);

	memcpy(file.code, code, sizeof(code));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
}

/* Run `path`, deleted as soon as it runs, and look for its allocators. */
static int find_in_program(const char *path, struct allocator_list *list, struct error *error)
{
	int pipes[2], err;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, NULL);
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* closed by exec */
	close(pipes[0]);
	unlink(path);
	err = allocator_find(pid, list, error);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return err;
}

static void test_static_program(void **state)
{
	char directory[] = "/tmp/outlive-XXXXXX", path[64];
	struct allocator_list list = { 0 };
	struct error error;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/alone", directory);
	write_static_program(path);
	assert_int_equal(find_in_program(path, &list, &error), -ENOENT);
	rmdir(directory);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.looked_at, 1);
	assert_int_equal(list.unreadable, 0);
	assert_non_null(strstr(error.what, "alone"));
	assert_non_null(strstr(error.what, "malloc"));
	assert_true(error.remedy[0]);
	allocator_list_free(&list);
}

static void test_gone(void **state)
{
	struct allocator_list list = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(allocator_find(0x7fffffff, &list, &error), -ESRCH);
	assert_true(error.what[0] && error.remedy[0]);
	allocator_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_cookie),		   cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_no_allocator),	   cmocka_unit_test(test_pipe_is_not_opened),
		cmocka_unit_test(test_static_program),	   cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
