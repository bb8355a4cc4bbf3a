/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind rows of one ELF file, made from its .eh_frame.
 *
 * .eh_frame (LSB 5.0 Core, 10.6.1) is a list of entries: CIEs and FDEs, which
 * cfi.h explains. Here the list is walked, the rows of all functions are put
 * into one sorted table without overlaps, and the table gets the bucket index
 * that BPF searches (outlive/unwind.h). Code where stacks begin without saying so gets a row as
 * well (stack_starts.h).
 *
 * Addresses in a table are ELF virtual addresses minus `base`, so that they
 * fit into 32 bits also in a file that is linked to a fixed, high address. For
 * a mapping of the file that starts at `start` and shows the file from
 * `offset` of an executable segment on:
 *
 *	bias = start - (p_vaddr + (offset - p_offset)) + base;  pc - bias = row vaddr
 */
#ifndef OUTLIVE_CAPTURE_EH_FRAME_H
#define OUTLIVE_CAPTURE_EH_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "capture/elf_image.h"
#include "capture/unwind_source.h"
#include "outlive/unwind.h"

struct unwind_table {
	/* Sorted by vaddr, all different; rows[0].vaddr is 0. A row is in force up to
	 * the next one; where nothing is known an UNWIND_CFA_NONE row stands. */
	struct unwind_row *rows;
	size_t row_count;
	/* Bucket b covers [b << UNWIND_BUCKET_SHIFT, (b + 1) << UNWIND_BUCKET_SHIFT),
	 * up to text_high; row numbers in it count from rows[0], so a loader that puts
	 * the rows elsewhere adds its first row's number to both halves. */
	uint64_t *buckets;
	size_t bucket_count;
	uint64_t base;		   /* page of the lowest PT_LOAD address: what vaddr counts from */
	uint64_t text_low;	   /* the first address a function description covers ... */
	uint64_t text_high;	   /* ... and the end of the last one; relative to base */
	size_t fde_count;	   /* function descriptions used */
	size_t fde_refused;	   /* malformed ones, or outside the executable segments */
	size_t rows_inexpressible; /* rows made whose rule is none that rows can say */
	char build_id[ELF_BUILD_ID_TEXT]; /* hex; "" without one */
	struct unwind_print print; /* of what it was made of */
};

/*
 * Make the table of the ELF file behind `fd`: an open regular file, whose file
 * position is neither used nor changed; it stays the caller's.
 *
 * Returns 0 and *ret_table, to be released with unwind_table_free. A file
 * without .eh_frame, or with nothing usable in it, gives 0 and a table without
 * rows and buckets. Errors, with *ret_table untouched: -ENOEXEC (no executable
 * or shared object for little-endian x86-64, broken headers, or it shrank while
 * it was read), -EFBIG (.eh_frame beyond 256 MiB, CFI_MAX_ROWS or 65536 CIEs), -ENOMEM,
 * or the error of reading.
 */
int unwind_table_read(int fd, struct unwind_table *ret_table);

/* The same for an ELF file of `size` bytes in memory, like the vdso that
 * getauxval(AT_SYSINFO_EHDR) points at. Nothing of `image` is kept. */
int unwind_table_read_memory(const void *image, size_t size, struct unwind_table *ret_table);

/*
 * The fingerprint that unwind_table_read would give the file behind `fd`, without making the table.
 * Returns 0 and *ret_print, or a -errno as unwind_table_read's.
 */
int unwind_print_read(int fd, struct unwind_print *ret_print);

/* Release what a table owns and make it empty; an all-zeroes table is fine. */
void unwind_table_free(struct unwind_table *table);

#endif
