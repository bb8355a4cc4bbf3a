/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocator files that lie: libc cut short everywhere, and with bits turned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/allocator.h"
#include "target/allocators.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

/* What holds for any file that was taken in, whatever is in it. */
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

struct victim {
	uint8_t *bytes;
	size_t size;
	int fd;
	char path[32];
};

static void open_victim(struct victim *victim, const char *path)
{
	struct stat stat_of;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat_of), 0);
	victim->size = stat_of.st_size;
	victim->bytes = malloc(victim->size);
	assert_non_null(victim->bytes);
	assert_int_equal(read(fd, victim->bytes, victim->size), victim->size);
	close(fd);
	victim->fd = memfd_create("victim", MFD_CLOEXEC);
	assert_true(victim->fd >= 0);
	assert_int_equal(write(victim->fd, victim->bytes, victim->size), victim->size);
	snprintf(victim->path, sizeof(victim->path), "/proc/self/fd/%d", victim->fd);
}

static void close_victim(struct victim *victim)
{
	close(victim->fd);
	free(victim->bytes);
}

/* Look at it as a program, so that every table is read. True when it was taken in. */
static bool survive(const struct victim *victim)
{
	struct allocator_file file;
	int err = allocator_inspect("victim", victim->path, true, &file);

	if (err)
		return false;
	check_file(&file);
	allocator_file_free(&file);
	return true;
}

static void test_truncated_everywhere(void **state)
{
	struct victim victim;

	(void)state;
	open_victim(&victim, LIBC);
	assert_true(survive(&victim));
	for (size_t size = victim.size / 64 * 64; size > 0; size -= 64) {
		assert_int_equal(ftruncate(victim.fd, size), 0);
		survive(&victim);
	}
	close_victim(&victim);
}

/* Flip `count` bits at random within [from, from + length) and look each time. */
static size_t flip(struct victim *victim, size_t from, size_t length, size_t count,
		   unsigned int *seed)
{
	size_t taken = 0;

	if (from >= victim->size)
		return 0;
	if (length > victim->size - from)
		length = victim->size - from;
	for (size_t i = 0; i < count; i++) {
		size_t at = from + rand_r(seed) % length;
		uint8_t byte = victim->bytes[at] ^ 1u << (rand_r(seed) >> 8 & 7);

		assert_int_equal(pwrite(victim->fd, &byte, 1, at), 1);
		taken += survive(victim);
		/* every other flip stays, until the next round */
		if (i & 1)
			assert_int_equal(pwrite(victim->fd, &victim->bytes[at], 1, at), 1);
	}
	assert_int_equal(pwrite(victim->fd, victim->bytes + from, length, from), length);
	return taken;
}

/* C++ in it, so that its code is followed too: who calls whom, where functions end. */
#define JEMALLOC "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

static void flip_bits(const char *path, size_t rounds)
{
	struct victim victim;
	const Elf64_Ehdr *header;
	unsigned int seed = 65537;
	size_t taken = 0;

	open_victim(&victim, path);
	header = (const Elf64_Ehdr *)victim.bytes;
	/* a few flips a time, since one in the wrong place hides all that come after it */
	for (size_t round = 0; round < rounds; round++) {
		const Elf64_Shdr *sections = (const Elf64_Shdr *)(victim.bytes + header->e_shoff);

		taken += flip(&victim, 0, sizeof(*header), 6, &seed);
		taken += flip(&victim, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr), 6,
			      &seed);
		taken += flip(&victim, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr), 6,
			      &seed);
		for (size_t i = 0; i < header->e_shnum; i++) {
			if (sections[i].sh_type == SHT_DYNSYM || sections[i].sh_type == SHT_NOTE ||
			    sections[i].sh_type == SHT_RELA || sections[i].sh_type == SHT_DYNAMIC ||
			    sections[i].sh_type == SHT_GNU_versym ||
			    sections[i].sh_flags & SHF_EXECINSTR)
				taken += flip(&victim, sections[i].sh_offset, sections[i].sh_size,
					      4, &seed);
		}
	}
	assert_true(survive(&victim)); /* restored */
	assert_true(taken > 2 * rounds);
	close_victim(&victim);
}

static void test_bit_flips(void **state)
{
	(void)state;
	flip_bits(LIBC, 50);
	flip_bits(JEMALLOC, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_bit_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
