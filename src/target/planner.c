/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where to put a uprobe, and why it matters
 * -----------------------------------------
 * A uprobe replaces the first byte of an instruction by int3. When the target
 * runs into it, the kernel calls the probe's handlers and must then have the
 * effect of the instruction that the int3 hides. A few instructions it emulates
 * in C and returns: one trap. Any other it copies to a page of its own and
 * single-steps there ("execute out of line"): a second trap, and on a virtual
 * machine about 20 times the price of the first. malloc and free run millions of
 * times a second, so the planner looks for an emulated instruction.
 *
 * What x86 emulates: arch/x86/kernel/uprobes.c, push_setup_xol_ops() and
 * branch_setup_xol_ops():
 *   - push of a 64-bit register: 50+r, or 41 50+r; no other prefix, no other form;
 *   - 90 with any prefix, taken for a nop, which 41 90 is not (xchg %r8d,%eax): no
 *     probe may lie there, since the kernel skips the exchange;
 *   - jmp, call (relative) and jcc, short and near, without an operand size prefix (66);
 *   - recent kernels (measured: 6.18) the longer nops as well. Of these the planner uses
 *     the 3- and 4-byte ones; the 5-byte one is a patch site of kernel and tracers alike.
 * Not: endbr64, mov, lea, test, cmp, sub, push of an immediate, ret, indirect jumps.
 * is_prefix_bad() there refuses a probe altogether on instructions with a segment
 * prefix (26, 2e, 36, 3e) or lock (f0).
 *
 * glibc's free() begins "test %rdi,%rdi; je …": the je at +3 is as good as the
 * entry for a probe, since every call comes by and the argument is still in rdi.
 * So the planner walks from the entry in straight line and takes the first
 * instruction that is emulated, as long as nothing on the way
 *   - writes an argument register that the probe still has to read, unless the argument
 *     was copied to another first (mimalloc's malloc begins so),
 *   - branches, returns or traps (a branch itself may be the site: all calls reach it),
 *   - moves the stack pointer by an unknown amount (by a known one is fine for an
 *     entry probe; a return probe replaces the word at the stack pointer, which must
 *     be the return address, so there it may not move at all),
 *   - is the target of a branch (the site would be hit more than once per call).
 * Otherwise the entry itself is the site, on which a probe always is correct (or the
 * next instruction, under the same conditions, when the kernel refuses a probe there).
 *
 * The kernel does not check that a probe lies on an instruction boundary, and one
 * that does not kills the target. Sites are reached only by decoding from the entry.
 */
#include "target/planner.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

struct step {
	const uint8_t *bytes;
	size_t offset;
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

enum emulation {
	EMULATED_NEVER,
	EMULATED_RECENTLY, /* by recent kernels only */
	EMULATED_ALWAYS,
};

/* System V x86-64 ABI, 3.2.3: the first four integer arguments; and one more register
 * that the probe can read. In the order of enum probe_register. */
static const ZydisRegister argument_registers[] = {
	ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_RDX,
	ZYDIS_REGISTER_RCX, ZYDIS_REGISTER_RAX,
};

#define REGISTERS (sizeof(argument_registers) / sizeof(argument_registers[0]))
#define ARGUMENTS 4

/* Of each argument, the registers that hold it: bit 0 = rdi … as above. */
struct holders {
	uint8_t of[ARGUMENTS];
};

static bool decode(const ZydisDecoder *decoder, const struct probe_request *request, size_t offset,
		   struct step *step)
{
	step->bytes = request->code + offset;
	step->offset = offset;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, step->bytes, request->size - offset,
						   &step->instruction, step->operands));
}

static bool has_prefix(const struct step *step, uint8_t prefix)
{
	for (size_t i = 0; i < step->instruction.raw.prefix_count; i++) {
		if (step->instruction.raw.prefixes[i].value == prefix)
			return true;
	}
	return false;
}

/* See the lecture: is_prefix_bad(), the false nop; and no probe goes on a breakpoint. */
static bool kernel_accepts(const struct step *step)
{
	static const uint8_t bad[] = { 0x26, 0x2e, 0x36, 0x3e, 0xf0 };

	for (size_t i = 0; i < sizeof(bad); i++) {
		if (has_prefix(step, bad[i]))
			return false;
	}
	return step->instruction.mnemonic != ZYDIS_MNEMONIC_INT3 &&
	       !(step->instruction.mnemonic == ZYDIS_MNEMONIC_XCHG &&
		 step->instruction.opcode == 0x90);
}

static bool is_register_push(const struct step *step)
{
	const uint8_t *b = step->bytes;

	if (step->instruction.length == 1)
		return b[0] >= 0x50 && b[0] <= 0x57;
	return step->instruction.length == 2 && b[0] == 0x41 && b[1] >= 0x50 && b[1] <= 0x57;
}

/* A relative jmp, jcc or call; not loop or jrcxz, and not by register or memory. */
static bool is_plain_branch(const struct step *step)
{
	uint8_t opcode = step->instruction.opcode;

	if (step->instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
	    has_prefix(step, 0x66))
		return false;
	if (step->instruction.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return (opcode >= 0x70 && opcode <= 0x7f) || opcode == 0xe8 || opcode == 0xe9 ||
		       opcode == 0xeb;
	return step->instruction.opcode_map == ZYDIS_OPCODE_MAP_0F && opcode >= 0x80 &&
	       opcode <= 0x8f;
}

static enum emulation kernel_emulates(const struct step *step)
{
	/* arch/x86/include/asm/nops.h: BYTES_NOP3, BYTES_NOP4 */
	static const uint8_t nop3[] = { 0x0f, 0x1f, 0x00 };
	static const uint8_t nop4[] = { 0x0f, 0x1f, 0x40, 0x00 };
	size_t length = step->instruction.length;

	if (!kernel_accepts(step))
		return EMULATED_NEVER;
	if (is_register_push(step) || is_plain_branch(step))
		return EMULATED_ALWAYS;
	if (step->instruction.mnemonic == ZYDIS_MNEMONIC_NOP && step->instruction.opcode == 0x90 &&
	    step->instruction.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return EMULATED_ALWAYS;
	if ((length == sizeof(nop3) && memcmp(step->bytes, nop3, length) == 0) ||
	    (length == sizeof(nop4) && memcmp(step->bytes, nop4, length) == 0))
		return EMULATED_RECENTLY;
	return EMULATED_NEVER;
}

/* Does control leave the straight line here? */
static bool leaves_line(const ZydisDecodedInstruction *instruction)
{
	switch (instruction->meta.category) {
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_INTERRUPT:
		return true;
	default:
		break;
	}
	return instruction->mnemonic == ZYDIS_MNEMONIC_UD0 ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_UD1 ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_UD2 ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_HLT ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_XBEGIN;
}

static bool writes_register(const struct step *step, ZydisRegister reg)
{
	for (size_t i = 0; i < step->instruction.operand_count; i++) {
		const ZydisDecodedOperand *operand = &step->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     operand->reg.value) == reg)
			return true;
	}
	return false;
}

/* Bytes by which `step` lowers the stack pointer: 0 when it leaves it alone, -1 unknown. */
static int64_t stack_growth(const struct step *step)
{
	const ZydisDecodedInstruction *instruction = &step->instruction;
	const ZydisDecodedOperand *to = &step->operands[0], *from = &step->operands[1];
	int64_t growth = -1;

	if (!writes_register(step, ZYDIS_REGISTER_RSP))
		return 0;
	if (instruction->mnemonic == ZYDIS_MNEMONIC_PUSH)
		return instruction->operand_width / 8;
	if (instruction->operand_count_visible < 2 || to->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    to->reg.value != ZYDIS_REGISTER_RSP)
		return -1;
	if (instruction->mnemonic == ZYDIS_MNEMONIC_SUB &&
	    from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		growth = from->imm.value.s;
	else if (instruction->mnemonic == ZYDIS_MNEMONIC_LEA &&
		 from->mem.base == ZYDIS_REGISTER_RSP && from->mem.index == ZYDIS_REGISTER_NONE &&
		 from->mem.disp.value > -UINT16_MAX)
		growth = -from->mem.disp.value;
	return growth < 0 || growth > UINT16_MAX ? -1 : growth;
}

/*
 * Offset of the first place after the entry to which some branch of the function goes;
 * SIZE_MAX when none does. Decodes straight through the code, so data between the
 * instructions may end the search early.
 */
static size_t first_branch_target(const ZydisDecoder *decoder, const struct probe_request *request)
{
	size_t first = SIZE_MAX;
	struct step step;

	for (size_t at = 0; at < request->size && decode(decoder, request, at, &step);
	     at += step.instruction.length) {
		const ZydisDecodedOperand *operand = &step.operands[0];
		int64_t target;

		if (step.instruction.operand_count == 0 ||
		    operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
			continue;
		target = (int64_t)(at + step.instruction.length) + operand->imm.value.s;
		if (target > 0 && target < PLANNER_WINDOW && (size_t)target < first)
			first = target;
	}
	return first;
}

/* Is it mov of all 64 bits of one of the registers to another? Which. */
static bool is_copy(const struct step *step, size_t *ret_from, size_t *ret_to)
{
	const ZydisDecodedOperand *to = &step->operands[0], *from = &step->operands[1];

	*ret_from = *ret_to = REGISTERS;
	if (step->instruction.mnemonic != ZYDIS_MNEMONIC_MOV ||
	    to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return false;
	for (size_t i = 0; i < REGISTERS; i++) {
		if (from->reg.value == argument_registers[i])
			*ret_from = i;
		if (to->reg.value == argument_registers[i])
			*ret_to = i;
	}
	return *ret_from < REGISTERS && *ret_to < REGISTERS;
}

/* What the registers hold after `step`. */
static void move_arguments(const struct step *step, struct holders *holders)
{
	const struct holders before = *holders;
	size_t from, to;

	for (size_t i = 0; i < REGISTERS; i++) {
		if (!writes_register(step, argument_registers[i]))
			continue;
		for (size_t j = 0; j < ARGUMENTS; j++)
			holders->of[j] &= (uint8_t)~(1u << i);
	}
	if (!is_copy(step, &from, &to))
		return;
	for (size_t j = 0; j < ARGUMENTS; j++) {
		if (before.of[j] & 1u << from)
			holders->of[j] |= (uint8_t)(1u << to);
	}
}

/* Why the walk cannot go past `step`, told in `why`; "" when it can. Moves *sp_offset and
 * `holders`. */
static void pass(const struct probe_request *request, const struct step *step, uint16_t *sp_offset,
		 struct holders *holders, char why[48])
{
	static const char *const names[] = { "rdi", "rsi", "rdx", "rcx" };
	int64_t growth = stack_growth(step);

	why[0] = '\0';
	if (leaves_line(&step->instruction)) {
		snprintf(why, 48, "control leaves at +%zu", step->offset);
		return;
	}
	move_arguments(step, holders);
	for (size_t i = 0; i < ARGUMENTS; i++) {
		if (request->arguments & 1u << i && !holders->of[i]) {
			snprintf(why, 48, "%s is overwritten at +%zu", names[i], step->offset);
			return;
		}
	}
	if (growth < 0 || *sp_offset + growth > UINT16_MAX ||
	    (growth > 0 && request->with_return)) {
		snprintf(why, 48, "the stack pointer moves at +%zu", step->offset);
		return;
	}
	*sp_offset += growth;
}

/* The instruction in AT&T syntax, as objdump writes it. One too long for `text` is
 * told by its mnemonic alone. */
static void describe(const struct step *step, uint64_t address, char *text, size_t size)
{
	ZydisFormatter formatter;

	text[0] = '\0';
	if (!ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)))
		return;
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, &step->instruction, step->operands,
		    step->instruction.operand_count_visible, text, size, address, NULL)))
		snprintf(text, size, "%s", ZydisMnemonicGetString(step->instruction.mnemonic));
}

/* `step` is the site from now on. */
static void take(struct probe_site *site, const struct probe_request *request,
		 const struct step *step, uint16_t sp_offset, const struct holders *holders,
		 enum emulation emulation)
{
	for (size_t i = 0; i < ARGUMENTS; i++)
		site->registers[i] = (uint8_t)__builtin_ffs(holders->of[i]);
	site->offset = step->offset;
	site->sp_offset = sp_offset;
	site->emulated = emulation != EMULATED_NEVER;
	describe(step, request->vaddr + step->offset, site->instruction,
		 sizeof(site->instruction));
	if (emulation == EMULATED_ALWAYS)
		snprintf(site->reason, sizeof(site->reason), "one trap: %s the kernel emulates",
			 step->offset ? "first instruction" : "the entry is an instruction");
	else if (emulation == EMULATED_RECENTLY)
		snprintf(site->reason, sizeof(site->reason),
			 "one trap on recent kernels, which emulate a long nop");
}

void planner_choose(const struct probe_request *request, struct probe_site *ret_site)
{
	struct probe_request bounded = *request;
	ZydisDecoder decoder;
	struct step step;
	size_t limit;
	uint16_t sp_offset = 0;
	struct holders holders;
	char why[48] = "";
	bool placed = false;

	memset(ret_site, 0, sizeof(*ret_site));
	for (size_t i = 0; i < ARGUMENTS; i++) {
		holders.of[i] = (uint8_t)(1u << i);
		ret_site->registers[i] = (uint8_t)(i + 1);
	}
	if (bounded.size > PLANNER_LOOK)
		bounded.size = PLANNER_LOOK;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	limit = first_branch_target(&decoder, &bounded);
	for (size_t at = 0; !why[0]; at += step.instruction.length) {
		enum emulation emulation;

		if (at >= limit) {
			snprintf(why, sizeof(why), "a branch comes back to +%zu", at);
			break;
		}
		if (at >= PLANNER_WINDOW || at >= bounded.size ||
		    !decode(&decoder, &bounded, at, &step)) {
			snprintf(why, sizeof(why), "no code to go on at +%zu", at);
			break;
		}
		emulation = kernel_emulates(&step);
		if (emulation == EMULATED_ALWAYS) {
			take(ret_site, &bounded, &step, sp_offset, &holders, emulation);
			return;
		}
		if (!ret_site->emulated && (emulation == EMULATED_RECENTLY ||
					    (!placed && kernel_accepts(&step)))) {
			take(ret_site, &bounded, &step, sp_offset, &holders, emulation);
			placed = true;
		}
		pass(&bounded, &step, &sp_offset, &holders, why);
	}
	if (!ret_site->emulated)
		snprintf(ret_site->reason, sizeof(ret_site->reason), "%s: %s",
			 placed ? "two traps, none emulated" : "the kernel may refuse a probe", why);
}
