/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/eh_frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "capture/cfi.h"
#include "capture/unwind_source.h"

/* Between functions the linker pads up to their alignment; no code runs there,
 * and not marking such a gap saves a row per function. */
#define PADDING 16

/* What one file may cost: many long CIEs that every FDE runs anew, or that
 * overlap, would make the work grow with the square of the file. */
#define MAX_CIE_BYTES 4096   /* usually 20 */
#define MAX_CIES (64U << 10) /* usually 3 */

/* One function description: its rows, in the order of the file. */
struct fde {
	uint32_t start; /* relative to base */
	uint32_t end;
	uint32_t first_row;
	uint32_t row_count;
};

/* A CIE, read when the first FDE asks for it. */
struct known_cie {
	struct cfi_cie cie;
	bool usable;
};

struct builder {
	const struct elf_image *image;
	const struct elf_part *part;
	struct map cie_numbers; /* offset in part -> index of `cies` */
	struct known_cie *cies;
	size_t cie_count, cie_capacity;
	struct fde *fdes;
	size_t fde_count, fde_capacity;
	size_t fde_refused;
	size_t starts; /* of fdes: not described by the file, but found (stack_starts.h) */
	struct cfi_rows rows;
};

/* --- walking the entries --------------------------------------------------- */

static struct cursor cursor_from(const struct elf_part *part, size_t offset)
{
	return (struct cursor){
		.at = part->bytes + offset,
		.end = part->bytes + part->size,
		.end_vaddr = part->vaddr + part->size,
	};
}

/* The content of the next entry, behind its length; empty for a terminator. The
 * 64-bit form (length 0xffffffff) occurs in no file and reads as a bad length. */
static struct cursor next_entry(struct cursor *in)
{
	return cursor_take(in, cursor_fixed(in, 4));
}

static void read_cie_at(const struct builder *builder, size_t offset, struct known_cie *ret_cie)
{
	struct cursor in = cursor_from(builder->part, offset);
	struct cursor entry = next_entry(&in);
	bool is_cie = cursor_left(&entry) <= MAX_CIE_BYTES && cursor_fixed(&entry, 4) == 0;

	ret_cie->usable = is_cie && !entry.bad && cfi_read_cie(entry, &ret_cie->cie) == 0;
}

/* The CIE at `offset`, NULL in *ret_cie when it is unusable; 0, -EFBIG or -ENOMEM. */
static int find_cie(struct builder *builder, size_t offset, const struct cfi_cie **ret_cie)
{
	uint32_t number;
	int err;

	if (!map_get(&builder->cie_numbers, offset, &number)) {
		if (builder->cie_count >= MAX_CIES)
			return -EFBIG;
		err = VEC_PUSH_ROOM(builder->cies, builder->cie_count, builder->cie_capacity);
		if (err)
			return err;
		number = (uint32_t)builder->cie_count;
		err = map_set(&builder->cie_numbers, offset, number);
		if (err)
			return err;
		read_cie_at(builder, offset, &builder->cies[number]);
		builder->cie_count++;
	}
	*ret_cie = builder->cies[number].usable ? &builder->cies[number].cie : NULL;
	return 0;
}

static int add_fde(struct builder *builder, const struct cfi_cie *cie, struct cursor entry)
{
	const struct elf_image *image = builder->image;
	uint64_t start = cursor_pointer(&entry, cie->pointer_encoding);
	uint64_t length = cursor_pointer(&entry, cie->pointer_encoding & DW_EH_PE_format);
	struct fde fde;
	int err;

	if (cie->augmented)
		cursor_skip(&entry, cursor_uleb128(&entry));
	if (!entry.bad && !length)
		return 0; /* of an empty function */
	if (entry.bad || start < image->code_low || start >= image->code_high ||
	    length > image->code_high - start) {
		builder->fde_refused++;
		return 0;
	}
	err = VEC_PUSH_ROOM(builder->fdes, builder->fde_count, builder->fde_capacity);
	if (err)
		return err;
	fde.start = (uint32_t)(start - image->base);
	fde.end = (uint32_t)(start - image->base + length);
	fde.first_row = (uint32_t)builder->rows.count;
	err = cfi_append_rows(cie, entry, start, start + length, image->base, &builder->rows);
	if (err)
		return err;
	fde.row_count = (uint32_t)(builder->rows.count - fde.first_row);
	builder->fdes[builder->fde_count++] = fde;
	return 0;
}

/* `entry` begins at the CIE pointer, which counts back from itself. */
static int read_fde(struct builder *builder, struct cursor entry)
{
	size_t here = (size_t)(entry.at - builder->part->bytes);
	uint64_t distance = cursor_fixed(&entry, 4);
	const struct cfi_cie *cie = NULL;
	int err;

	if (distance <= here) {
		err = find_cie(builder, here - distance, &cie);
		if (err)
			return err;
	}
	if (!cie) {
		builder->fde_refused++;
		return 0;
	}
	return add_fde(builder, cie, entry);
}

/*
 * Linkers leave terminators (length 0) in the middle of the section where an
 * input file had one. Only where the section's end is unknown does one end it.
 */
static int read_entries(struct builder *builder)
{
	struct cursor in = cursor_from(builder->part, 0);
	int err;

	while (cursor_left(&in)) {
		struct cursor entry = next_entry(&in);
		struct cursor peek = entry;

		if (in.bad)
			return 0;
		if (!cursor_left(&entry)) {
			if (builder->part->open_ended)
				return 0;
			continue;
		}
		if (cursor_fixed(&peek, 4) == 0)
			continue; /* a CIE, or too short to be anything */
		err = read_fde(builder, entry);
		if (err)
			return err;
	}
	return 0;
}

static bool is_described(const struct builder *builder, uint64_t vaddr)
{
	uint64_t at = vaddr - builder->image->base;

	for (size_t i = 0; i < builder->fde_count; i++) {
		if (at >= builder->fdes[i].start && at < builder->fdes[i].end)
			return true;
	}
	return false;
}

/* Code where stacks begin, unless .eh_frame speaks of it: one row, that this is the end. */
static int add_start(struct builder *builder, const struct stack_start *start)
{
	uint64_t base = builder->image->base;
	struct fde fde = { .start = (uint32_t)(start->start - base),
			   .end = (uint32_t)(start->end - base),
			   .first_row = (uint32_t)builder->rows.count,
			   .row_count = 1 };
	int err;

	if (start->start < base || is_described(builder, start->start))
		return 0;
	err = VEC_PUSH_ROOM(builder->fdes, builder->fde_count, builder->fde_capacity);
	if (!err)
		err = VEC_PUSH_ROOM(builder->rows.rows, builder->rows.count, builder->rows.capacity);
	if (err)
		return err;
	builder->rows.rows[builder->rows.count++] =
		(struct unwind_row){ .vaddr = fde.start, .kind = UNWIND_CFA_END };
	builder->fdes[builder->fde_count++] = fde;
	builder->starts++;
	return 0;
}

/* --- one table ------------------------------------------------------------- */

static int by_start(const void *left, const void *right)
{
	const struct fde *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->first_row < b->first_row ? -1 : a->first_row > b->first_row;
}

/* Of descriptions that start at one address the first of the file counts. */
static void sort_fdes(struct builder *builder)
{
	size_t kept = 0;

	if (builder->fde_count)
		qsort(builder->fdes, builder->fde_count, sizeof(*builder->fdes), by_start);
	for (size_t i = 0; i < builder->fde_count; i++) {
		if (kept && builder->fdes[kept - 1].start == builder->fdes[i].start)
			builder->fde_refused++;
		else
			builder->fdes[kept++] = builder->fdes[i];
	}
	builder->fde_count = kept;
}

static void put_row(struct unwind_table *table, struct unwind_row row)
{
	if (table->row_count && cfi_same_rule(&table->rows[table->row_count - 1], &row))
		return;
	table->rows[table->row_count++] = row;
}

/* Where descriptions overlap, the one that starts later holds from there on,
 * as it does for a run-time unwinder, which searches by start address. */
static int join_rows(const struct builder *builder, struct unwind_table *table)
{
	size_t room = builder->rows.count + builder->fde_count + 1;

	table->rows = calloc(room, sizeof(*table->rows));
	if (!table->rows)
		return -ENOMEM;
	if (builder->fdes[0].start)
		put_row(table, (struct unwind_row){ .kind = UNWIND_CFA_NONE });
	for (size_t i = 0; i < builder->fde_count; i++) {
		const struct fde *fde = &builder->fdes[i];
		bool is_last = i + 1 == builder->fde_count;
		uint32_t end = fde->end;

		if (!is_last && fde[1].start < end)
			end = fde[1].start;
		for (uint32_t j = 0; j < fde->row_count; j++) {
			const struct unwind_row *row = &builder->rows.rows[fde->first_row + j];

			if (row->vaddr >= end)
				break;
			put_row(table, *row);
		}
		if (is_last || fde[1].start - end >= PADDING)
			put_row(table,
				(struct unwind_row){ .vaddr = end, .kind = UNWIND_CFA_NONE });
		table->text_high = end;
	}
	table->text_low = builder->fdes[0].start;
	return 0;
}

static int index_rows(struct unwind_table *table)
{
	const uint64_t bucket_bytes = 1U << UNWIND_BUCKET_SHIFT;
	uint64_t row = 0, next;

	table->bucket_count = (table->text_high + bucket_bytes - 1) >> UNWIND_BUCKET_SHIFT;
	table->buckets = calloc(table->bucket_count, sizeof(*table->buckets));
	if (!table->buckets)
		return -ENOMEM;
	for (uint64_t i = 0; i < table->bucket_count; i++) {
		uint64_t start = i * bucket_bytes;

		while (row + 1 < table->row_count && table->rows[row + 1].vaddr <= start)
			row++;
		next = row + 1;
		while (next < table->row_count && table->rows[next].vaddr < start + bucket_bytes)
			next++;
		table->buckets[i] = row | next << 32;
		row = next - 1;
	}
	return 0;
}

static int make_table(struct builder *builder, const struct unwind_source *source,
		      struct unwind_table *table)
{
	int err = source->part.bytes ? read_entries(builder) : 0;

	for (size_t i = 0; i < source->start_count && !err; i++)
		err = add_start(builder, &source->starts[i]);
	if (err)
		return err;
	sort_fdes(builder);
	table->fde_count = builder->fde_count - builder->starts;
	table->fde_refused = builder->fde_refused;
	table->rows_inexpressible = builder->rows.inexpressible;
	if (!builder->fde_count)
		return 0;
	err = join_rows(builder, table);
	if (err)
		return err;
	return index_rows(table);
}

static int read_image(const struct elf_image *image, struct unwind_table *ret_table)
{
	struct unwind_table table = { .base = image->base };
	CLEANUP_FREE uint8_t *bytes = NULL;
	struct unwind_source source;
	struct builder builder = { .image = image, .part = &source.part };
	int err = unwind_source_read(image, &source);

	if (err)
		return err;
	bytes = source.part.bytes;
	err = make_table(&builder, &source, &table);
	map_free(&builder.cie_numbers);
	free(builder.cies);
	free(builder.fdes);
	free(builder.rows.rows);
	if (err) {
		unwind_table_free(&table);
		return err;
	}
	elf_image_build_id(image, table.build_id);
	table.print = unwind_source_print(image, &source);
	*ret_table = table;
	return 0;
}

int unwind_table_read(int fd, struct unwind_table *ret_table)
{
	struct elf_image image;
	int err = elf_image_open(fd, &image);

	if (err)
		return err;
	err = read_image(&image, ret_table);
	elf_image_close(&image);
	return err;
}

int unwind_table_read_memory(const void *memory, size_t size, struct unwind_table *ret_table)
{
	struct elf_image image;
	int err = elf_image_open_memory(memory, size, &image);

	if (err)
		return err;
	err = read_image(&image, ret_table);
	elf_image_close(&image);
	return err;
}

int unwind_print_read(int fd, struct unwind_print *ret_print)
{
	struct elf_image image;
	struct unwind_source source;
	int err = elf_image_open(fd, &image);

	if (err)
		return err;
	err = unwind_source_read(&image, &source);
	if (!err) {
		*ret_print = unwind_source_print(&image, &source);
		free(source.part.bytes);
	}
	elf_image_close(&image);
	return err;
}

void unwind_table_free(struct unwind_table *table)
{
	free(table->rows);
	free(table->buckets);
	*table = (struct unwind_table){ 0 };
}
