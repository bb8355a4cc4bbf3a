/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who passes its calls on, and where functions return: made code, in made files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "elf_objects.h"
#include "outlive/wire.h"
#include "target/exits.h"
#include "target/forward.h"

#define STUB 0x400  /* of slot 0, from the code's first byte on */
#define OTHER 0x500 /* another function of the file */
#define STUB1 0x600 /* of slot 1 */

/* Code under test, with a stub for slot 0 ("free", another file's), a function at OTHER
 * that returns, and a stub for slot 1, which is for OTHER. */
struct scene {
	uint8_t code[0x800];
	struct elf_file *elf;
};

static void stub_at(uint8_t *code, size_t at, size_t slot)
{
	memcpy(code + at, "\xf3\x0f\x1e\xfa\xf2\xff\x25", 7); /* endbr64; bnd jmp *slot(%rip) */
	object_reach(code, at + 7, OBJECT_SLOTS + 8 * slot);
}

static void scene_open(struct scene *scene, const char *bytes, size_t size)
{
	struct object object = {
		.code = scene->code, .code_size = sizeof(scene->code),
		.symbols = { { "free", 0, 0 }, { "abort", 0, 0 },
			     { "other", OBJECT_TEXT + OTHER, 4 } },
		.slots = { "free", "other", "abort" },
	};

	memset(scene->code, 0xcc, sizeof(scene->code));
	memcpy(scene->code, bytes, size);
	stub_at(scene->code, STUB, 0);
	stub_at(scene->code, STUB1, 1);
	stub_at(scene->code, STUB1 + 0x40, 2);
	scene->code[OTHER] = 0x90;
	scene->code[OTHER + 1] = 0xc3;
	scene->elf = object_open(&object);
}

/* The instruction at `at` of `length` bytes ends in a distance: to `goal` of the code. */
static void reach(char *bytes, size_t end, uint64_t goal)
{
	object_reach((uint8_t *)bytes, end - 4, OBJECT_TEXT + goal);
}

static enum forward forward_of(const char *bytes, size_t size, bool by_pointer,
			       bool keeps_argument)
{
	static const uint64_t slots[] = { OBJECT_SLOTS }, entries[] = { OBJECT_TEXT + OTHER };
	const struct forward_targets targets = { .entries = entries, .entry_count = 1,
						 .slots = slots, .slot_count = 1,
						 .by_pointer = by_pointer };
	struct scene scene;
	struct forward_code code;
	enum forward result;

	scene_open(&scene, bytes, size);
	code = (struct forward_code){ .bytes = scene.code, .size = size, .vaddr = OBJECT_TEXT };
	result = forward_find(scene.elf, &code, &targets, keeps_argument);
	elf_file_close(scene.elf);
	return result;
}

#define FORWARD(bytes, by_pointer, keeps)                                                          \
	forward_of(bytes, sizeof(bytes) - 1, by_pointer, keeps)

static void test_jumps_on(void **state)
{
	char stub[] = "\xf3\x0f\x1e\xfa\xe9____"; /* endbr64; jmp stub */
	char entry[] = "\xe9____";		  /* jmp other */
	char word[] = "\xff\x25____";		  /* jmp *slot(%rip) */

	(void)state;
	reach(stub, 9, STUB);
	reach(entry, 5, OTHER);
	object_reach((uint8_t *)word, 2, OBJECT_SLOTS);
	assert_int_equal(FORWARD(stub, false, true), FORWARD_ALWAYS);
	assert_int_equal(FORWARD(entry, false, true), FORWARD_ALWAYS);
	assert_int_equal(FORWARD(word, false, true), FORWARD_ALWAYS);
	object_reach((uint8_t *)word, 2, OBJECT_SLOTS + 16); /* somebody else */
	assert_int_equal(FORWARD(word, false, true), FORWARD_NEVER);
}

static void test_only_sometimes(void **state)
{
	/* test %rdi,%rdi; je +5; jmp stub; ret */
	char not_null[] = "\x48\x85\xff\x74\x05\xe9____\xc3";
	/* cmp $64,%rsi; ja +1; ret; call stub; ret */
	char large[] = "\x48\x83\xfe\x40\x77\x01\xc3\xe8____\xc3";

	(void)state;
	reach(not_null, 10, STUB);
	reach(large, 12, STUB);
	assert_int_equal(FORWARD(not_null, false, true), FORWARD_SOMETIMES);
	assert_int_equal(FORWARD(large, false, true), FORWARD_SOMETIMES);
}

/* As libstdc++'s operator new: round 0 up, call malloc until it gives something. */
static void test_loop(void **state)
{
	/* push %rbx; mov $1,%eax; mov %rdi,%rbx; again: call stub; test %rax,%rax; je +2;
	 * pop %rbx; ret; call *%rbx; jmp again */
	char code[] = "\x53\xb8\x01\x00\x00\x00\x48\x89\xfb\xe8____\x48\x85\xc0\x74\x02\x5b\xc3"
		      "\xff\xd3\xeb\xf0";

	(void)state;
	reach(code, 14, STUB);
	assert_int_equal(FORWARD(code, false, true), FORWARD_ALWAYS);
}

static void test_another_argument(void **state)
{
	char code[] = "\x48\x83\xef\x10\xe9____"; /* sub $16,%rdi; jmp stub */
	char after[] = "\xff\xd0\xe9____";	  /* call *%rax; jmp stub */

	(void)state;
	reach(code, 9, STUB);
	reach(after, 7, STUB);
	assert_int_equal(FORWARD(code, false, true), FORWARD_SOMETIMES);
	assert_int_equal(FORWARD(code, false, false), FORWARD_ALWAYS);
	assert_int_equal(FORWARD(after, false, true), FORWARD_SOMETIMES);
}

static void test_never(void **state)
{
	char pointer[] = "\xff\xd0\xc3"; /* call *%rax; ret */
	char abort_only[] = "\x0f\x0b";	 /* ud2 */

	(void)state;
	assert_int_equal(FORWARD("\xc3", false, true), FORWARD_NEVER);
	assert_int_equal(FORWARD("\xeb\xfe", false, true), FORWARD_NEVER); /* for ever */
	assert_int_equal(FORWARD("\x06\x06", false, true), FORWARD_NEVER); /* no code */
	assert_int_equal(FORWARD("\xe9", false, true), FORWARD_NEVER);	   /* cut off */
	assert_int_equal(FORWARD(abort_only, false, true), FORWARD_NEVER);
	assert_int_equal(FORWARD(pointer, false, true), FORWARD_NEVER);
	/* a file that asks for functions by name may have got it there */
	assert_int_equal(FORWARD(pointer, true, true), FORWARD_SOMETIMES);
}

static int exits_of(const char *bytes, size_t size, const uint64_t *stops, size_t stop_count,
		    struct exit_site *ret_sites)
{
	struct scene scene;
	int count;

	scene_open(&scene, bytes, size);
	count = exits_find(scene.elf, OBJECT_TEXT, OBJECT_TEXT, stops, stop_count, ret_sites);
	elf_file_close(scene.elf);
	return count;
}

/* The site at `at` of the code, which must be one of `count`. */
static uint64_t cookie_at(const struct exit_site *sites, int count, uint64_t at, bool is_return)
{
	for (int i = 0; i < count; i++) {
		if (sites[i].vaddr == OBJECT_TEXT + at) {
			assert_int_equal(sites[i].is_return, is_return);
			return sites[i].cookie;
		}
	}
	fail_msg("no site at +%lu", (unsigned long)at);
	return 0;
}

static void test_exits(void **state)
{
	/* nop; call *%rax; push %rbx; je +2; pop %rbx; ret; jmp other's stub */
	char code[] = "\x90\xff\xd0\x53\x74\x02\x5b\xc3\xe9____";
	const uint64_t stops[] = { OBJECT_TEXT + OTHER };
	struct exit_site sites[EXITS_MAX];

	(void)state;
	reach(code, 13, STUB1);
	assert_int_equal(exits_of(code, sizeof(code) - 1, NULL, 0, sites), 2);
	cookie_at(sites, 2, 7, true);
	cookie_at(sites, 2, OTHER + 1, true);
	assert_int_equal(exits_of(code, sizeof(code) - 1, stops, 1, sites), 1);
	cookie_at(sites, 1, 7, true);
	/* a tail call into another file returns there */
	reach(code, 13, STUB);
	assert_int_equal(exits_of(code, sizeof(code) - 1, NULL, 0, sites), 1);
}

/* As jemalloc's operator new: the last jump before the end, and who has the block there. */
static void test_last_jump(void **state)
{
	/* nop; cmp %rdi,%rsi; jae slow; mov %r11,%rax; add $1,%rcx; ret; slow: push %rbx; call
	 * *%rax; pop %rbx; ret */
	char code[] = "\x90\x48\x39\xfe\x73\x08\x4c\x89\xd8\x48\x83\xc1\x01\xc3"
		      "\x53\xff\xd0\x5b\xc3";
	struct exit_site sites[EXITS_MAX];
	uint64_t cookie;

	(void)state;
	assert_int_equal(exits_of(code, sizeof(code) - 1, NULL, 0, sites), 2);
	cookie_at(sites, 2, 18, true);
	cookie = cookie_at(sites, 2, 4, false);
	assert_int_equal(leave_register(cookie), 11);
	assert_int_equal(leave_condition(cookie), 3); /* above or equal */
	assert_int_equal(leave_when(cookie), LEAVE_UNLESS);
	/* the other way round: je +1; push…; mov %r11,%rax; ret behind the jump's goal */
	assert_int_equal(exits_of("\x90\x74\x03\xff\xd0\xc3\x48\x89\xc8\xc3", 10, NULL, 0, sites),
			 2);
	cookie = cookie_at(sites, 2, 1, false);
	assert_int_equal(leave_register(cookie), 1); /* rcx */
	assert_int_equal(leave_condition(cookie), 4);
	assert_int_equal(leave_when(cookie), LEAVE_IF);
	cookie_at(sites, 2, 5, true);
}

/* Both ways end, with the same register: as tcmalloc's. And with two different ones. */
static void test_either_way(void **state)
{
	struct exit_site sites[EXITS_MAX];
	uint64_t cookie;

	(void)state;
	/* nop; jb +4; mov %r9,%rax; ret; mov %edx,%ecx; jmp back */
	assert_int_equal(exits_of("\x90\x72\x04\x4c\x89\xc8\xc3\x89\xd1\xeb\xf8", 11, NULL, 0,
				  sites), 1);
	cookie = cookie_at(sites, 1, 1, false);
	assert_int_equal(leave_register(cookie), 9);
	assert_int_equal(leave_when(cookie), LEAVE_ALWAYS);
	/* nop; jb +4; mov %r9,%rax; ret; mov %rdx,%rax; ret */
	assert_int_equal(exits_of("\x90\x72\x04\x4c\x89\xc8\xc3\x48\x89\xd0\xc3", 11, NULL, 0,
				  sites), 2);
	cookie = cookie_at(sites, 2, 1, false);
	assert_int_equal(leave_register(cookie), 2); /* rdx */
	assert_int_equal(leave_when(cookie), LEAVE_IF);
	cookie_at(sites, 2, 6, true);
}

/* What is not known at the jump, or not the function's frame any more, waits for the end. */
static void test_not_yet(void **state)
{
	static const struct {
		const char *code;
		size_t size;
	} cases[] = {
		{ "\x90\x74\x00\x48\x8b\x07\xc3", 7 },	     /* mov (%rdi),%rax */
		{ "\x90\x74\x00\x89\xc8\xc3", 6 },		     /* mov %ecx,%eax */
		{ "\x90\x74\x00\x5b\xc3", 5 },		     /* pop %rbx */
		{ "\x90\x74\x00\x48\x83\xc4\x08\xc3", 8 },	     /* add $8,%rsp */
		{ "\x90\x74\x00\x5d\xc3", 5 },		     /* pop %rbp */
		{ "\x90\x74\x00\x48\x89\xe8\xc3", 7 },	     /* mov %rbp,%rax */
		{ "\x90\x74\x00\xff\xd1\xc3", 6 },		     /* call *%rcx */
		{ "\x90\x2e\x74\x00\xc3", 5 },		     /* a jump with a hint */
		{ "\x74\x00\xc3", 3 },			     /* where the call begins */
		{ "\x90\x74\x00\x48\x89\xc1\x31\xc0\xc3", 9 }, /* xor %eax,%eax */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct exit_site sites[EXITS_MAX];

		assert_int_equal(exits_of(cases[i].code, cases[i].size, NULL, 0, sites), 1);
		cookie_at(sites, 1, cases[i].size - 1, true);
	}
}

static void test_no_exit(void **state)
{
	char aborts[] = "\xe8____\xc3"; /* call abort; ret: never comes to that */
	struct exit_site sites[EXITS_MAX];

	(void)state;
	reach(aborts, 5, STUB1 + 0x40);
	assert_int_equal(exits_of(aborts, sizeof(aborts) - 1, NULL, 0, sites), -ENOENT);
	assert_int_equal(exits_of("\xeb\xfe", 2, NULL, 0, sites), -ENOENT);
	assert_int_equal(exits_of("\x06", 1, NULL, 0, sites), -ENOENT);
}

static void test_too_many_exits(void **state)
{
	char code[3 * (EXITS_MAX + 2)];
	struct exit_site sites[EXITS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(code); i += 3)
		memcpy(code + i, "\x74\x01\xc3", 3); /* je +1; ret */
	code[0] = (char)0x90; /* the first one is where the call begins */
	code[1] = code[2] = (char)0x90;
	code[sizeof(code) - 3] = (char)0xeb; /* the last jumps to itself, not beyond */
	code[sizeof(code) - 2] = (char)0xfe;
	assert_int_equal(exits_of(code, sizeof(code), NULL, 0, sites), EXITS_MAX);
	for (int i = 0; i < EXITS_MAX; i++)
		assert_false(sites[i].is_return);
	code[sizeof(code) - 3] = (char)0xc3;
	assert_int_equal(exits_of(code, sizeof(code), NULL, 0, sites), EXITS_MAX);
	code[0] = 0x74; /* not a site, so its way out is one more */
	code[1] = 1;
	code[2] = (char)0xc3;
	assert_int_equal(exits_of(code, sizeof(code), NULL, 0, sites), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumps_on),	 cmocka_unit_test(test_only_sometimes),
		cmocka_unit_test(test_loop),		 cmocka_unit_test(test_another_argument),
		cmocka_unit_test(test_never),		 cmocka_unit_test(test_exits),
		cmocka_unit_test(test_last_jump),	 cmocka_unit_test(test_either_way),
		cmocka_unit_test(test_not_yet),		 cmocka_unit_test(test_no_exit),
		cmocka_unit_test(test_too_many_exits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
