/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF expressions in call frame rules.
 *
 * An expression is a program of its own for a small stack machine (DWARF 5,
 * section 2.5). None is ever run: compilers, linkers and assembly writers use a
 * handful of shapes, and those are recognised and turned into rules that a row
 * can say. Any other is no rule.
 */
#ifndef OUTLIVE_CAPTURE_CFI_EXPRESSION_H
#define OUTLIVE_CAPTURE_CFI_EXPRESSION_H

#include <stdint.h>

#include "capture/dwarf_cursor.h"
#include "outlive/unwind.h"

enum cfi_rule_kind {
	CFI_SAME = 0,  /* no rule, or same_value */
	CFI_UNDEFINED, /* the value is lost */
	CFI_AT_CFA,    /* saved at CFA + offset */
	CFI_AT_RBP,    /* saved at rbp + offset */
	CFI_OTHER,     /* a rule that rows cannot express */
};

struct cfi_rule {
	enum cfi_rule_kind kind;
	int64_t offset;
};

/* A CFA expression as an unwind_row says it; all zeroes: it cannot. */
struct cfi_expression {
	enum unwind_cfa kind;
	int16_t cfa;
};

/* What the CFA expression `in` (all of it, without its length) amounts to. */
struct cfi_expression cfi_cfa_expression(struct cursor in);

/* The same for the operand of DW_CFA_expression, which gives the address where
 * a register is saved: CFI_AT_RBP, or CFI_OTHER. */
struct cfi_rule cfi_save_expression(struct cursor in);

#endif
