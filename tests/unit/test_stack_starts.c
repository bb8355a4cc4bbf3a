/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "capture/stack_starts.h"
#include "unit/elf_maker.h"

#define MUSL "/lib/ld-musl-x86_64.so.1"
#define GLIBC "/lib64/ld-linux-x86-64.so.2"

/* A file of one segment, all of it code: headers, functions, symbols. */
struct made {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[3];
	uint8_t code[6][256] __attribute__((aligned(16)));
	Elf64_Sym symbols[4];
	char names[64];
};

#define ADDRESS(member) (0x400000 + offsetof(struct made, member))

static const uint8_t entry_code[] = { 0x48, 0x31, 0xed, 0x48, 0x89, 0xe7 };

static void put_lea(struct made *made, size_t function, size_t at, uint64_t target)
{
	uint64_t here = ADDRESS(code) + function * 256 + at;
	int32_t distance = (int32_t)(target - here - 7);
	uint8_t *code = &made->code[function][at];

	memcpy(code, "\x48\x8d\x3d", 3); /* lea disp32(%rip),%rdi */
	memcpy(code + 3, &distance, 4);
}

static Elf64_Sym symbol_of(struct made *made, const char *name, size_t function, size_t size)
{
	static uint32_t used = 1;
	uint32_t at = used;

	used = used + strlen(name) + 1 < sizeof(made->names) - 20 ? used + (uint32_t)strlen(name) + 1 : 1;
	strcpy(made->names + at, name);
	return (Elf64_Sym){ .st_name = at,
			    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			    .st_shndx = 1,
			    .st_value = ADDRESS(code) + function * 256,
			    .st_size = size };
}

/* Function 0 is the entry; 1 __libc_start_main, which hands 2 on; 3 pthread_create, which
 * hands 4 and 5 on. */
static struct made make(void)
{
	struct made made = { 0 };

	memcpy(made.header.e_ident, ELFMAG, SELFMAG);
	made.header.e_ident[EI_CLASS] = ELFCLASS64;
	made.header.e_ident[EI_DATA] = ELFDATA2LSB;
	made.header.e_type = ET_DYN;
	made.header.e_machine = EM_X86_64;
	made.header.e_entry = ADDRESS(code);
	made.header.e_phoff = offsetof(struct made, segments);
	made.header.e_phentsize = sizeof(Elf64_Phdr);
	made.header.e_phnum = 1;
	made.header.e_shoff = offsetof(struct made, sections);
	made.header.e_shentsize = sizeof(Elf64_Shdr);
	made.header.e_shnum = 3;
	made.segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X,
					 .p_vaddr = 0x400000,
					 .p_filesz = sizeof(made),
					 .p_memsz = sizeof(made) };
	made.segments[1].p_type = PT_INTERP;
	made.sections[1] = (Elf64_Shdr){ .sh_type = SHT_DYNSYM,
					 .sh_offset = offsetof(struct made, symbols),
					 .sh_size = sizeof(made.symbols),
					 .sh_entsize = sizeof(Elf64_Sym),
					 .sh_link = 2 };
	made.sections[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
					 .sh_offset = offsetof(struct made, names),
					 .sh_size = sizeof(made.names) };
	memcpy(made.code[0], entry_code, sizeof(entry_code));
	made.symbols[1] = symbol_of(&made, "__libc_start_main", 1, 200);
	made.symbols[2] = symbol_of(&made, "pthread_create", 3, 200);
	made.symbols[3] = symbol_of(&made, "other", 5, 10);
	put_lea(&made, 1, 30, ADDRESS(code) + 2 * 256);
	put_lea(&made, 1, 50, ADDRESS(code) + 2 * 256 + 8);   /* not aligned as functions are */
	put_lea(&made, 1, 70, ADDRESS(code) + 0x10000000);    /* not in the file */
	put_lea(&made, 3, 10, ADDRESS(code) + 4 * 256);
	put_lea(&made, 3, 100, ADDRESS(code) + 5 * 256);
	put_lea(&made, 5, 0, ADDRESS(code) + 3 * 256); /* by some other function */
	return made;
}

static size_t find(const struct made *made, struct stack_start *starts)
{
	struct elf_image image;
	size_t count;

	assert_int_equal(elf_image_open_memory(made, sizeof(*made), &image), 0);
	count = stack_starts_find(&image, starts);
	elf_image_close(&image);
	return count;
}

static void test_finds_what_is_handed_on(void **state)
{
	struct stack_start starts[STACK_STARTS_MOST];
	struct made made = make();

	(void)state;
	assert_int_equal(find(&made, starts), 4);
	assert_int_equal(starts[0].start, ADDRESS(code));
	assert_int_equal(starts[0].end, ADDRESS(code) + 64);
	assert_int_equal(starts[1].start, ADDRESS(code) + 2 * 256);
	assert_int_equal(starts[1].end, ADDRESS(code) + 3 * 256); /* at the next symbol */
	assert_int_equal(starts[2].start, ADDRESS(code) + 4 * 256);
	assert_int_equal(starts[2].end, ADDRESS(code) + 5 * 256);
	assert_int_equal(starts[3].start, ADDRESS(code) + 5 * 256);
}

static void test_a_program_over_a_shared_libc_has_its_entry_alone(void **state)
{
	struct stack_start starts[STACK_STARTS_MOST];
	struct made made = make();

	(void)state;
	made.header.e_phnum = 2;
	assert_int_equal(find(&made, starts), 1);
}

static void test_an_entry_that_is_any_function_is_none(void **state)
{
	struct stack_start starts[STACK_STARTS_MOST];
	struct made made = make();

	(void)state;
	memcpy(made.code[0], "\x55\x48\x89\xe5", 4); /* push %rbp; mov %rsp,%rbp */
	assert_int_equal(find(&made, starts), 0);
	made = make();
	made.header.e_entry = 0;
	assert_int_equal(find(&made, starts), 0);
	memcpy(made.code[0], "\xf3\x0f\x1e\xfa\x31\xed", 6); /* endbr64; xor %ebp,%ebp */
	made.header.e_entry = ADDRESS(code);
	assert_int_equal(find(&made, starts), 4);
}

/* Tables of symbols that lie about all that can be lied about. */
static void test_hostile_files(void **state)
{
	struct stack_start starts[STACK_STARTS_MOST];
	size_t most = 0;

	(void)state;
	srand(11);
	for (int round = 0; round < 200000; round++) {
		struct made made = make();
		uint8_t *bytes = (uint8_t *)&made;
		struct elf_image image;

		for (int i = rand() % 12; i >= 0; i--)
			bytes[(size_t)rand() % (rand() % 2 ? 440 : sizeof(made))] =
				(uint8_t)(rand() % 3 ? rand() : rand() % 2 * 255);
		if (elf_image_open_memory(&made, sizeof(made), &image) < 0)
			continue;
		size_t count = stack_starts_find(&image, starts);

		assert_true(count <= STACK_STARTS_MOST);
		most = count > most ? count : most;
		for (size_t i = 0; i < count; i++)
			assert_true(starts[i].start < starts[i].end &&
				    starts[i].start >= image.code_low && starts[i].end <= image.code_high);
		elf_image_close(&image);
	}
	assert_true(most >= 4);
}

/* The table says END at the entry of a file whose .eh_frame does not speak of it. */
static void check_entry_is_the_end(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_table table;
	struct elf_image image;

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image), 0);
	assert_int_equal(unwind_table_read(fd, &table), 0);
	assert_table_sound(&table);
	assert_int_equal(row_by_bucket(&table, image.header.e_entry - image.base)->kind, UNWIND_CFA_END);
	unwind_table_free(&table);
	elf_image_close(&image);
}

static void test_dynamic_linkers(void **state)
{
	(void)state;
	check_entry_is_the_end(MUSL);
	check_entry_is_the_end(GLIBC);
}

/* What .eh_frame says of a function counts more: also within it nothing begins. */
static void test_unwind_information_is_believed_more(void **state)
{
	struct bytes frame = { 0 };
	struct made made = make();
	struct {
		struct made made;
		uint8_t frame[512];
	} whole = { 0 };
	const char code[] = { 0x0e, 24 };
	struct unwind_table table;
	uint64_t origin = 0x400000;

	(void)state;
	put_cie(&frame, CODE(CIE_HEAD CIE_CODE));
	put_fde(&frame, (uint32_t)ADDRESS(code), 16, code, sizeof(code));
	put_fde(&frame, (uint32_t)ADDRESS(code) + 4 * 256 - 16, 64, code, sizeof(code));
	made.header.e_shstrndx = 2;
	made.sections[0] = (Elf64_Shdr){ .sh_name = 50,
					 .sh_type = SHT_PROGBITS,
					 .sh_addr = origin + offsetof(__typeof__(whole), frame),
					 .sh_offset = offsetof(__typeof__(whole), frame),
					 .sh_size = frame.size };
	strcpy(made.names + 50, ".eh_frame");
	made.segments[0].p_filesz = made.segments[0].p_memsz = sizeof(whole);
	whole.made = made;
	memcpy(whole.frame, frame.data, frame.size);
	assert_int_equal(unwind_table_read_memory(&whole, sizeof(whole), &table), 0);
	assert_table_sound(&table);
	assert_int_equal(row_by_bucket(&table, ADDRESS(code) - origin)->kind, UNWIND_CFA_RSP);
	assert_int_equal(row_by_bucket(&table, ADDRESS(code) + 2 * 256 - origin)->kind, UNWIND_CFA_END);
	assert_int_equal(row_by_bucket(&table, ADDRESS(code) + 4 * 256 - origin)->kind, UNWIND_CFA_RSP);
	assert_int_equal(row_by_bucket(&table, ADDRESS(code) + 5 * 256 - origin)->kind, UNWIND_CFA_END);
	assert_int_equal(row_by_bucket(&table, ADDRESS(code) + 3 * 256 - origin)->kind, UNWIND_CFA_NONE);
	unwind_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_is_handed_on),
		cmocka_unit_test(test_a_program_over_a_shared_libc_has_its_entry_alone),
		cmocka_unit_test(test_an_entry_that_is_any_function_is_none),
		cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_dynamic_linkers),
		cmocka_unit_test(test_unwind_information_is_believed_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
