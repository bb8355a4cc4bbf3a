/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the functions of a file become one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "unit/elf_maker.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

static void read_file(const char *path, struct elf_file *ret_file)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	ret_file->size = (size_t)status.st_size;
	ret_file->bytes = malloc(ret_file->size);
	assert_non_null(ret_file->bytes);
	assert_int_equal(read(fd, ret_file->bytes, ret_file->size), status.st_size);
}

static void assert_same_rows(const struct unwind_table *a, const struct unwind_table *b)
{
	assert_int_equal(a->row_count, b->row_count);
	assert_memory_equal(a->rows, b->rows, a->row_count * sizeof(*a->rows));
	assert_int_equal(a->bucket_count, b->bucket_count);
	assert_memory_equal(a->buckets, b->buckets, a->bucket_count * sizeof(*a->buckets));
	assert_int_equal(a->fde_count, b->fde_count);
	assert_int_equal(a->base, b->base);
}

/* --- entries to a table ---------------------------------------------------- */

/* Functions of one CIE; each rule is told apart by its CFA offset, 8 * words. */
struct function {
	uint32_t start, length; /* start from TEXT */
	uint8_t words;
};

static struct unwind_table table_of_functions(const struct function *functions, size_t count)
{
	struct bytes frame = { 0 };

	put_cie(&frame, CODE(CIE_HEAD CIE_CODE));
	for (size_t i = 0; i < count; i++) {
		const char code[] = { 0x0e, (char)(functions[i].words * 8) };

		put_fde(&frame, TEXT + functions[i].start, functions[i].length, code, sizeof(code));
	}
	return table_of(&frame);
}

#define TABLE_OF(...)                                                                              \
	table_of_functions((const struct function[]){ __VA_ARGS__ },                               \
			   ARRAY_LENGTH(((const struct function[]){ __VA_ARGS__ })))

/* The CFA offset in words at TEXT + `offset`, 0 where there is no rule. */
static int words_at(const struct unwind_table *table, uint32_t offset)
{
	const struct unwind_row *row = row_by_bucket(table, TEXT - BASE + offset);

	return row && row->kind != UNWIND_CFA_NONE ? row->cfa : 0;
}

static void gaps(void **state)
{
	/* 16 bytes between the first two, 15 between the others */
	struct unwind_table table = TABLE_OF({ 0, 16, 1 }, { 32, 16, 2 }, { 63, 1, 3 });

	(void)state;
	assert_int_equal(words_at(&table, 15), 1);
	assert_int_equal(words_at(&table, 16), 0);
	assert_int_equal(words_at(&table, 31), 0);
	assert_int_equal(words_at(&table, 32), 2);
	assert_int_equal(words_at(&table, 48), 2);
	assert_int_equal(words_at(&table, 62), 2);
	assert_int_equal(words_at(&table, 63), 3);
	assert_int_equal(words_at(&table, 64), 0);
	assert_int_equal(row_by_bucket(&table, 0)->kind, UNWIND_CFA_NONE);
	assert_int_equal(row_by_bucket(&table, TEXT - BASE - 1)->kind, UNWIND_CFA_NONE);
	unwind_table_free(&table);
	assert_null(table.rows);
}

static void order_and_overlap(void **state)
{
	struct unwind_table table;

	(void)state;
	table = TABLE_OF({ 200, 10, 3 }, { 0, 10, 1 }, { 100, 10, 2 });
	assert_int_equal(words_at(&table, 0), 1);
	assert_int_equal(words_at(&table, 100), 2);
	assert_int_equal(words_at(&table, 200), 3);
	assert_int_equal(words_at(&table, 150), 0);
	unwind_table_free(&table);

	/* one inside another: from its start on it alone counts */
	table = TABLE_OF({ 0, 100, 1 }, { 40, 10, 2 }, { 90, 100, 3 });
	assert_int_equal(words_at(&table, 39), 1);
	assert_int_equal(words_at(&table, 40), 2);
	assert_int_equal(words_at(&table, 50), 0);
	assert_int_equal(words_at(&table, 90), 3);
	unwind_table_free(&table);

	/* two of one address: the first of the file */
	table = TABLE_OF({ 0, 10, 1 }, { 0, 20, 2 });
	assert_int_equal(words_at(&table, 0), 1);
	assert_int_equal(words_at(&table, 10), 0);
	assert_int_equal(table.fde_refused, 1);
	assert_int_equal(table.fde_count, 1);
	unwind_table_free(&table);
}

static void outside_the_text(void **state)
{
	struct unwind_table table =
		TABLE_OF({ -16U, 32, 1 }, { TEXT_SIZE, 1, 1 }, { TEXT_SIZE - 8, 16, 1 },
			 { 0, 0xffffffff, 1 }, { 0, 0, 1 }, { TEXT_SIZE - 8, 8, 2 });

	(void)state;
	assert_int_equal(table.fde_refused, 4); /* the empty one is no mistake */
	assert_int_equal(table.fde_count, 1);
	assert_int_equal(words_at(&table, TEXT_SIZE - 1), 2);
	assert_null(row_by_bucket(&table, TEXT + TEXT_SIZE - BASE));
	unwind_table_free(&table);
}

static void pointer_encodings(void **state)
{
	static const struct {
		const char *cie;
		size_t size;
		const char *pointers; /* start and length, in that encoding */
		size_t pointers_size;
	} cases[] = {
		{ CODE("\1zR\0\1\x78\x10\1\0" CIE_CODE),
		  CODE("\0\0\x41\0\0\0\0\0\x40\0\0\0\0\0\0\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x01" CIE_CODE), CODE("\x80\x80\x84\x02\x40") },
		{ CODE("\1zR\0\1\x78\x10\1\x09" CIE_CODE), CODE("\x80\x80\x84\x02\xc0\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x0b" CIE_CODE), CODE("\0\0\x41\0\x40\0\0\0") },
		/* pcrel; the FDE's start field lies 30 bytes into .eh_frame */
		{ CODE("\1zR\0\1\x78\x10\1\x1b" CIE_CODE), CODE("\xe2\xef\0\0\x40\0\0\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x12" CIE_CODE), CODE("\xe2\xef\x40\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x1c" CIE_CODE),
		  CODE("\xe2\xef\0\0\0\0\0\0\x40\0\0\0\0\0\0\0") },
		/* those that no file uses: relative to data, indirect, unknown format */
		{ CODE("\1zR\0\1\x78\x10\1\x3b" CIE_CODE), CODE("\0\0\x41\0\x40\0\0\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x9b" CIE_CODE), CODE("\0\0\x41\0\x40\0\0\0") },
		{ CODE("\1zR\0\1\x78\x10\1\x05" CIE_CODE), CODE("\0\0\x41\0\x40\0\0\0") },
	};
	const size_t good = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bytes frame = { 0 }, content = { 0 };
		struct unwind_table table;

		put_cie(&frame, cases[i].cie, cases[i].size);
		put_u32(&content, (uint32_t)frame.size + 4);
		put(&content, cases[i].pointers, cases[i].pointers_size);
		put(&content, "", 1);
		put_entry(&frame, &content);
		table = table_of(&frame);
		assert_int_equal(table.fde_count, i < good);
		assert_int_equal(table.fde_refused, i >= good);
		assert_int_equal(words_at(&table, 0), i < good);
		assert_int_equal(words_at(&table, FUNCTION - 1), i < good);
		assert_int_equal(words_at(&table, FUNCTION), 0);
		unwind_table_free(&table);
	}
}

static void terminators(void **state)
{
	struct bytes frame = { 0 };
	struct unwind_table table;
	struct elf_spec spec;
	struct elf_file file;

	(void)state;
	put_cie(&frame, CODE(CIE_HEAD CIE_CODE));
	put_fde(&frame, TEXT, FUNCTION, CODE(""));
	put_u32(&frame, 0);
	put_fde(&frame, TEXT + 0x100, FUNCTION, CODE(""));
	table = table_of(&frame);
	assert_int_equal(table.fde_count, 2); /* in the middle of a section: nothing ends */
	unwind_table_free(&table);

	spec = spec_of(&frame);
	spec.without_sections = true;
	file = elf_make(&spec);
	assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &table), 0);
	assert_int_equal(table.fde_count, 1); /* behind it anything may follow */
	assert_int_equal(words_at(&table, 0), 1);
	unwind_table_free(&table);
	free(file.bytes);
}

/* --- files ----------------------------------------------------------------- */

static void one_libc_three_ways(void **state)
{
	CLEANUP_CLOSE int fd = open(LIBC, O_RDONLY | O_CLOEXEC);
	struct unwind_table by_fd, by_memory, by_header;
	struct elf_file file;
	Elf64_Ehdr *header;

	(void)state;
	assert_int_equal(unwind_table_read(fd, &by_fd), 0);
	assert_true(by_fd.row_count > 10000);
	assert_int_equal(by_fd.fde_refused, 0);
	assert_table_sound(&by_fd);
	assert_int_equal(strlen(by_fd.build_id), 40);
	for (uint64_t vaddr = 0; vaddr < by_fd.text_high; vaddr++) {
		const struct unwind_row *row = row_by_bucket(&by_fd, vaddr);

		if (row != row_search(&by_fd, 0, by_fd.row_count, vaddr))
			fail_msg("bucket of 0x%lx leads astray", vaddr);
	}
	read_file(LIBC, &file);
	assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &by_memory), 0);
	assert_same_rows(&by_fd, &by_memory);
	header = (Elf64_Ehdr *)file.bytes;
	header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
	assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &by_header), 0);
	assert_same_rows(&by_fd, &by_header);
	assert_string_equal(by_fd.build_id, by_header.build_id);
	unwind_table_free(&by_fd);
	unwind_table_free(&by_memory);
	unwind_table_free(&by_header);
	free(file.bytes);
}

static size_t vdso_size(uint64_t start)
{
	CLEANUP_FCLOSE FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long low, high;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &low, &high) == 2 && low == start)
			return high - low;
	}
	fail_msg("no mapping at the vdso's address");
	return 0;
}

static void vdso(void **state)
{
	const uint64_t start = getauxval(AT_SYSINFO_EHDR);
	struct unwind_table table;

	(void)state;
	assert_int_equal(unwind_table_read_memory((const void *)start, vdso_size(start), &table),
			 0);
	assert_true(table.fde_count >= 4); /* clock_gettime, gettimeofday, time, getcpu */
	assert_int_equal(table.fde_refused, 0);
	assert_int_equal(table.base, 0);
	assert_table_sound(&table);
	unwind_table_free(&table);
}

static void nothing_to_read(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 'X' }, /* no ELF */
		{ EI_CLASS, ELFCLASS32 },
		{ EI_DATA, ELFDATA2MSB },
		{ offsetof(Elf64_Ehdr, e_type), ET_REL },
		{ offsetof(Elf64_Ehdr, e_machine), EM_AARCH64 },
		{ offsetof(Elf64_Ehdr, e_phentsize), 32 },
		{ offsetof(Elf64_Ehdr, e_phnum), 0 },
		{ offsetof(Elf64_Ehdr, e_phoff) + 6, 1 },
		/* the executable segment ends beyond 4 GiB */
		{ offsetof(struct elf_layout, segments[1].p_memsz) + 4, 1 },
		{ offsetof(struct elf_layout, segments[1].p_memsz) + 7, 0xff },
	};
	struct bytes frame = { 0 };
	struct elf_spec spec = spec_of(&frame);
	struct unwind_table table;
	struct elf_file file;
	int ends[2];
	CLEANUP_CLOSE int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		file = elf_make(&spec);
		file.bytes[wrong[i].at] = wrong[i].value;
		assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &table), -ENOEXEC);
		free(file.bytes);
	}
	file = elf_make(&spec); /* with an empty .eh_frame */
	assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &table), 0);
	assert_int_equal(table.row_count, 0);
	assert_int_equal(table.bucket_count, 0);
	free(file.bytes);
	assert_int_equal(unwind_table_read_memory("", 0, &table), -ENOEXEC);
	assert_int_equal(unwind_table_read(folder, &table), -ENOEXEC);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(unwind_table_read(ends[0], &table), -ENOEXEC);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(unwind_table_read(-1, &table), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps),
		cmocka_unit_test(order_and_overlap),
		cmocka_unit_test(outside_the_text),
		cmocka_unit_test(pointer_encodings),
		cmocka_unit_test(terminators),
		cmocka_unit_test(one_libc_three_ways),
		cmocka_unit_test(vdso),
		cmocka_unit_test(nothing_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
