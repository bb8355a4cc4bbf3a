/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/cfi.h"

#include <errno.h>

#include "base/vec.h"
#include "capture/cfi_expression.h"
#include "capture/dwarf_codes.h"

/* Where a ucontext, which sp points at in a signal trampoline, keeps the
 * interrupted rsp: offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]). */
#define UCONTEXT_RSP 160

#define REMEMBERED_STATES 8 /* compilers nest one deep */

struct run {
	const struct cfi_cie *cie; /* initial state: what `restore` goes back to */
	uint64_t location;
	struct cfi_state state;
	struct cfi_state remembered[REMEMBERED_STATES];
	unsigned int depth;
};

/* `remembered` stays as it is: clearing it would cost more than most runs. */
static void start_run(struct run *run, const struct cfi_cie *cie, uint64_t location)
{
	run->cie = cie;
	run->location = location;
	run->state = cie->initial;
	run->depth = 0;
}

/* Products wrap instead of overflowing: nonsense is caught when rows are made. */
static int64_t scaled(uint64_t value, int64_t unit)
{
	return (int64_t)(value * (uint64_t)unit);
}

/* --- instructions ---------------------------------------------------------- */

static struct cfi_rule *rule_of(struct cfi_state *state, uint64_t number)
{
	switch (number) {
	case REGISTER_RBP:
		return &state->rbp;
	case REGISTER_RETURN_ADDRESS:
		return &state->return_address;
	default:
		return NULL;
	}
}

static void set_rule(struct run *run, uint64_t number, enum cfi_rule_kind kind, int64_t offset)
{
	struct cfi_rule *rule = rule_of(&run->state, number);

	if (rule)
		*rule = (struct cfi_rule){ .kind = kind, .offset = offset };
}

static void restore_rule(struct run *run, uint64_t number)
{
	struct cfi_state initial = run->cie->initial;
	struct cfi_rule *rule = rule_of(&run->state, number);

	if (rule)
		*rule = *rule_of(&initial, number);
}

static void define_cfa(struct cfi_state *state, uint64_t number, int64_t offset)
{
	state->cfa_by_expression = false;
	state->cfa_register = number;
	state->cfa_offset = offset;
}

static bool run_cfa_instruction(struct run *run, struct cursor *in, uint8_t operation)
{
	struct cfi_state *state = &run->state;
	int64_t data_align = run->cie->data_align;
	uint64_t number;

	switch (operation) {
	case DW_CFA_def_cfa:
		number = cursor_uleb128(in);
		define_cfa(state, number, (int64_t)cursor_uleb128(in));
		return true;
	case DW_CFA_def_cfa_sf:
		number = cursor_uleb128(in);
		define_cfa(state, number, scaled(cursor_leb128(in, true), data_align));
		return true;
	case DW_CFA_def_cfa_register:
		define_cfa(state, cursor_uleb128(in), state->cfa_offset);
		return true;
	case DW_CFA_def_cfa_offset:
		define_cfa(state, state->cfa_register, (int64_t)cursor_uleb128(in));
		return true;
	case DW_CFA_def_cfa_offset_sf:
		define_cfa(state, state->cfa_register, scaled(cursor_leb128(in, true), data_align));
		return true;
	case DW_CFA_def_cfa_expression:
		state->cfa_by_expression = true;
		state->expression = cfi_cfa_expression(cursor_take(in, cursor_uleb128(in)));
		return true;
	default:
		return false;
	}
}

static bool run_register_instruction(struct run *run, struct cursor *in, uint8_t operation)
{
	int64_t data_align = run->cie->data_align;
	uint64_t number = cursor_uleb128(in);
	struct cfi_rule rule;

	switch (operation) {
	case DW_CFA_offset_extended:
		set_rule(run, number, CFI_AT_CFA, scaled(cursor_uleb128(in), data_align));
		return true;
	case DW_CFA_offset_extended_sf:
		set_rule(run, number, CFI_AT_CFA, scaled(cursor_leb128(in, true), data_align));
		return true;
	case DW_CFA_GNU_negative_offset_extended:
		set_rule(run, number, CFI_AT_CFA, scaled(-cursor_uleb128(in), data_align));
		return true;
	case DW_CFA_restore_extended:
		restore_rule(run, number);
		return true;
	case DW_CFA_undefined:
		set_rule(run, number, CFI_UNDEFINED, 0);
		return true;
	case DW_CFA_same_value:
		set_rule(run, number, CFI_SAME, 0);
		return true;
	case DW_CFA_expression:
		rule = cfi_save_expression(cursor_take(in, cursor_uleb128(in)));
		set_rule(run, number, rule.kind, rule.offset);
		return true;
	case DW_CFA_val_expression:
		cursor_skip(in, cursor_uleb128(in));
		set_rule(run, number, CFI_OTHER, 0);
		return true;
	case DW_CFA_register:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		cursor_uleb128(in);
		set_rule(run, number, CFI_OTHER, 0);
		return true;
	default:
		return false;
	}
}

/* One instruction; false when it is malformed or unknown. An advance moves
 * run->location, everything else changes run->state. */
static bool step(struct run *run, struct cursor *in)
{
	const struct cfi_cie *cie = run->cie;
	uint8_t operation = cursor_u8(in);
	uint8_t operand = operation & (uint8_t)~DW_CFA_primary;

	switch (operation & DW_CFA_primary) {
	case DW_CFA_advance_loc:
		run->location += operand * cie->code_align;
		return true;
	case DW_CFA_offset:
		set_rule(run, operand, CFI_AT_CFA, scaled(cursor_uleb128(in), cie->data_align));
		return !in->bad;
	case DW_CFA_restore:
		restore_rule(run, operand);
		return true;
	}
	switch (operation) {
	case DW_CFA_nop:
	case DW_CFA_GNU_window_save:
		return !in->bad;
	case DW_CFA_set_loc:
		run->location = cursor_pointer(in, cie->pointer_encoding);
		return !in->bad;
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		run->location +=
			cursor_fixed(in, 1U << (operation - DW_CFA_advance_loc1)) * cie->code_align;
		return !in->bad;
	case DW_CFA_GNU_args_size:
		cursor_uleb128(in);
		return !in->bad;
	case DW_CFA_remember_state:
		if (run->depth == REMEMBERED_STATES)
			return false;
		run->remembered[run->depth++] = run->state;
		return true;
	case DW_CFA_restore_state:
		if (!run->depth)
			return false;
		run->state = run->remembered[--run->depth];
		return true;
	}
	if (!run_cfa_instruction(run, in, operation) &&
	    !run_register_instruction(run, in, operation))
		return false;
	return !in->bad;
}

/* --- lines to rows --------------------------------------------------------- */

static void encode_rbp(const struct cfi_rule *rule, struct unwind_row *row)
{
	enum unwind_rbp kind = rule->kind == CFI_AT_RBP ? UNWIND_RBP_AT_RBP : UNWIND_RBP_AT_CFA;
	int64_t words = rule->offset / 8;

	if (rule->kind == CFI_SAME)
		return;
	if ((rule->kind != CFI_AT_CFA && rule->kind != CFI_AT_RBP) || rule->offset % 8 ||
	    words < INT8_MIN || words > INT8_MAX) {
		row->kind |= UNWIND_RBP_UNKNOWN << 4;
		return;
	}
	row->kind |= (uint8_t)(kind << 4);
	row->rbp = (int8_t)words;
}

static bool encode_cfa(const struct cfi_state *state, struct unwind_row *row)
{
	int64_t words = state->cfa_offset / 8;

	if (state->cfa_by_expression) {
		row->kind = (uint8_t)state->expression.kind;
		row->cfa = state->expression.cfa;
		return row->kind != UNWIND_CFA_NONE;
	}
	if (state->cfa_offset % 8 || words < INT16_MIN || words > INT16_MAX)
		return false;
	if (state->cfa_register != REGISTER_RSP && state->cfa_register != REGISTER_RBP)
		return false;
	row->kind = state->cfa_register == REGISTER_RSP ? UNWIND_CFA_RSP : UNWIND_CFA_RBP;
	row->cfa = (int16_t)words;
	return true;
}

/* The rule of `state` as a row without an address; UNWIND_CFA_NONE is all zeroes. */
static struct unwind_row encode(const struct cfi_cie *cie, const struct cfi_state *state)
{
	const struct unwind_row none = { .kind = UNWIND_CFA_NONE };
	const struct cfi_rule *ra = &state->return_address;
	struct unwind_row row = none;

	if (ra->kind == CFI_UNDEFINED)
		return (struct unwind_row){ .kind = UNWIND_CFA_END };
	if (!encode_cfa(state, &row))
		return none;
	if (cie->signal && row.kind == UNWIND_CFA_DEREF_RSP && row.cfa == UCONTEXT_RSP / 8 * 64)
		return (struct unwind_row){ .kind = UNWIND_CFA_SIGNAL };
	if (ra->kind != CFI_AT_CFA || ra->offset != -8)
		return none;
	encode_rbp(&state->rbp, &row);
	return row;
}

static int append(struct cfi_rows *rows, size_t first, uint32_t vaddr, struct unwind_row row)
{
	int err;

	if (rows->count > first && cfi_same_rule(&rows->rows[rows->count - 1], &row))
		return 0;
	if (rows->count >= CFI_MAX_ROWS)
		return -EFBIG;
	err = VEC_PUSH_ROOM(rows->rows, rows->count, rows->capacity);
	if (err)
		return err;
	row.vaddr = vaddr;
	rows->rows[rows->count++] = row;
	if (row.kind == UNWIND_CFA_NONE)
		rows->inexpressible++;
	return 0;
}

int cfi_append_rows(const struct cfi_cie *cie, struct cursor instructions, uint64_t start,
		    uint64_t end, uint64_t base, struct cfi_rows *rows)
{
	struct run run;
	const struct unwind_row none = { .kind = UNWIND_CFA_NONE };
	size_t first = rows->count;
	uint64_t location;
	int err;

	start_run(&run, cie, start);
	while (cursor_left(&instructions)) {
		location = run.location;
		if (!step(&run, &instructions))
			return append(rows, first, (uint32_t)(location - base), none);
		if (run.location == location)
			continue;
		if (run.location < location)
			return append(rows, first, (uint32_t)(location - base), none);
		err = append(rows, first, (uint32_t)(location - base), encode(cie, &run.state));
		if (err || run.location >= end)
			return err;
	}
	return append(rows, first, (uint32_t)(run.location - base), encode(cie, &run.state));
}

/* --- CIE ------------------------------------------------------------------- */

/* The letters behind 'z' say what the augmentation data holds, in order. */
static bool read_augmentation(const char *letters, struct cursor data, struct cfi_cie *cie)
{
	uint8_t encoding;

	for (; *letters; letters++) {
		switch (*letters) {
		case 'R': /* encoding of FDE addresses */
			cie->pointer_encoding = cursor_u8(&data);
			break;
		case 'P': /* personality routine: an encoding and a pointer so encoded */
			encoding = cursor_u8(&data);
			if (encoding != DW_EH_PE_omit)
				cursor_pointer(&data, encoding & DW_EH_PE_format);
			break;
		case 'L': /* encoding of FDEs' language-specific data */
			cursor_u8(&data);
			break;
		case 'S':
			cie->signal = true;
			break;
		default:
			return false;
		}
	}
	return !data.bad;
}

int cfi_read_cie(struct cursor entry, struct cfi_cie *ret_cie)
{
	struct cfi_cie cie = { .pointer_encoding = DW_EH_PE_absptr };
	struct run run;
	uint8_t version = cursor_u8(&entry);
	const char *augmentation = (const char *)entry.at;
	uint64_t return_address_register;

	while (cursor_u8(&entry))
		;
	if (entry.bad || (version != 1 && version != 3 && version != 4))
		return -EBADMSG;
	if (version == 4 && (cursor_u8(&entry) != 8 || cursor_u8(&entry) != 0))
		return -EBADMSG; /* sizes of an address and of a segment selector */
	cie.code_align = cursor_uleb128(&entry);
	cie.data_align = cursor_sleb128(&entry);
	return_address_register = version == 1 ? cursor_u8(&entry) : cursor_uleb128(&entry);
	if (return_address_register != REGISTER_RETURN_ADDRESS)
		return -EBADMSG;
	cie.augmented = *augmentation == 'z';
	if (cie.augmented) {
		struct cursor data = cursor_take(&entry, cursor_uleb128(&entry));

		if (!read_augmentation(augmentation + 1, data, &cie))
			return -EBADMSG;
	} else if (*augmentation) {
		return -EBADMSG;
	}
	start_run(&run, &cie, 0);
	while (cursor_left(&entry)) {
		if (!step(&run, &entry) || run.location)
			return -EBADMSG;
	}
	if (entry.bad)
		return -EBADMSG;
	cie.initial = run.state;
	*ret_cie = cie;
	return 0;
}
