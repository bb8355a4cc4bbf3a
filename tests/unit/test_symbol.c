/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "symbol/symbol.h"

/*
 * A small ELF file with: [1] .text at 0x1000-0x2000, [2] .plt at 0x2000-0x2100,
 * [3] .symtab, [4] .strtab, [5] .note.gnu.build-id.
 */
#define SECTIONS 6

struct image {
	unsigned char *bytes;
	size_t size;
	Elf64_Shdr *sections;
	Elf64_Sym *symbols;
};

static const unsigned char note[] = { 4, 0, 0, 0, 4, 0, 0, 0, NT_GNU_BUILD_ID, 0, 0, 0,
				      'G', 'N', 'U', 0, 0x01, 0xab, 0xcd, 0xef };

static struct image make_image(const Elf64_Sym *symbols, size_t count, const char *strings,
			       size_t string_bytes)
{
	size_t at_symbols = sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr);
	size_t at_strings = at_symbols + (count + 1) * sizeof(*symbols);
	size_t at_note = (at_strings + string_bytes + 3) & ~3ul;
	struct image image = { .size = at_note + sizeof(note) };
	Elf64_Ehdr *header;

	image.bytes = calloc(1, image.size);
	assert_non_null(image.bytes);
	header = (Elf64_Ehdr *)image.bytes;
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = ET_DYN;
	header->e_machine = EM_X86_64;
	header->e_version = EV_CURRENT;
	header->e_ehsize = sizeof(*header);
	header->e_shentsize = sizeof(Elf64_Shdr);
	header->e_shoff = sizeof(*header);
	header->e_shnum = SECTIONS;
	header->e_shstrndx = 4;
	image.sections = (Elf64_Shdr *)(image.bytes + sizeof(*header));
	image.sections[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_addr = 0x1000, .sh_size = 0x1000 };
	image.sections[2] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_addr = 0x2000, .sh_size = 0x100 };
	image.sections[3] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB, .sh_offset = at_symbols,
					  .sh_size = (count + 1) * sizeof(*symbols),
					  .sh_entsize = sizeof(*symbols), .sh_link = 4,
					  .sh_addralign = 8 };
	image.sections[4] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = at_strings,
					  .sh_size = string_bytes, .sh_addralign = 1 };
	image.sections[5] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = at_note,
					  .sh_size = sizeof(note), .sh_addralign = 4 };
	image.symbols = (Elf64_Sym *)(image.bytes + at_symbols);
	memcpy(image.symbols + 1, symbols, count * sizeof(*symbols));
	memcpy(image.bytes + at_strings, strings, string_bytes);
	memcpy(image.bytes + at_note, note, sizeof(note));
	return image;
}

/* Open `size` bytes as a file. Returns what symbol_file_open does. */
static int open_bytes(const void *bytes, size_t size, struct symbol_file **ret_file)
{
	char path[] = "/tmp/outlive-test-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	r = symbol_file_open(path, ret_file);
	unlink(path);
	return r;
}

static void assert_name(const struct symbol_file *file, uint64_t address, const char *name,
			uint64_t start)
{
	uint64_t found = 0;
	const char *text = symbol_file_lookup(file, address, &found);

	if (!name) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, name);
	assert_int_equal(found, start);
}

#define FUNC(binding) ELF64_ST_INFO(binding, STT_FUNC)

static const char strings[] = "\0_alias\0malloc\0local\0weak\0outer\0inner\0label\0"
			      "last\0stub\0data\0";

enum { ALIAS = 1, MALLOC = 8, LOCAL = 15, WEAK = 21, OUTER = 26, INNER = 32, LABEL = 38,
       LAST = 44, STUB = 49, DATA = 54 };

static const Elf64_Sym table[] = {
	{ LOCAL, FUNC(STB_LOCAL), 0, 1, 0x1000, 0x20 },
	{ ALIAS, FUNC(STB_GLOBAL), 0, 1, 0x1000, 0x20 },
	{ MALLOC, FUNC(STB_GLOBAL), 0, 1, 0x1000, 0x20 },
	{ WEAK, FUNC(STB_WEAK), 0, 1, 0x1000, 0x28 },
	{ OUTER, FUNC(STB_LOCAL), 0, 1, 0x1100, 0x100 },
	{ INNER, ELF64_ST_INFO(STB_LOCAL, STT_GNU_IFUNC), 0, 1, 0x1140, 0x10 },
	{ LABEL, FUNC(STB_LOCAL), 0, 1, 0x1300, 0 },
	{ LAST, FUNC(STB_LOCAL), 0, 1, 0x1400, 0 },
	{ STUB, FUNC(STB_LOCAL), 0, 2, 0x2000, 0x10 },
	{ DATA, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, 0x1500, 0x10 },
	{ DATA, FUNC(STB_GLOBAL), 0, SHN_UNDEF, 0x1600, 0x10 },
	{ 60000, FUNC(STB_GLOBAL), 0, 1, 0x1700, 0x10 },
	{ DATA, FUNC(STB_GLOBAL), 0, 1, UINT64_MAX - 4, 0x10 },
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static void test_lookup(void **state)
{
	struct image image = make_image(table, TABLE_COUNT, strings, sizeof(strings));
	struct symbol_file *file = NULL;

	(void)state;
	assert_int_equal(open_bytes(image.bytes, image.size, &file), 0);
	assert_name(file, 0xfff, NULL, 0);
	assert_name(file, 0x1000, "malloc", 0x1000); /* global, and not underscored */
	assert_name(file, 0x1027, "malloc", 0x1000); /* the largest of its names' sizes */
	assert_name(file, 0x1028, NULL, 0);	     /* the gap behind it is nobody's */
	assert_name(file, 0x113f, "outer", 0x1100);
	assert_name(file, 0x1140, "inner", 0x1140);
	assert_name(file, 0x1150, "outer", 0x1100); /* behind the inner one */
	assert_name(file, 0x11ff, "outer", 0x1100);
	assert_name(file, 0x1200, NULL, 0);
	assert_name(file, 0x13ff, "label", 0x1300); /* unsized: to the next symbol */
	assert_name(file, 0x1fff, "last", 0x1400);  /* unsized: to its section's end */
	assert_name(file, 0x2000, "stub", 0x2000);
	assert_name(file, 0x2010, NULL, 0);
	assert_name(file, UINT64_MAX - 1, NULL, 0);
	assert_string_equal(symbol_file_build_id(file), "01abcdef");
	symbol_file_close(file);
	free(image.bytes);
}

static void test_not_elf(void **state)
{
	struct image image = make_image(table, TABLE_COUNT, strings, sizeof(strings));
	char directory[] = "/tmp/outlive-test-XXXXXX", fifo[64];
	struct symbol_file *file = NULL;

	(void)state;
	assert_int_equal(symbol_file_open("/no/such/file", &file), -ENOENT);
	assert_int_equal(open_bytes("#!/bin/sh\n", 10, &file), -ENOEXEC);
	assert_int_equal(open_bytes("", 0, &file), -ENOEXEC);
	image.bytes[EI_CLASS] = ELFCLASS32;
	assert_int_equal(open_bytes(image.bytes, image.size, &file), -ENOEXEC);
	/* A FIFO without a writer must not hang. */
	assert_non_null(mkdtemp(directory));
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symbol_file_open(fifo, &file), -ENOEXEC);
	unlink(fifo);
	rmdir(directory);
	assert_null(file);
	free(image.bytes);
}

static void test_no_symbols(void **state)
{
	struct image image = make_image(table, TABLE_COUNT, strings, sizeof(strings));
	struct symbol_file *file = NULL;

	(void)state;
	image.sections[3].sh_type = SHT_PROGBITS;
	assert_int_equal(open_bytes(image.bytes, image.size, &file), 0);
	assert_name(file, 0x1000, NULL, 0);
	symbol_file_close(file);
	/* A string table of absurd size, as a sparse file may claim. */
	image.sections[3].sh_type = SHT_SYMTAB;
	image.sections[4].sh_size = 1ull << 40;
	assert_int_equal(open_bytes(image.bytes, image.size, &file), 0);
	assert_name(file, 0x1000, NULL, 0);
	symbol_file_close(file);
	free(image.bytes);
}

/* A file that ends anywhere, and one with any byte changed: an answer or an error,
 * and under the sanitizers nothing out of bounds. */
static void test_broken_files(void **state)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct image image = make_image(table, TABLE_COUNT, strings, sizeof(strings));
	unsigned char *copy = malloc(image.size);
	size_t opened = 0;

	(void)state;
	assert_non_null(copy);
	for (size_t i = 0; i < image.size * (1 + sizeof(values)); i++) {
		size_t at = i % image.size, which = i / image.size;
		size_t size = which ? image.size : at;
		struct symbol_file *file = NULL;
		uint64_t start;

		memcpy(copy, image.bytes, image.size);
		if (which)
			copy[at] = values[which - 1];
		if (open_bytes(copy, size, &file) < 0) {
			assert_null(file);
			continue;
		}
		opened++;
		for (uint64_t address = 0x1000; address < 0x2200; address += 0x10) {
			const char *name = symbol_file_lookup(file, address, &start);

			assert_true(!name || (start <= address && strlen(name) < image.size));
		}
		symbol_file_close(file);
	}
	assert_true(opened > image.size);
	free(copy);
	free(image.bytes);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* 100 000 symbols, once side by side and once all within each other. */
static void test_many_symbols(void **state)
{
	size_t count = 100000;
	Elf64_Sym *symbols = calloc(count, sizeof(*symbols));

	(void)state;
	assert_non_null(symbols);
	for (unsigned int nested = 0; nested < 2; nested++) {
		struct symbol_file *file = NULL;
		double start = seconds();
		struct image image;
		uint64_t found;

		for (size_t i = 0; i < count; i++) {
			/* Out of order: 7919 is coprime to the count. */
			size_t place = i * 7919 % count;

			symbols[i] = (Elf64_Sym){ MALLOC, FUNC(STB_GLOBAL), 0, 1, 0x1000 + place * 16,
						  nested ? (count - place) * 32 : 16 };
		}
		image = make_image(symbols, count, strings, sizeof(strings));
		assert_int_equal(open_bytes(image.bytes, image.size, &file), 0);
		for (size_t i = 0; i < count; i++)
			assert_non_null(symbol_file_lookup(file, 0x1000 + i * 16 + 15, &found));
		print_message("%zu %s symbols read and looked up: %.3f s\n", count,
			      nested ? "nested" : "plain", seconds() - start);
		assert_true(seconds() - start < 10);
		symbol_file_close(file);
		free(image.bytes);
	}
	free(symbols);
}

/* This very program: what nm says, lookup finds. */
__attribute__((noinline, used)) static int named_function(volatile int *x)
{
	*x += 7;
	return *x * 3;
}

extern const char __executable_start;

static void test_own_program(void **state)
{
	uint64_t base = (uint64_t)(uintptr_t)&__executable_start;
	uint64_t address = (uint64_t)(uintptr_t)named_function - base;
	struct symbol_file *file = NULL;

	(void)state;
	assert_int_equal(symbol_file_open("/proc/self/exe", &file), 0);
	assert_name(file, address, "named_function", address);
	assert_name(file, address + 3, "named_function", address);
	symbol_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),	     cmocka_unit_test(test_not_elf),
		cmocka_unit_test(test_no_symbols),   cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_many_symbols), cmocka_unit_test(test_own_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
