/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/exits.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "outlive/wire.h"
#include "target/elf_file.h"

#define MAX_STEPS 4096	  /* instructions followed */
#define MAX_INSTRUCTION 15 /* bytes: Intel SDM, volume 2, 2.3.11 */

struct walk {
	const struct elf_file *file;
	ZydisDecoder decoder;
	struct map seen;  /* addresses */
	struct map slots; /* see elf_file_slot_map() */
	uint64_t *later; /* to be followed */
	size_t later_count, later_capacity;
	uint64_t begin;
	const uint64_t *stops;
	size_t stop_count;
	struct exit_site *sites;
	int site_count;
};

static void walk_free(struct walk *walk)
{
	map_free(&walk->seen);
	map_free(&walk->slots);
	free(walk->later);
}

static int follow_later(struct walk *walk, uint64_t vaddr)
{
	uint32_t before;
	int err;

	if (map_get(&walk->seen, vaddr, &before))
		return 0;
	err = VEC_PUSH_ROOM(walk->later, walk->later_count, walk->later_capacity);
	if (!err)
		walk->later[walk->later_count++] = vaddr;
	return err;
}

/* Is `goal` a stub of the procedure linkage table? Then *ret_symbol is whose. */
static bool is_stub(const struct walk *walk, uint64_t goal, uint32_t *ret_symbol)
{
	uint64_t slot;

	return elf_file_stub(walk->file, goal, &slot) && map_get(&walk->slots, slot, ret_symbol);
}

/* Where a direct jump to `goal` ends up: a stub leads on to a function of this file, or of
 * another: then false. */
static bool final_goal(const struct walk *walk, uint64_t goal, uint64_t *ret_vaddr)
{
	uint32_t symbol;

	*ret_vaddr = goal;
	return !is_stub(walk, goal, &symbol) ||
	       elf_file_symbol_goal(walk->file, symbol, ret_vaddr) == 0;
}

static bool never_returns(const struct walk *walk, uint64_t goal)
{
	static const char *const names[] = {
		"abort", "exit", "_exit", "__stack_chk_fail", "__assert_fail", "_Unwind_Resume",
		"__cxa_throw", "__cxa_rethrow", "_ZSt9terminatev",
		"_ZSt17__throw_bad_allocv", "_ZSt20__throw_system_errori",
	};
	uint32_t symbol;

	return is_stub(walk, goal, &symbol) &&
	       elf_file_symbol_is(walk->file, symbol, names, ARRAY_LENGTH(names));
}

static int add_site(struct walk *walk, uint64_t vaddr, uint64_t cookie, bool is_return)
{
	if (walk->site_count == EXITS_MAX)
		return -E2BIG;
	walk->sites[walk->site_count++] = (struct exit_site){ .vaddr = vaddr, .cookie = cookie,
							      .is_return = is_return };
	return 0;
}

static bool is_stop(const struct walk *walk, uint64_t vaddr)
{
	for (size_t i = 0; i < walk->stop_count; i++) {
		if (walk->stops[i] == vaddr)
			return true;
	}
	return false;
}

struct step {
	uint8_t bytes[MAX_INSTRUCTION];
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	bool direct;   /* a jump or call by a distance */
	uint64_t goal; /* of that */
};

static bool decode(const struct walk *walk, uint64_t at, struct step *step)
{
	long size = elf_file_read(walk->file, at, step->bytes, sizeof(step->bytes));

	if (size <= 0 || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&walk->decoder, step->bytes, size,
							      &step->instruction, step->operands)))
		return false;
	step->direct = step->operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		       step->operands[0].imm.is_relative;
	step->goal = at + step->instruction.length +
		     (step->direct ? (uint64_t)step->operands[0].imm.value.s : 0);
	return true;
}

/* --- the way from a conditional jump to the end ------------------------------------- */

#define REGISTERS 16	/* general ones, by their number in instructions */
#define STACK_POINTER 4
#define FRAME_POINTER 5
#define NO_ORIGIN REGISTERS
#define STRAIGHT_STEPS 32

/* Number of a general register, whole or in part; REGISTERS for any other. */
static uint8_t number_of(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15
		       ? (uint8_t)ZydisRegisterGetId(whole)
		       : REGISTERS;
}

/* Which register at the beginning each has its value from, after `step`. False: it moves
 * the stack or its frame. */
static bool move_origins(const struct step *step, uint8_t origins[REGISTERS])
{
	const ZydisDecodedOperand *to = &step->operands[0], *from = &step->operands[1];
	uint8_t moved = NO_ORIGIN;

	if (step->instruction.mnemonic == ZYDIS_MNEMONIC_MOV &&
	    from->type == ZYDIS_OPERAND_TYPE_REGISTER && from->size == 64 &&
	    number_of(from->reg.value) < REGISTERS)
		moved = origins[number_of(from->reg.value)];
	for (size_t i = 0; i < step->instruction.operand_count; i++) {
		const ZydisDecodedOperand *operand = &step->operands[i];
		uint8_t number = REGISTERS;

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			number = number_of(operand->reg.value);
		if (number == STACK_POINTER || number == FRAME_POINTER)
			return false;
		if (number < REGISTERS)
			origins[number] = operand == to ? moved : NO_ORIGIN;
	}
	return true;
}

/* Does the code from `at` on run straight to a return instruction? Then *ret_register has
 * the result already. */
static bool runs_out(const struct walk *walk, uint64_t at, uint8_t *ret_register)
{
	uint8_t origins[REGISTERS];
	struct step step;

	for (uint8_t i = 0; i < REGISTERS; i++)
		origins[i] = i == STACK_POINTER || i == FRAME_POINTER ? NO_ORIGIN : i;
	for (int i = 0; i < STRAIGHT_STEPS; i++) {
		if (is_stop(walk, at) || !decode(walk, at, &step))
			return false;
		switch (step.instruction.meta.category) {
		case ZYDIS_CATEGORY_RET:
			*ret_register = origins[0];
			return origins[0] != NO_ORIGIN;
		case ZYDIS_CATEGORY_UNCOND_BR:
			if (!step.direct)
				return false;
			at = step.goal;
			continue;
		case ZYDIS_CATEGORY_CALL:
		case ZYDIS_CATEGORY_COND_BR:
		case ZYDIS_CATEGORY_SYSCALL:
		case ZYDIS_CATEGORY_INTERRUPT:
			return false;
		default:
			break;
		}
		if (!move_origins(&step, origins))
			return false;
		at += step.instruction.length;
	}
	return false;
}

/* jcc, short or near, without prefixes: what the kernel emulates. */
static bool is_emulated_jump(const struct step *step, uint8_t *ret_condition)
{
	const uint8_t *b = step->bytes;

	*ret_condition = (b[0] == 0x0f ? b[1] : b[0]) & 15;
	return (b[0] >= 0x70 && b[0] <= 0x7f) || (b[0] == 0x0f && b[1] >= 0x80 && b[1] <= 0x8f);
}

/* A conditional jump at `at`: a site, as far as it decides the call's end; what it leaves
 * open is followed. Returns 1: go on behind it; 0: not; or a -errno. */
static int take_jump(struct walk *walk, uint64_t at, const struct step *step)
{
	uint64_t behind = at + step->instruction.length, goal = step->goal;
	uint8_t condition, taken, other;
	bool taken_ends, other_ends;
	int err = 0;

	if (at == walk->begin || !is_emulated_jump(step, &condition))
		return final_goal(walk, goal, &goal) && (err = follow_later(walk, goal)) ? err : 1;
	taken_ends = runs_out(walk, goal, &taken);
	other_ends = runs_out(walk, behind, &other);
	if (taken_ends && other_ends && taken == other)
		return add_site(walk, at, leave_pack(taken, condition, LEAVE_ALWAYS), false);
	if (taken_ends)
		err = add_site(walk, at, leave_pack(taken, condition, LEAVE_IF), false);
	else if (other_ends)
		err = add_site(walk, at, leave_pack(other, condition, LEAVE_UNLESS), false);
	if (!err && !taken_ends && final_goal(walk, goal, &goal))
		err = follow_later(walk, goal);
	return err ? err : taken_ends || !other_ends;
}

/* --- all ways ------------------------------------------------------------------------ */

/* Follow the straight line from `at` until it ends. Returns 0 or a -errno. */
static int follow(struct walk *walk, uint64_t at)
{
	struct step step;
	uint32_t before;

	for (;; at += step.instruction.length) {
		int result;

		if (map_get(&walk->seen, at, &before))
			return 0;
		if (walk->seen.count >= MAX_STEPS)
			return -E2BIG;
		if (map_set(&walk->seen, at, 0))
			return -ENOMEM;
		if (!decode(walk, at, &step))
			return 0;
		switch (step.instruction.meta.category) {
		case ZYDIS_CATEGORY_RET:
			return add_site(walk, at, leave_pack(0, 0, LEAVE_ALWAYS), true);
		case ZYDIS_CATEGORY_CALL:
			if (step.direct && never_returns(walk, step.goal))
				return 0;
			break;
		case ZYDIS_CATEGORY_UNCOND_BR:
			return step.direct && final_goal(walk, step.goal, &step.goal)
				       ? follow_later(walk, step.goal)
				       : 0;
		case ZYDIS_CATEGORY_COND_BR:
			result = step.direct ? take_jump(walk, at, &step) : 1;
			if (result <= 0)
				return result;
			break;
		default:
			break;
		}
		if (step.instruction.mnemonic == ZYDIS_MNEMONIC_UD2 ||
		    step.instruction.mnemonic == ZYDIS_MNEMONIC_HLT ||
		    step.instruction.mnemonic == ZYDIS_MNEMONIC_INT3)
			return 0;
	}
}

int exits_find(const struct elf_file *file, uint64_t entry, uint64_t begin, const uint64_t *stops,
	       size_t stop_count, struct exit_site *ret_sites)
{
	__attribute__((cleanup(walk_free))) struct walk walk = {
		.file = file, .begin = begin, .stops = stops, .stop_count = stop_count, .sites = ret_sites,
	};
	int err = elf_file_slot_map(file, &walk.slots);

	ZydisDecoderInit(&walk.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (size_t i = 0; i < stop_count && !err; i++)
		err = stops[i] == entry ? 0 : map_set(&walk.seen, stops[i], 0);
	if (!err)
		err = follow_later(&walk, entry);
	while (walk.later_count && !err)
		err = follow(&walk, walk.later[--walk.later_count]);
	if (err)
		return err;
	return walk.site_count ? walk.site_count : -ENOENT;
}
