/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/forward.h"

#include <Zydis/Zydis.h>
#include <string.h>

#include "target/elf_file.h"

#define MAX_CODE 1024 /* bytes of a function that are followed; the rest counts as an end */
#define MAX_STEPS 2048

struct path {
	uint16_t at;
	bool argument_kept; /* the first argument is still in rdi */
};

struct walk {
	const struct elf_file *file;
	const struct forward_code *code;
	const struct forward_targets *targets;
	ZydisDecoder decoder;
	size_t size;
	struct path paths[MAX_CODE]; /* beginnings still to be followed */
	size_t path_count;
	uint8_t seen[MAX_CODE]; /* 1: with the argument kept; 2: with another */
	bool found, found_changed, by_pointer, ended;
};

static bool is_entry(const struct walk *walk, uint64_t vaddr)
{
	for (size_t i = 0; i < walk->targets->entry_count; i++) {
		if (walk->targets->entries[i] == vaddr)
			return true;
	}
	return false;
}

static bool is_slot(const struct walk *walk, uint64_t vaddr)
{
	for (size_t i = 0; i < walk->targets->slot_count; i++) {
		if (walk->targets->slots[i] == vaddr)
			return true;
	}
	return false;
}

/* The word that an indirect jump or call goes by, when its address is known: disp(%rip). */
static bool word_of(const ZydisDecodedInstruction *instruction, const ZydisDecodedOperand *operand,
		    uint64_t next, uint64_t *ret_vaddr)
{
	if (instruction->operand_count == 0 || operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
	    operand->mem.base != ZYDIS_REGISTER_RIP)
		return false;
	*ret_vaddr = next + (uint64_t)operand->mem.disp.value;
	return true;
}

static bool is_target(const struct walk *walk, uint64_t vaddr)
{
	uint64_t slot;

	return is_entry(walk, vaddr) ||
	       (elf_file_stub(walk->file, vaddr, &slot) && is_slot(walk, slot));
}

/* The call or jump at the end of `path` reaches a target. */
static void reached(struct walk *walk, const struct path *path)
{
	if (path->argument_kept)
		walk->found = true;
	else
		walk->found_changed = true;
}

static void follow_later(struct walk *walk, uint64_t at, bool argument_kept)
{
	uint8_t mark = argument_kept ? 1 : 2;

	if (at >= walk->size) {
		walk->ended = true;
		return;
	}
	if (walk->seen[at] & mark || walk->path_count == MAX_CODE)
		return;
	walk->paths[walk->path_count++] = (struct path){ .at = at, .argument_kept = argument_kept };
}

static bool writes_rdi(const ZydisDecodedInstruction *instruction,
		       const ZydisDecodedOperand *operands)
{
	for (size_t i = 0; i < instruction->operand_count; i++) {
		if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     operands[i].reg.value) == ZYDIS_REGISTER_RDI)
			return true;
	}
	return false;
}

/* A jump (conditional ones too) or call. Returns whether the straight line goes on behind it. */
static bool take_branch(struct walk *walk, const struct path *path,
			const ZydisDecodedInstruction *instruction,
			const ZydisDecodedOperand *operand)
{
	uint64_t next = walk->code->vaddr + path->at + instruction->length, goal, at;
	bool call = instruction->meta.category == ZYDIS_CATEGORY_CALL;
	bool always = instruction->meta.category == ZYDIS_CATEGORY_UNCOND_BR;

	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		if (word_of(instruction, operand, next, &goal) && is_slot(walk, goal)) {
			reached(walk, path);
			return false;
		}
		walk->by_pointer = true;
		walk->ended = walk->ended || !call;
		return call;
	}
	goal = next + (uint64_t)operand->imm.value.s;
	at = goal - walk->code->vaddr;
	if (!call && at < walk->code->size) {
		follow_later(walk, at, path->argument_kept);
		return !always;
	}
	if (is_target(walk, goal)) {
		reached(walk, path);
		return !call && !always;
	}
	/* A conditional jump out of the function goes to its cold part, where it throws. */
	walk->ended = walk->ended || always;
	return !always;
}

static void follow(struct walk *walk, struct path path, size_t *steps)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction instruction;
	uint8_t mark;

	for (;; path.at += instruction.length) {
		if (path.at >= walk->size || ++*steps > MAX_STEPS) {
			walk->ended = true;
			return;
		}
		mark = path.argument_kept ? 1 : 2;
		if (walk->seen[path.at] & mark)
			return;
		walk->seen[path.at] |= mark;
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&walk->decoder, walk->code->bytes + path.at,
							 walk->size - path.at, &instruction, operands))) {
			walk->ended = true;
			return;
		}
		switch (instruction.meta.category) {
		case ZYDIS_CATEGORY_CALL:
		case ZYDIS_CATEGORY_COND_BR:
		case ZYDIS_CATEGORY_UNCOND_BR:
			if (!take_branch(walk, &path, &instruction, &operands[0]))
				return;
			if (instruction.meta.category == ZYDIS_CATEGORY_CALL)
				path.argument_kept = false;
			break;
		case ZYDIS_CATEGORY_RET:
			walk->ended = true;
			return;
		default:
			break;
		}
		if (instruction.mnemonic == ZYDIS_MNEMONIC_UD2 ||
		    instruction.mnemonic == ZYDIS_MNEMONIC_HLT ||
		    instruction.mnemonic == ZYDIS_MNEMONIC_INT3)
			return;
		if (writes_rdi(&instruction, operands))
			path.argument_kept = false;
	}
}

enum forward forward_find(const struct elf_file *file, const struct forward_code *code,
			  const struct forward_targets *targets, bool keeps_argument)
{
	struct walk walk = { .file = file, .code = code, .targets = targets };
	size_t steps = 0;
	bool found, untouched;

	walk.size = code->size < MAX_CODE ? code->size : MAX_CODE;
	ZydisDecoderInit(&walk.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	follow_later(&walk, 0, true);
	while (walk.path_count) {
		struct path path = walk.paths[--walk.path_count];

		follow(&walk, path, &steps);
	}
	found = walk.found || walk.found_changed;
	untouched = !keeps_argument || !walk.found_changed;
	if (found && untouched && !walk.ended)
		return FORWARD_ALWAYS;
	if (found || (targets->by_pointer && walk.by_pointer))
		return FORWARD_SOMETIMES;
	return FORWARD_NEVER;
}
