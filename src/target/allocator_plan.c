/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions of a file get a probe
 * -------------------------------------
 * A function that passes every call on to another one of the table needs none; which
 * do is read off their code (target/forward.h). C++'s operators come in two kinds:
 *
 *  - They pass calls on, as libstdc++'s do, or a program's own that count and then call
 *    malloc. If all forms of new in a file do, its forms of delete only hand over what
 *    malloc made: none is probed, whatever it does before. The block is malloc's. This
 *    saves a trap or two per call, and a C++ exception may leave them untouched.
 *  - The allocator serves them itself, as in jemalloc, tcmalloc and mimalloc. Then they
 *    are probed like malloc.
 */
#include "target/allocator_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "target/exits.h"
#include "target/forward.h"

#define MAX_SLOTS 512 /* of allocator functions in one file; the rest is not looked at */

/* What is known of the file while its functions are planned. */
struct plan {
	struct allocator_file *file;
	const struct elf_file *elf;
	struct alloc_symbol symbols[ALLOC_MAX_SYMBOLS];
	const char *names[ALLOC_MAX_SYMBOLS];
	struct elf_function found[ALLOC_MAX_SYMBOLS];
	size_t count;
	uint64_t makers[ALLOC_MAX_SYMBOLS], freers[ALLOC_MAX_SYMBOLS]; /* entries */
	size_t maker_count, freer_count;
	uint64_t maker_slots[MAX_SLOTS], freer_slots[MAX_SLOTS];
	size_t maker_slot_count, freer_slot_count;
	bool by_pointer; /* the file asks for functions by name */
	bool passed_on;	 /* new and delete are only malloc and free */
	bool may_throw;	 /* it is not plain C */
};

static const struct alloc_fn *row_of(const struct alloc_symbol *symbol)
{
	return &alloc_functions[symbol->function - 1];
}

static bool is_maker(const struct alloc_fn *fn)
{
	return fn->shape == SHAPE_ALLOC_RETURN || fn->shape == SHAPE_ALLOC_OUT;
}

/* A form of C++'s operator new or delete, by its mangled name. */
static bool is_operator(const struct alloc_fn *fn)
{
	return strncmp(fn->symbol, "_Zn", 3) == 0 || strncmp(fn->symbol, "_Zd", 3) == 0;
}

static int add_other(struct allocator_file *file, const struct alloc_symbol *symbol,
		     uint64_t vaddr, uint8_t same_as, const char *reason)
{
	int err = VEC_PUSH_ROOM(file->others, file->other_count, file->other_capacity);

	if (err)
		return err;
	file->others[file->other_count++] = (struct allocator_other){
		.function = symbol->function, .family = symbol->family, .same_as = same_as,
		.vaddr = vaddr, .reason = reason,
	};
	return 0;
}

/* The code at `found`: without a size the function may end anywhere, and its neighbours
 * are not searched. */
static struct forward_code code_of(const struct plan *plan, const struct elf_function *found,
				   uint8_t buffer[PLANNER_LOOK])
{
	size_t want = found->size == 0 ? PLANNER_WINDOW
		      : found->size < PLANNER_LOOK ? found->size : PLANNER_LOOK;
	long got = elf_file_read(plan->elf, found->vaddr, buffer, want);

	return (struct forward_code){ .bytes = buffer, .size = got > 0 ? got : 0,
				      .vaddr = found->vaddr };
}

/* Does function `index` pass its calls on to one of its kind? */
static enum forward forwards(const struct plan *plan, size_t index, bool keeps_argument)
{
	bool maker = is_maker(row_of(&plan->symbols[index]));
	const uint64_t *entries = maker ? plan->makers : plan->freers;
	size_t count = maker ? plan->maker_count : plan->freer_count;
	uint64_t others[ALLOC_MAX_SYMBOLS];
	uint8_t buffer[PLANNER_LOOK];
	struct forward_code code = code_of(plan, &plan->found[index], buffer);
	struct forward_targets targets = {
		.entries = others,
		.slots = maker ? plan->maker_slots : plan->freer_slots,
		.slot_count = maker ? plan->maker_slot_count : plan->freer_slot_count,
		.by_pointer = plan->by_pointer,
	};

	for (size_t i = 0; i < count; i++) {
		if (entries[i] != plan->found[index].vaddr)
			others[targets.entry_count++] = entries[i];
	}
	return forward_find(plan->elf, &code, &targets, keeps_argument);
}

/*
 * What keeps function `index` from a probe, or NULL; *ret_shape is what its probe takes
 * it for.
 */
static const char *why_not(const struct plan *plan, size_t index, uint8_t *ret_shape)
{
	const struct alloc_fn *fn = row_of(&plan->symbols[index]);
	enum forward forward = FORWARD_NEVER;

	*ret_shape = fn->shape;
	if (is_operator(fn) && plan->passed_on)
		return fn->shape == SHAPE_FREE ? "leaves the block to free, which has a probe"
					       : "calls malloc, which has a probe";
	/* Who frees must be given the same block; who allocates makes one either way. */
	if (fn->shape == SHAPE_FREE || is_operator(fn))
		forward = forwards(plan, index, fn->shape == SHAPE_FREE);
	if (forward == FORWARD_ALWAYS)
		return fn->shape == SHAPE_FREE ? "calls another that frees and has a probe"
					       : "calls another that allocates and has a probe";
	if (forward == FORWARD_SOMETIMES && fn->shape == SHAPE_FREE)
		*ret_shape = SHAPE_FREE_CALL;
	return NULL;
}

static uint8_t argument_bit(const struct alloc_symbol *symbol, uint8_t argument)
{
	return argument ? 1u << (argument + alloc_families[symbol->family].shift - 1) : 0;
}

static int add_leave(struct allocator_file *file, uint64_t offset, uint64_t cookie)
{
	int err;

	for (size_t i = 0; i < file->leave_count; i++) {
		if (file->leaves[i] == offset)
			return 0; /* of two functions that end in one place */
	}
	err = VEC_PUSH_ROOM(file->leaves, file->leave_count, file->leave_capacity);
	if (!err)
		err = VEC_PUSH_ROOM(file->leave_cookies, file->leave_count,
				    file->leave_cookie_capacity);
	if (err)
		return err;
	file->leaves[file->leave_count] = offset;
	file->leave_cookies[file->leave_count++] = cookie;
	return 0;
}

/* Note where function `index` is left, and whether at single-stepped instructions only.
 * Returns 0; -ENOMEM; another -errno when that cannot be found. */
static int add_leaves(struct plan *plan, size_t index, uint16_t site, bool *ret_dear)
{
	uint64_t entry = plan->found[index].vaddr;
	struct exit_site sites[EXITS_MAX];
	int count = exits_find(plan->elf, entry, entry + site, plan->makers, plan->maker_count, sites);
	int err = count < 0 ? count : 0;

	*ret_dear = true;
	for (int i = 0; i < count && !err; i++) {
		uint64_t offset;

		err = elf_file_offset(plan->elf, sites[i].vaddr, &offset);
		if (!err)
			err = add_leave(plan->file, offset, sites[i].cookie);
		*ret_dear = *ret_dear && sites[i].is_return;
	}
	return err;
}

static bool same_site(const struct allocator_file *file, uint64_t file_offset)
{
	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].file_offset == file_offset)
			return true;
	}
	return false;
}

/* Plan the probe of function `index`, which is none of the file's functions yet. */
static int add_function(struct plan *plan, size_t index)
{
	const struct elf_function *found = &plan->found[index];
	const struct alloc_symbol *symbol = &plan->symbols[index];
	const struct alloc_fn *fn = row_of(symbol);
	struct allocator_file *file = plan->file;
	uint8_t buffer[PLANNER_LOOK], shape;
	struct forward_code code = code_of(plan, found, buffer);
	struct probe_request request = { .code = buffer, .size = code.size, .vaddr = found->vaddr };
	struct allocator_function added = { .function = symbol->function, .family = symbol->family,
					    .vaddr = found->vaddr, .size = found->size };
	const char *reason = code.size ? why_not(plan, index, &shape)
				       : "its code could not be read";
	bool leave;
	int err = 0;

	if (reason)
		return add_other(file, symbol, found->vaddr, 0, reason);
	leave = fn->throws && plan->may_throw;
	added.shape = leave ? SHAPE_ALLOC_LEAVE : shape;
	added.with_return = !leave && shape != SHAPE_FREE && shape != SHAPE_THROW;
	request.with_return = added.with_return;
	request.arguments = argument_bit(symbol, fn->size_arg) | argument_bit(symbol, fn->count_arg) |
			    argument_bit(symbol, fn->ptr_arg);
	planner_choose(&request, &added.site);
	if (leave)
		err = fn->shape == SHAPE_ALLOC_RETURN
			      ? add_leaves(plan, index, added.site.offset, &added.dear)
			      : -ENOTSUP;
	if (err == -ENOMEM)
		return err;
	if (err)
		return add_other(file, symbol, found->vaddr, 0,
				 "an exception may leave it, and its returns could not be found");
	added.file_offset = found->offset + added.site.offset;
	if (same_site(file, added.file_offset))
		return add_other(file, symbol, found->vaddr, 0,
				 "its probe site belongs to another function");
	err = VEC_PUSH_ROOM(file->functions, file->function_count, file->function_capacity);
	if (err)
		return err;
	file->functions[file->function_count++] = added;
	file->call_count += shape != SHAPE_THROW;
	return 0;
}

/* Function `index` stands at an address that another name of it had before. */
static bool is_alias(const struct plan *plan, size_t index, uint8_t *ret_same_as,
		     const char **ret_reason)
{
	const struct allocator_file *file = plan->file;

	for (size_t i = 0; i < file->function_count; i++) {
		if (file->functions[i].vaddr == plan->found[index].vaddr) {
			*ret_same_as = file->functions[i].function;
			*ret_reason = "";
			return true;
		}
	}
	for (size_t i = 0; i < file->other_count; i++) {
		if (file->others[i].vaddr == plan->found[index].vaddr && !file->others[i].same_as) {
			*ret_same_as = 0;
			*ret_reason = file->others[i].reason;
			return true;
		}
	}
	return false;
}

static int add_found(struct plan *plan, size_t index)
{
	const struct alloc_symbol *symbol = &plan->symbols[index];
	const char *reason;
	uint8_t same_as;

	switch (plan->found[index].found) {
	case ELF_FOUND:
		if (is_alias(plan, index, &same_as, &reason))
			return add_other(plan->file, symbol, plan->found[index].vaddr, same_as,
					 reason);
		return add_function(plan, index);
	case ELF_INDIRECT:
		return add_other(plan->file, symbol, 0, 0, "an indirect function, chosen at load time");
	case ELF_NO_CODE:
		return add_other(plan->file, symbol, 0, 0, "its address is not code of the file");
	default:
		return 0;
	}
}

/* Are malloc and its nearest kin all there, hidden or not? */
static bool is_complete(const struct plan *plan, const struct elf_function *hidden)
{
	static const char *const kin[] = { "malloc", "calloc", "realloc", "free" };
	size_t there = 0;

	for (size_t i = 0; i < plan->count; i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(kin); j++)
			there += strcmp(plan->names[i], kin[j]) == 0 &&
				 (plan->found[i].found == ELF_FOUND || hidden[i].found == ELF_FOUND);
	}
	return there == ARRAY_LENGTH(kin);
}

/*
 * Find the functions of the file by name. Of a program also hidden ones, as those of a
 * C library or allocator that was linked into it may be: by names with a prefix, and by
 * plain ones if all of malloc's kin are there. One "free" alone may be anything.
 */
static int find_symbols(struct plan *plan, bool program)
{
	struct elf_function hidden[ALLOC_MAX_SYMBOLS];
	bool complete;
	int err;

	plan->count = alloc_symbols(plan->symbols);
	for (size_t i = 0; i < plan->count; i++)
		plan->names[i] = plan->symbols[i].name;
	err = elf_file_find(plan->elf, program ? ELF_SYMBOLS_ALL : ELF_SYMBOLS_DYNAMIC, plan->names,
			    plan->count, plan->found);
	if (!err && program)
		err = elf_file_find(plan->elf, ELF_SYMBOLS_HIDDEN, plan->names, plan->count, hidden);
	if (err || !program)
		return err;
	complete = is_complete(plan, hidden);
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->found[i].found == ELF_NOT_FOUND &&
		    (plan->symbols[i].family != 0 || complete))
			plan->found[i] = hidden[i];
	}
	return 0;
}

static bool found_any(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->found[i].found != ELF_NOT_FOUND)
			return true;
	}
	return false;
}

static void list_entries(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct alloc_fn *fn = row_of(&plan->symbols[i]);

		if (plan->found[i].found != ELF_FOUND)
			continue;
		if (is_maker(fn))
			plan->makers[plan->maker_count++] = plan->found[i].vaddr;
		else if (fn->shape == SHAPE_FREE)
			plan->freers[plan->freer_count++] = plan->found[i].vaddr;
	}
}

static int list_slots(struct plan *plan)
{
	CLEANUP_FREE struct elf_slot *slots = calloc(MAX_SLOTS, sizeof(*slots));
	int count = slots ? elf_file_slots(plan->elf, plan->names, plan->count, slots, MAX_SLOTS)
			  : -ENOMEM;

	for (int i = 0; i < count; i++) {
		const struct alloc_fn *fn = row_of(&plan->symbols[slots[i].name]);

		if (is_maker(fn))
			plan->maker_slots[plan->maker_slot_count++] = slots[i].vaddr;
		else if (fn->shape == SHAPE_FREE)
			plan->freer_slots[plan->freer_slot_count++] = slots[i].vaddr;
	}
	return count < 0 ? count : 0;
}

/* Does the file ask the dynamic linker for functions by name, and may its code throw? */
static int look_around(struct plan *plan)
{
	static const char *const names[] = { "dlsym" };
	struct elf_slot slot;
	int count = elf_file_slots(plan->elf, names, 1, &slot, 1);

	plan->by_pointer = count > 0;
	plan->may_throw = elf_file_has_section(plan->elf, ".gcc_except_table");
	return count < 0 ? count : 0;
}

/* Are all forms of operator new here only ways to malloc? */
static bool news_pass_on(const struct plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < plan->count; i++) {
		const struct alloc_fn *fn = row_of(&plan->symbols[i]);

		if (plan->found[i].found != ELF_FOUND || !is_operator(fn) || !is_maker(fn))
			continue;
		if (forwards(plan, i, false) != FORWARD_ALWAYS)
			return false;
		any = true;
	}
	return any;
}

int allocator_plan(struct allocator_file *file, const struct elf_file *elf, bool program)
{
	CLEANUP_FREE struct plan *plan = calloc(1, sizeof(*plan));
	int err;

	if (!plan)
		return -ENOMEM;
	plan->file = file;
	plan->elf = elf;
	err = find_symbols(plan, program);
	if (err)
		return err;
	if (!found_any(plan))
		return -ENODATA;
	list_entries(plan);
	err = list_slots(plan);
	if (!err)
		err = look_around(plan);
	if (!err)
		plan->passed_on = news_pass_on(plan);
	for (size_t i = 0; i < plan->count && !err; i++)
		err = add_found(plan, i);
	if (err)
		return err;
	return file->function_count || file->other_count ? 0 : -ENODATA;
}
