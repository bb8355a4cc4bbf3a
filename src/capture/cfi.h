/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call frame instructions -> unwind rows: the interpreter behind eh_frame.c.
 *
 * DWARF (5, section 6.4) describes a function's frame as a table: one line per
 * instruction, one column per register, each cell a rule that finds the
 * caller's value. The table would be huge, so it is kept as a program that
 * builds it: a CIE (common information entry) holds the instructions that set
 * up the first line for many functions, an FDE (frame description entry) those
 * that turn it, step by step, into the lines of one function:
 *
 *	CIE  def_cfa rsp+8; offset rip at CFA-8        on entry, call pushed rip
 *	FDE  advance 1; def_cfa_offset 16; offset rbp at CFA-16    after push %rbp
 *	     advance 3; def_cfa_register rbp                       after mov %rsp,%rbp
 *
 * A walk needs three columns only: the CFA, rbp (the one callee-saved register
 * that other rules are made of) and the return address. Everything else is
 * read and dropped. What an unwind_row cannot say becomes UNWIND_CFA_NONE.
 *
 * The bytes come from a file that the target chose; every instruction is
 * bounded, and a broken one ends its function's rows.
 */
#ifndef OUTLIVE_CAPTURE_CFI_H
#define OUTLIVE_CAPTURE_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/cfi_expression.h"
#include "capture/dwarf_cursor.h"
#include "outlive/unwind.h"

/* One line of the table. */
struct cfi_state {
	uint64_t cfa_register; /* CFA = this register + cfa_offset, unless ... */
	int64_t cfa_offset;
	bool cfa_by_expression; /* ... this gives it: */
	struct cfi_expression expression;
	struct cfi_rule rbp;
	struct cfi_rule return_address;
};

struct cfi_cie {
	uint64_t code_align; /* unit of location advances, bytes */
	int64_t data_align;  /* unit of saved-register offsets, bytes */
	uint8_t pointer_encoding;
	bool augmented; /* FDEs carry augmentation data, to be skipped */
	bool signal;	/* 'S': frames of signal handlers' trampolines */
	struct cfi_state initial;
};

/* Rows under construction; all zeroes is empty, `rows` is malloc'ed. */
struct cfi_rows {
	struct unwind_row *rows;
	size_t count;
	size_t capacity;
	size_t inexpressible; /* of them, how many a row could not express */
};

/* Do two rows say the same, wherever they begin? */
static inline bool cfi_same_rule(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->kind == b->kind && a->cfa == b->cfa && a->rbp == b->rbp;
}

#define CFI_MAX_ROWS (16U << 20) /* of one file; the largest seen has 2.8 million */

/*
 * Read a CIE from `entry`, which begins behind the CIE id. Returns 0 and
 * *ret_cie, or -EBADMSG when it is malformed, or of a kind that x86-64 files
 * do not have (then none of its FDEs can be read).
 */
int cfi_read_cie(struct cursor entry, struct cfi_cie *ret_cie);

/*
 * Run `instructions` of an FDE that covers [start, end) (ELF virtual
 * addresses) and append its rows to `rows`: the first at start, then one per
 * change, vaddr being relative to `base`; start - base and end - base fit into
 * 32 bits. Neighbours with equal rules are one row. Malformed instructions make
 * the rest of the function UNWIND_CFA_NONE.
 *
 * Returns 0, -EFBIG beyond CFI_MAX_ROWS, or -ENOMEM; rows appended before an
 * error stay.
 */
int cfi_append_rows(const struct cfi_cie *cie, struct cursor instructions, uint64_t start,
		    uint64_t end, uint64_t base, struct cfi_rows *rows);

#endif
