/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files: this program and libc against what the dynamic linker says of them. */
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
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/elf_file.h"

/* Something with global binding that only .symtab names. */
int elf_file_test_marker(int x);
int elf_file_test_marker(int x)
{
	return x * 3 + 1;
}

static struct elf_file *open_path(const char *path)
{
	struct elf_file *file = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(elf_file_open(fd, &file), 0);
	return file;
}

/* libc's link map, which knows its path and its load bias. */
static struct link_map *libc_map(void **ret_handle)
{
	struct link_map *map;

	*ret_handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(*ret_handle);
	assert_int_equal(dlinfo(*ret_handle, RTLD_DI_LINKMAP, &map), 0);
	return map;
}

static void test_libc_functions(void **state)
{
	static const char *const names[] = { "malloc", "no_such_function", "memcpy", "stdout",
					     "pthread_cond_wait", "cfree", "mallo", "mallocx" };
	struct elf_function found[ARRAY_LENGTH(names)];
	void *handle;
	struct link_map *map = libc_map(&handle);
	struct elf_file *file = open_path(map->l_name);
	unsigned char code[64];
	uint64_t vaddr;

	(void)state;
	assert_int_equal(elf_file_find(file, ELF_SYMBOLS_DYNAMIC, names, ARRAY_LENGTH(names), found),
			 0);
	assert_int_equal(found[0].found, ELF_FOUND);
	assert_int_equal(found[0].vaddr + map->l_addr, (uintptr_t)dlsym(handle, "malloc"));
	assert_true(found[0].size > 16);
	assert_int_equal(found[1].found, ELF_NOT_FOUND);
	assert_int_equal(found[2].found, ELF_INDIRECT);
	assert_int_equal(found[3].found, ELF_NOT_FOUND);
	/* two versions at two addresses: the default one counts */
	assert_int_equal(found[4].vaddr + map->l_addr,
			 (uintptr_t)dlvsym(handle, "pthread_cond_wait", "GLIBC_2.3.2"));
	assert_int_not_equal(found[4].vaddr + map->l_addr,
			     (uintptr_t)dlvsym(handle, "pthread_cond_wait", "GLIBC_2.2.5"));
	/* a compatibility version without a default one */
	assert_int_equal(found[5].found, ELF_FOUND);
	assert_int_equal(found[5].vaddr + map->l_addr,
			 (uintptr_t)dlvsym(handle, "cfree", "GLIBC_2.2.5"));
	assert_int_equal(found[6].found, ELF_NOT_FOUND);
	assert_int_equal(found[7].found, ELF_NOT_FOUND);

	assert_int_equal(elf_file_read(file, found[0].vaddr, code, sizeof(code)), sizeof(code));
	assert_memory_equal(code, dlsym(handle, "malloc"), sizeof(code));
	assert_int_equal(elf_file_address(file, found[0].offset, &vaddr), 0);
	assert_int_equal(vaddr, found[0].vaddr);
	elf_file_close(file);
	dlclose(handle);
}

static void test_program_symbols(void **state)
{
	static const char *const names[] = { "elf_file_test_marker", "test_program_symbols" };
	struct elf_function found[2];
	struct elf_file *file = open_path("/proc/self/exe");
	Dl_info info;

	(void)state;
	assert_true(dladdr((void *)(uintptr_t)elf_file_test_marker, &info));
	assert_int_equal(elf_file_find(file, ELF_SYMBOLS_DYNAMIC, names, 2, found), 0);
	assert_int_equal(found[0].found, ELF_NOT_FOUND);
	assert_int_equal(elf_file_find(file, ELF_SYMBOLS_ALL, names, 2, found), 0);
	assert_int_equal(found[0].found, ELF_FOUND);
	assert_int_equal(found[0].vaddr - elf_file_base(file),
			 (uintptr_t)elf_file_test_marker - (uintptr_t)info.dli_fbase);
	/* a static function is nobody's allocator */
	assert_int_equal(found[1].found, ELF_NOT_FOUND);
	elf_file_close(file);
}

static void test_edges(void **state)
{
	void *handle;
	struct link_map *map = libc_map(&handle);
	struct elf_file *file = open_path(map->l_name);
	unsigned char buffer[32];
	uint64_t value = 77;

	(void)state;
	assert_int_equal(elf_file_base(file), 0);
	assert_int_equal(elf_file_read(file, elf_file_base(file), buffer, 4), 4);
	assert_memory_equal(buffer, ELFMAG, 4);
	assert_int_equal(elf_file_read(file, UINT64_MAX, buffer, sizeof(buffer)), 0);
	assert_int_equal(elf_file_read(file, 1ull << 40, buffer, sizeof(buffer)), 0);
	assert_int_equal(elf_file_offset(file, 1ull << 40, &value), -ENOENT);
	assert_int_equal(elf_file_address(file, 1ull << 40, &value), -ENOENT);
	assert_int_equal(elf_file_address(file, 0, &value), -ENOENT);
	assert_int_equal(value, 77);
	elf_file_close(file);
	elf_file_close(NULL);
	dlclose(handle);
}

/* The linker put the same id into our memory; readelf is asked to be sure of the text. */
static void test_build_id(void **state)
{
	void *handle;
	struct link_map *map = libc_map(&handle);
	struct elf_file *file = open_path(map->l_name);
	char command[512], line[256] = "";
	FILE *pipe;

	(void)state;
	snprintf(command, sizeof(command),
		 "LC_ALL=C readelf -n '%s' 2>/dev/null | sed -n 's/.*Build ID: //p'", map->l_name);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(elf_file_build_id(file), line);
	assert_int_equal(strlen(line), 40);
	elf_file_close(file);
	dlclose(handle);
}

/* A descriptor with `size` bytes in it. */
static int memory_file(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static void test_refused(void **state)
{
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			      .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			      .e_ehsize = sizeof(header) };
	static const char *const names[] = { "malloc" };
	struct elf_function found;
	struct elf_file *file = NULL;
	uint64_t offset;
	int fd;

	(void)state;
	assert_int_equal(elf_file_open(memory_file("", 0), &file), -ENOEXEC);
	assert_int_equal(elf_file_open(memory_file("#!/bin/sh\n", 10), &file), -ENOEXEC);
	assert_int_equal(elf_file_open(memory_file("!<arch>\n", 8), &file), -ENOEXEC);
	header.e_machine = EM_AARCH64;
	assert_int_equal(elf_file_open(memory_file(&header, sizeof(header)), &file), -ENOTSUP);
	header.e_machine = EM_X86_64;
	header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_not_equal(elf_file_open(memory_file(&header, sizeof(header)), &file), 0);
	assert_null(file);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	fd = memory_file(&header, sizeof(header));
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(elf_file_base(file), 0);
	assert_int_equal(elf_file_offset(file, 0, &offset), -ENOENT);
	assert_int_equal(elf_file_find(file, ELF_SYMBOLS_ALL, names, 1, &found), 0);
	assert_int_equal(found.found, ELF_NOT_FOUND);
	elf_file_close(file);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* it owned the descriptor */
}

/* libc with its .dynstr ended in the middle of a name: "malloc" without its end is not malloc. */
static void test_cut_names(void **state)
{
	static const char *const names[] = { "malloc", "free" };
	void *handle;
	struct link_map *map = libc_map(&handle);
	FILE *libc = fopen(map->l_name, "r");
	CLEANUP_FREE char *bytes = malloc(16 << 20);
	size_t size = fread(bytes, 1, 16 << 20, libc);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
	Elf64_Shdr *sections = (Elf64_Shdr *)(bytes + header->e_shoff);
	struct elf_function found[2];
	struct elf_file *file;

	(void)state;
	fclose(libc);
	for (size_t i = 0; i < header->e_shnum; i++) {
		const Elf64_Sym *symbols = (const Elf64_Sym *)(bytes + sections[i].sh_offset);
		Elf64_Shdr *strings = &sections[sections[i].sh_link];

		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		for (size_t j = 0; j < sections[i].sh_size / sizeof(*symbols); j++) {
			const char *name = bytes + strings->sh_offset + symbols[j].st_name;

			if (strcmp(name, "malloc") == 0)
				strings->sh_size = symbols[j].st_name + strlen("malloc");
		}
	}
	assert_int_equal(elf_file_open(memory_file(bytes, size), &file), 0);
	assert_int_equal(elf_file_find(file, ELF_SYMBOLS_DYNAMIC, names, 2, found), 0);
	assert_int_equal(found[0].found, ELF_NOT_FOUND);
	elf_file_close(file);
	dlclose(handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libc_functions), cmocka_unit_test(test_program_symbols),
		cmocka_unit_test(test_edges),	       cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_refused),	       cmocka_unit_test(test_cut_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
