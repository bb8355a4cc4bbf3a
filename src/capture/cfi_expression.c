/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/cfi_expression.h"

#include "capture/dwarf_codes.h"

/*
 * What follows `rsp + 8` in GNU ld's rule for lazy PLT stubs: 16 bytes of code
 * each, and one word more on the stack in its second part,
 * ... + ((rip & 15) >= `threshold`) << 3.
 */
static bool is_plt_tail(struct cursor in, int16_t *ret_threshold)
{
	uint8_t threshold;

	if (cursor_u8(&in) != DW_OP_breg16 || cursor_sleb128(&in) != 0 ||
	    cursor_u8(&in) != DW_OP_lit15 || cursor_u8(&in) != DW_OP_and)
		return false;
	threshold = cursor_u8(&in);
	if (threshold < DW_OP_lit0 || threshold > DW_OP_lit15)
		return false;
	if (cursor_u8(&in) != DW_OP_ge || cursor_u8(&in) != DW_OP_lit3 ||
	    cursor_u8(&in) != DW_OP_shl || cursor_u8(&in) != DW_OP_plus || cursor_left(&in))
		return false;
	*ret_threshold = (int16_t)(threshold - DW_OP_lit0);
	return true;
}

/* deref [plus_uconst `add`], up to the end. */
static bool is_deref_tail(struct cursor in, uint64_t *ret_add)
{
	uint64_t add = 0;

	if (cursor_u8(&in) != DW_OP_deref)
		return false;
	if (cursor_left(&in)) {
		if (cursor_u8(&in) != DW_OP_plus_uconst)
			return false;
		add = cursor_uleb128(&in);
	}
	if (in.bad || cursor_left(&in))
		return false;
	*ret_add = add;
	return true;
}

struct cfi_expression cfi_cfa_expression(struct cursor in)
{
	const struct cfi_expression none = { .kind = UNWIND_CFA_NONE };
	uint8_t operation = cursor_u8(&in);
	int64_t offset = cursor_sleb128(&in);
	int16_t threshold;
	uint64_t add;

	if (operation != DW_OP_breg6 && operation != DW_OP_breg7)
		return none;
	if (operation == DW_OP_breg7 && offset == 8 && is_plt_tail(in, &threshold))
		return (struct cfi_expression){ .kind = UNWIND_CFA_PLT, .cfa = threshold };
	if (!is_deref_tail(in, &add) || offset % 8 || add % 8 || add / 8 > 63)
		return none;
	if (offset / 8 < INT16_MIN / 64 || offset / 8 > INT16_MAX / 64)
		return none;
	return (struct cfi_expression){
		.kind = operation == DW_OP_breg6 ? UNWIND_CFA_DEREF_RBP : UNWIND_CFA_DEREF_RSP,
		.cfa = (int16_t)(offset / 8 * 64 + (int64_t)(add / 8)),
	};
}

struct cfi_rule cfi_save_expression(struct cursor in)
{
	uint8_t operation = cursor_u8(&in);
	int64_t offset = cursor_sleb128(&in);

	if (operation != DW_OP_breg6 || in.bad || cursor_left(&in))
		return (struct cfi_rule){ .kind = CFI_OTHER };
	return (struct cfi_rule){ .kind = CFI_AT_RBP, .offset = offset };
}
