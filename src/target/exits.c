/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/exits.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/elf_file.h"

#define MAX_STEPS 4096	  /* instructions followed */
#define MAX_INSTRUCTION 15 /* bytes: Intel SDM, volume 2, 2.3.11 */

struct walk {
	const struct elf_file *file;
	ZydisDecoder decoder;
	struct map seen; /* addresses */
	uint64_t *later; /* to be followed */
	size_t later_count, later_capacity;
	uint64_t *sites;
	int site_count;
};

static void walk_free(struct walk *walk)
{
	map_free(&walk->seen);
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

/* Where a direct jump to `goal` ends up: a stub of the procedure linkage table leads on
 * to a function of this file, or of another: then false. */
static bool final_goal(const struct walk *walk, uint64_t goal, uint64_t *ret_vaddr)
{
	uint64_t slot;

	*ret_vaddr = goal;
	return !elf_file_stub(walk->file, goal, &slot) ||
	       elf_file_slot_goal(walk->file, slot, ret_vaddr) == 0;
}

static bool never_returns(const struct walk *walk, uint64_t goal)
{
	static const char *const names[] = {
		"abort", "exit", "_exit", "__stack_chk_fail", "__assert_fail", "_Unwind_Resume",
		"__cxa_throw", "__cxa_rethrow", "_ZSt9terminatev",
		"_ZSt17__throw_bad_allocv", "_ZSt20__throw_system_errori",
	};
	uint64_t slot;

	return elf_file_stub(walk->file, goal, &slot) &&
	       elf_file_slot_is(walk->file, slot, names, ARRAY_LENGTH(names));
}

static int add_site(struct walk *walk, uint64_t vaddr)
{
	if (walk->site_count == EXITS_MAX)
		return -E2BIG;
	walk->sites[walk->site_count++] = vaddr;
	return 0;
}

/* Follow the straight line from `at` until it ends. Returns 0 or a -errno. */
static int follow(struct walk *walk, uint64_t at)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction instruction;
	uint8_t bytes[MAX_INSTRUCTION];

	for (;; at += instruction.length) {
		long size = elf_file_read(walk->file, at, bytes, sizeof(bytes));
		uint64_t goal;
		uint32_t before;
		bool direct;
		int err;

		if (map_get(&walk->seen, at, &before))
			return 0;
		if (walk->seen.count >= MAX_STEPS)
			return -E2BIG;
		if (map_set(&walk->seen, at, 0))
			return -ENOMEM;
		if (size <= 0 || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&walk->decoder, bytes, size,
								      &instruction, operands)))
			return 0;
		direct = operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			 operands[0].imm.is_relative;
		goal = at + instruction.length + (direct ? (uint64_t)operands[0].imm.value.s : 0);
		switch (instruction.meta.category) {
		case ZYDIS_CATEGORY_RET:
			return add_site(walk, at);
		case ZYDIS_CATEGORY_CALL:
			if (direct && never_returns(walk, goal))
				return 0;
			break;
		case ZYDIS_CATEGORY_UNCOND_BR:
			return direct && final_goal(walk, goal, &goal) ? follow_later(walk, goal) : 0;
		case ZYDIS_CATEGORY_COND_BR:
			err = direct && final_goal(walk, goal, &goal) ? follow_later(walk, goal) : 0;
			if (err)
				return err;
			break;
		default:
			break;
		}
		if (instruction.mnemonic == ZYDIS_MNEMONIC_UD2 ||
		    instruction.mnemonic == ZYDIS_MNEMONIC_HLT ||
		    instruction.mnemonic == ZYDIS_MNEMONIC_INT3)
			return 0;
	}
}

int exits_find(const struct elf_file *file, uint64_t entry, const uint64_t *stops,
	       size_t stop_count, uint64_t *ret_sites)
{
	__attribute__((cleanup(walk_free))) struct walk walk = { .file = file, .sites = ret_sites };
	int err = 0;

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
