/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of unwind tables: hand-made .eh_frame bytes, tiny ELF files around
 * them, and what must hold for any table. Include after cmocka.h. */
#ifndef TESTS_UNIT_ELF_MAKER_H
#define TESTS_UNIT_ELF_MAKER_H

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "capture/eh_frame.h"

#define FRAME_VADDR 0x401000 /* of .eh_frame */
#define BASE 0x400000	     /* so the first page is this one */
#define TEXT 0x410000
#define TEXT_SIZE 0x10000
#define FUNCTION 0x40 /* length of most functions */

/* What a made file looks like; addresses are ELF virtual addresses. */
struct elf_spec {
	const uint8_t *eh_frame;
	size_t eh_frame_size;
	uint64_t eh_frame_vaddr;
	uint64_t text_vaddr;
	uint64_t text_size;
	bool without_sections; /* then .eh_frame_hdr leads to .eh_frame */
};

struct elf_file {
	uint8_t *bytes;
	size_t size;
};

struct elf_layout {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Shdr sections[3];
	char names[24];
	uint8_t eh_frame_hdr[8];
	uint8_t eh_frame[];
};

static inline struct elf_file elf_make(const struct elf_spec *spec)
{
	static const char names[24] = "\0.eh_frame\0.shstrtab";
	const size_t at = offsetof(struct elf_layout, eh_frame);
	struct elf_file file = { .size = at + spec->eh_frame_size };
	const uint64_t origin = spec->eh_frame_vaddr - at; /* address of file offset 0 */
	/* to .eh_frame, counted from the pointer, which is the header's second word */
	const int32_t distance = 4;
	struct elf_layout *elf = calloc(1, file.size);

	assert_non_null(elf);
	file.bytes = (uint8_t *)elf;
	memcpy(elf->header.e_ident, ELFMAG, SELFMAG);
	elf->header.e_ident[EI_CLASS] = ELFCLASS64;
	elf->header.e_ident[EI_DATA] = ELFDATA2LSB;
	elf->header.e_type = ET_DYN;
	elf->header.e_machine = EM_X86_64;
	elf->header.e_phoff = offsetof(struct elf_layout, segments);
	elf->header.e_phentsize = sizeof(Elf64_Phdr);
	elf->header.e_phnum = 3;
	elf->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
					 .p_flags = PF_R,
					 .p_vaddr = origin,
					 .p_filesz = file.size,
					 .p_memsz = file.size };
	elf->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X,
					 .p_vaddr = spec->text_vaddr,
					 .p_memsz = spec->text_size };
	elf->segments[2] =
		(Elf64_Phdr){ .p_type = PT_GNU_EH_FRAME,
			      .p_offset = offsetof(struct elf_layout, eh_frame_hdr),
			      .p_vaddr = origin + offsetof(struct elf_layout, eh_frame_hdr),
			      .p_filesz = sizeof(elf->eh_frame_hdr) };
	memcpy(elf->eh_frame_hdr, "\1\x1b\xff\xff", 4); /* pcrel|sdata4; no table */
	memcpy(elf->eh_frame_hdr + 4, &distance, 4);
	memcpy(elf->eh_frame, spec->eh_frame, spec->eh_frame_size);
	memcpy(elf->names, names, sizeof(names));
	if (spec->without_sections)
		return file;
	elf->header.e_shoff = offsetof(struct elf_layout, sections);
	elf->header.e_shentsize = sizeof(Elf64_Shdr);
	elf->header.e_shnum = 3;
	elf->header.e_shstrndx = 2;
	elf->sections[1] = (Elf64_Shdr){ .sh_name = 1,
					 .sh_type = SHT_X86_64_UNWIND,
					 .sh_addr = spec->eh_frame_vaddr,
					 .sh_offset = at,
					 .sh_size = spec->eh_frame_size };
	elf->sections[2] = (Elf64_Shdr){ .sh_name = 11,
					 .sh_type = SHT_STRTAB,
					 .sh_offset = offsetof(struct elf_layout, names),
					 .sh_size = sizeof(names) };
	return file;
}

/* The last of rows [low, high) at or below `vaddr`, high > low. */
static inline const struct unwind_row *row_search(const struct unwind_table *table, size_t low,
						  size_t high, uint64_t vaddr)
{
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (table->rows[middle].vaddr <= vaddr)
			low = middle;
		else
			high = middle;
	}
	return &table->rows[low];
}

/* What BPF finds for `vaddr`: through the bucket, NULL beyond the index. */
static inline const struct unwind_row *row_by_bucket(const struct unwind_table *table,
						     uint64_t vaddr)
{
	uint64_t bucket = vaddr >> UNWIND_BUCKET_SHIFT;

	if (bucket >= table->bucket_count)
		return NULL;
	return row_search(table, (uint32_t)table->buckets[bucket], table->buckets[bucket] >> 32,
			  vaddr);
}

/* Everything the header promises of any table, whatever file it came from. */
static inline void assert_table_sound(const struct unwind_table *table)
{
	const uint64_t bucket_bytes = 1 << UNWIND_BUCKET_SHIFT;

	if (!table->row_count) {
		assert_int_equal(table->bucket_count, 0);
		return;
	}
	assert_int_equal(table->rows[0].vaddr, 0);
	assert_int_equal(table->rows[table->row_count - 1].kind, UNWIND_CFA_NONE);
	assert_true(table->rows[table->row_count - 1].vaddr <= table->text_high);
	assert_int_equal(table->bucket_count, (table->text_high + bucket_bytes - 1) / bucket_bytes);
	for (size_t i = 1; i < table->row_count; i++) {
		const struct unwind_row *row = &table->rows[i];

		assert_true(row[-1].vaddr < row->vaddr);
		assert_false(row[-1].kind == row->kind && row[-1].cfa == row->cfa &&
			     row[-1].rbp == row->rbp);
		assert_true((row->kind & 15) <= UNWIND_CFA_END);
		assert_true(row->kind >> 4 <= UNWIND_RBP_UNKNOWN);
	}
	for (size_t i = 0; i < table->bucket_count; i++) {
		uint32_t first = (uint32_t)table->buckets[i];
		uint64_t beyond = table->buckets[i] >> 32;

		assert_true(first < beyond && beyond <= table->row_count);
		assert_true(beyond - first <= bucket_bytes + 1);
		assert_true(table->rows[first].vaddr <= i * bucket_bytes);
		assert_true(first + 1 == table->row_count ||
			    table->rows[first + 1].vaddr > i * bucket_bytes);
		assert_true(beyond == table->row_count ||
			    table->rows[beyond].vaddr >= (i + 1) * bucket_bytes);
		assert_true(table->rows[beyond - 1].vaddr < (i + 1) * bucket_bytes);
	}
}

struct bytes {
	uint8_t data[1024];
	size_t size;
};

static inline void put(struct bytes *out, const void *data, size_t size)
{
	assert_true(size <= sizeof(out->data) - out->size);
	memcpy(out->data + out->size, data, size);
	out->size += size;
}

static inline void put_u32(struct bytes *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

static inline void put_entry(struct bytes *out, const struct bytes *content)
{
	put_u32(out, (uint32_t)content->size);
	put(out, content->data, content->size);
}

/* A literal byte string with its length, as two arguments. */
#define CODE(literal) literal, sizeof(literal) - 1

/* CIE: version 1, "zR" with absolute udata4 addresses, code 1, data -8, column 16. */
#define CIE_HEAD "\1zR\0\1\x78\x10\1\x03"
/* The same for signal frames. */
#define CIE_SIGNAL_HEAD "\1zRS\0\1\x78\x10\1\x03"
/* def_cfa rsp+8; offset rip at CFA-8 */
#define CIE_CODE "\x0c\x07\x08\x90\x01"

static inline void put_cie(struct bytes *out, const char *body, size_t size)
{
	struct bytes content = { 0 };

	put_u32(&content, 0);
	put(&content, body, size);
	put_entry(out, &content);
}

/* An FDE with augmentation of length 0, for the CIE at offset 0. */
static inline void put_fde(struct bytes *out, uint32_t start, uint32_t length, const char *code,
			   size_t size)
{
	struct bytes content = { 0 };

	put_u32(&content, (uint32_t)out->size + 4);
	put_u32(&content, start);
	put_u32(&content, length);
	put(&content, "", 1);
	put(&content, code, size);
	put_entry(out, &content);
}

static inline struct elf_spec spec_of(const struct bytes *frame)
{
	return (struct elf_spec){ .eh_frame = frame->data,
				  .eh_frame_size = frame->size,
				  .eh_frame_vaddr = FRAME_VADDR,
				  .text_vaddr = TEXT,
				  .text_size = TEXT_SIZE };
}

static inline struct unwind_table table_of(const struct bytes *frame)
{
	struct elf_spec spec = spec_of(frame);
	struct elf_file file = elf_make(&spec);
	struct unwind_table table;

	assert_int_equal(unwind_table_read_memory(file.bytes, file.size, &table), 0);
	free(file.bytes);
	assert_int_equal(table.base, BASE);
	assert_table_sound(&table);
	return table;
}

#endif
