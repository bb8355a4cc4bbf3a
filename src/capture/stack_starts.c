/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/stack_starts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ENTRY_BYTES 64		    /* of an entry point: what there is calls the rest */
#define ALIGNMENT 16		    /* of functions */
#define MAX_FUNCTION (8U << 10)	    /* that is looked through; pthread_create has 1.5 KiB */
#define MAX_START 1024		    /* bytes of one that is handed on; they have 64 to 256 */
#define MAX_SYMBOLS_BYTES (8U << 20) /* of a table of symbols, and of their names */

struct search {
	const struct elf_image *image;
	struct stack_start *starts;
	size_t count;
};

static bool is_code(const struct elf_image *image, uint64_t vaddr)
{
	return vaddr >= image->code_low && vaddr < image->code_high;
}

static void add(struct search *search, uint64_t start, uint64_t length)
{
	uint64_t left = search->image->code_high - start;

	if (search->count < STACK_STARTS_MOST)
		search->starts[search->count++] = (struct stack_start){
			.start = start, .end = start + (length < left ? length : left)
		};
}

/*
 * Is this how a program begins? It takes the stack pointer for its argument, and often marks
 * the outermost frame by rbp 0: musl and glibc alike. What a linker calls the entry
 * point of a library may be any function.
 */
static bool is_entry(const uint8_t code[16])
{
	static const uint8_t landing[] = { 0xf3, 0x0f, 0x1e, 0xfa };  /* endbr64 */
	static const uint8_t clear[] = { 0x31, 0xed };		      /* xor %ebp,%ebp */
	static const uint8_t clear_wide[] = { 0x48, 0x31, 0xed };     /* xor %rbp,%rbp */
	static const uint8_t argument[] = { 0x48, 0x89, 0xe7 };	      /* mov %rsp,%rdi */
	const uint8_t *at = code;

	if (memcmp(at, landing, sizeof(landing)) == 0)
		at += sizeof(landing);
	return memcmp(at, clear, sizeof(clear)) == 0 ||
	       memcmp(at, clear_wide, sizeof(clear_wide)) == 0 ||
	       memcmp(at, argument, sizeof(argument)) == 0;
}

static bool has_interpreter(const struct elf_image *image)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		if (image->segments[i].p_type == PT_INTERP)
			return true;
	}
	return false;
}

static void find_entry(struct search *search)
{
	uint64_t entry = search->image->header.e_entry;
	CLEANUP_FREE uint8_t *code = NULL;

	if (is_code(search->image, entry) &&
	    elf_image_copy_loaded(search->image, entry, 16, 16, &code) == 0 && is_entry(code))
		add(search, entry, ENTRY_BYTES);
}

/* --- musl ------------------------------------------------------------------------ */

struct symbols {
	Elf64_Sym *rows;
	size_t count;
	char *names;
	uint64_t names_size; /* with the NUL behind them */
};

static void symbols_free(struct symbols *symbols)
{
	free(symbols->rows);
	free(symbols->names);
	*symbols = (struct symbols){ 0 };
}

static bool symbols_read(const struct elf_image *image, const Elf64_Shdr *sections, size_t count,
			 const Elf64_Shdr *table, struct symbols *ret_symbols)
{
	const Elf64_Shdr *names = table->sh_link < count ? &sections[table->sh_link] : NULL;
	uint8_t *bytes;

	if (!names || table->sh_entsize != sizeof(Elf64_Sym) ||
	    elf_image_copy(image, table->sh_offset, table->sh_size, MAX_SYMBOLS_BYTES, &bytes))
		return false;
	ret_symbols->rows = (Elf64_Sym *)bytes;
	ret_symbols->count = table->sh_size / sizeof(Elf64_Sym);
	if (elf_image_copy(image, names->sh_offset, names->sh_size, MAX_SYMBOLS_BYTES, &bytes)) {
		symbols_free(ret_symbols);
		return false;
	}
	ret_symbols->names = (char *)bytes;
	ret_symbols->names_size = names->sh_size;
	ret_symbols->names[names->sh_size - 1] = '\0';
	return true;
}

static bool is_called(const struct symbols *symbols, const Elf64_Sym *symbol, const char *name)
{
	return symbol->st_name < symbols->names_size &&
	       strcmp(symbols->names + symbol->st_name, name) == 0;
}

/* Where the function at `start` ends: at the next symbol or the next start. */
static uint64_t length_of(const struct search *search, const struct symbols *symbols, uint64_t start)
{
	uint64_t length = MAX_START;

	for (size_t i = 0; i < symbols->count; i++) {
		uint64_t value = symbols->rows[i].st_value;

		if (symbols->rows[i].st_shndx != SHN_UNDEF && value > start && value - start < length)
			length = value - start;
	}
	for (size_t i = 0; i < search->count; i++) {
		uint64_t value = search->starts[i].start;

		if (value > start && value - start < length)
			length = value - start;
	}
	return length;
}

/* Code whose address `function` takes: lea disp32(%rip), any register (REX.W 8d /r). */
static void find_handed_on(struct search *search, const struct symbols *symbols,
			   const Elf64_Sym *function)
{
	uint64_t size = function->st_size < MAX_FUNCTION ? function->st_size : MAX_FUNCTION;
	CLEANUP_FREE uint8_t *code = NULL;

	if (!is_code(search->image, function->st_value) ||
	    elf_image_copy_loaded(search->image, function->st_value, size, MAX_FUNCTION, &code))
		return;
	for (uint64_t i = 0; i + 7 <= size; i++) {
		uint64_t target;
		int32_t distance;

		if ((code[i] & 0xfb) != 0x48 || code[i + 1] != 0x8d || (code[i + 2] & 0xc7) != 0x05)
			continue;
		memcpy(&distance, code + i + 3, sizeof(distance));
		target = function->st_value + i + 7 + (uint64_t)(int64_t)distance;
		if (is_code(search->image, target) && target % ALIGNMENT == 0)
			add(search, target, length_of(search, symbols, target));
	}
}

static void find_in_symbols(struct search *search, const struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++) {
		const Elf64_Sym *symbol = &symbols->rows[i];

		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
		    (is_called(symbols, symbol, "__libc_start_main") ||
		     is_called(symbols, symbol, "pthread_create")))
			find_handed_on(search, symbols, symbol);
	}
}

size_t stack_starts_find(const struct elf_image *image,
			 struct stack_start ret_starts[STACK_STARTS_MOST])
{
	struct search search = { .image = image, .starts = ret_starts };
	CLEANUP_FREE Elf64_Shdr *sections = NULL;
	size_t count = 0;

	find_entry(&search);
	/* Without one the file begins no program, nor is it a C library; and a program that is
	 * linked to its C library leaves the rest to that. */
	if (!search.count || has_interpreter(image) || elf_image_sections(image, &sections, &count))
		return search.count;
	for (size_t i = 0; i < count; i++) {
		struct symbols symbols = { 0 };

		if ((sections[i].sh_type != SHT_DYNSYM && sections[i].sh_type != SHT_SYMTAB) ||
		    !symbols_read(image, sections, count, &sections[i], &symbols))
			continue;
		find_in_symbols(&search, &symbols);
		symbols_free(&symbols);
		if (search.count > 1)
			break;
	}
	return search.count;
}
