/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe planner on the entries of real allocators, and on bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "target/planner.h"

#define A1 1u
#define A2 2u
#define A3 4u
#define A4 8u

struct row {
	const char *name;
	uint8_t arguments;
	bool with_return;
	uint16_t offset, sp_offset;
	bool emulated;
	const char *instruction; /* how its text begins */
	const char *reason;	 /* a part of it */
	const char *code;	 /* hex; blanks are skipped */
};

static const struct row rows[] = {
	/* Debian 12, glibc 2.36-9+deb12, as objdump shows it */
	{ "2.36 malloc", A1, true, 0, 0, true, "push %r12", "entry",
	  "4154 55 53 4889fb 4883ec10 803d461b140000 0f84f8010000 4885db" },
	{ "2.36 calloc", A1 | A2, true, 0, 0, true, "push %r13", "entry",
	  "4155 4889f8 4154 55 53 4883ec18 48f7e6 4889c3" },
	{ "2.36 realloc", A1 | A2, true, 0, 0, true, "push %r15", "entry",
	  "4157 4156 4155 4154 55 4889f5 53 4889fb" },
	{ "2.36 reallocarray", A1 | A2 | A3, true, 0, 0, false, "mov", "rdx is overwritten at +3",
	  "4889f0 48f7e2 4889c6 7005 e940b8f8ff 488b05e9851300" },
	{ "2.36 free", A1, false, 3, 0, true, "jz", "first instruction",
	  "4885ff 0f84bf000000 55 488d77f0 53 4883ec18" },
	{ "2.36 memalign", A1 | A2, true, 7, 0, true, "jz", "first instruction",
	  "803d710e140000 7407 e932f6ffff 6690 4883ec18 4889742408" },
	{ "2.36 posix_memalign", A1 | A2 | A3, true, 7, 0, true, "push %r12", "first instruction",
	  "803d0102140000 4154 4989d4 55 4889fd 53 4889f3 745a" },
	{ "2.36 valloc", A1, true, 7, 0, true, "push %rbx", "first instruction",
	  "803d310e140000 53 4889fb 741b 488b0534981300" },
	/* built with -fcf-protection, as Ubuntu and Fedora do */
	{ "CET malloc", A1, true, 4, 0, true, "push %r12", "first instruction",
	  "f30f1efa 4154 55 4889fd 53" },
	{ "CET free", A1, false, 7, 0, true, "jz", "first instruction",
	  "f30f1efa 4885ff 0f84bf000000 55" },
	{ "CET free with hook (2.31)", A1, false, 21, 24, true, "jnz", "first instruction",
	  "f30f1efa 4883ec18 488b05f1c11500 488b00 4885c0 0f8593000000" },
	/* the stack pointer */
	{ "sub first, entry probe", A1, false, 7, 24, true, "jz", "first instruction",
	  "4883ec18 4885ff 7410 c3" },
	{ "sub first, return probe", A1, true, 0, 0, false, "sub $0x18", "stack pointer moves at +0",
	  "4883ec18 4885ff 7410 c3" },
	{ "lea of the stack pointer", A1, false, 8, 32, true, "jz", "first instruction",
	  "488d6424e0 4885ff 7410 c3" },
	{ "aligned stack", A1, false, 0, 0, false, "and", "stack pointer moves at +0",
	  "4883e4f0 55 c3" },
	{ "stack pointer raised", A1, false, 0, 0, false, "add", "stack pointer moves at +0",
	  "4883c408 55 c3" },
	{ "push of an immediate", A1, false, 2, 8, true, "push %rbx", "first instruction",
	  "6a01 53 c3" },
	{ "push of an immediate, return probe", A1, true, 0, 0, false, "push $0x01",
	  "stack pointer moves at +0", "6a01 53 c3" },
	/* branches */
	{ "jmp at once", A1, true, 0, 0, true, "jmp", "entry", "e900010000 53" },
	{ "short jmp after endbr", A1, true, 4, 0, true, "jmp", "first instruction", "f30f1efa eb10 53" },
	{ "bnd jmp after endbr", A1, true, 4, 0, true, "bnd jmp", "first instruction",
	  "f30f1efa f2e900010000" },
	{ "call at once", A1, true, 0, 0, true, "call", "entry", "e800010000 c3" },
	{ "PLT jump", A1, true, 0, 0, false, "jmp", "control leaves at +0", "ff2500000100 53" },
	{ "PLT jump after endbr", A1, true, 0, 0, false, "endbr64", "control leaves at +4",
	  "f30f1efa ff2500000100 53" },
	{ "ret at once", A1, false, 0, 0, false, "ret", "control leaves at +0", "c3 53" },
	{ "mov, ret, next function", A1, false, 0, 0, false, "mov", "control leaves at +3",
	  "4889f8 c3 55 53" },
	{ "syscall", A1, false, 0, 0, false, "syscall", "control leaves at +0", "0f05 53" },
	{ "ud2", A1, false, 0, 0, false, "ud2", "control leaves at +0", "0f0b 53" },
	{ "jrcxz is single-stepped", A1, false, 0, 0, false, "jrcxz", "control leaves at +0", "e305 53" },
	{ "16-bit jcc is single-stepped", A1, false, 0, 0, false, "", "", "66 7405 53" },
	{ "loop back to the site", A1, false, 0, 0, false, "mov", "a branch comes back to +3",
	  "4889f8 53 48ffc8 75fa c3" },
	{ "loop back behind the site", A1, false, 3, 0, true, "push %rbx", "first instruction",
	  "4889f8 53 48ffc8 75fb c3" },
	{ "loop back to the entry", A1, false, 3, 0, true, "push %rbx", "first instruction",
	  "4889f8 53 48ffc8 75f7 c3" },
	/* jemalloc 5.3.0 of Debian 12 */
	{ "jemalloc malloc", A1, true, 7, 0, true, "jnbe", "first instruction",
	  "4881ff00100000 0f8793000000 488d155c7f2c00" },
	{ "jemalloc free", A1, false, 48, 0, true, "jnz", "first instruction",
	  "4889f8 488b150e530a00 4889f9 48c1e81a 4881e1000000c0 25f0000000 644803042500000000"
	  "4801d0 483b88b0010000 0f858a000000" },
	{ "jemalloc free, were rcx needed", A1 | A4, false, 0, 0, false, "mov",
	  "rcx is overwritten at +10",
	  "4889f8 488b150e530a00 4889f9 48c1e81a 4881e1000000c0 25f0000000 644803042500000000"
	  "4801d0 483b88b0010000 0f858a000000" },
	/* arguments */
	{ "argument moved away first", A1, false, 5, 0, true, "push", "first instruction",
	  "4889f8 31ff 53 c3" },
	{ "moved where nobody looks", A1, false, 0, 0, false, "mov", "rdi is overwritten at +3",
	  "4889fb 31ff 53 c3" },
	{ "half of it moved", A1, false, 0, 0, false, "mov", "rdi is overwritten at +2",
	  "89f8 31ff 53 c3" },
	{ "moved, and overwritten there too", A1, false, 0, 0, false, "mov",
	  "rdi is overwritten at +5", "4889f8 31c0 31ff 53 c3" },
	{ "moved over another argument", A1 | A2, false, 0, 0, false, "mov",
	  "rsi is overwritten at +0", "4889fe 53 c3" },
	{ "mimalloc malloc", A1, true, 21, 0, true, "jnbe", "first instruction",
	  "488b0549b40000 4889fe 64488b38 4881fe00040000 7729 488d4607" },
	{ "low byte of an argument", A2, true, 0, 0, false, "mov", "rsi is overwritten at +0",
	  "40b601 53 c3" },
	{ "another function's argument", A1, true, 3, 0, true, "push", "first instruction",
	  "40b601 53 c3" },
	{ "string instruction", A1, false, 0, 0, false, "stosq", "rdi is overwritten at +0", "48ab 53" },
	/* nops and their like */
	{ "nop", A1, true, 0, 0, true, "nop", "entry", "90 53" },
	{ "two-byte nop", A1, true, 0, 0, true, "nop", "entry", "6690 53" },
	{ "push is surer than a long nop", A1, true, 4, 0, true, "push %rbx", "first instruction",
	  "0f1f4000 53" },
	{ "long nop where there is nothing else", A1, true, 0, 0, true, "nop", "recent kernels",
	  "0f1f4000 c3" },
	{ "long nop behind a mov", A1, true, 3, 0, true, "nop", "recent kernels", "4889f8 0f1f4000 c3" },
	{ "five-byte nop", A1, true, 0, 0, false, "nop", "control leaves at +5", "0f1f440000 c3" },
	{ "xchg %r8d,%eax is no nop", A1, true, 2, 0, true, "push", "first instruction", "4190 53" },
	{ "only the false nop", A1, true, 2, 0, false, "ret", "control leaves at +2", "4190 c3" },
	{ "push with a needless prefix", A1, true, 0, 0, false, "push", "stack pointer moves at +0",
	  "4053 c3" },
	/* the kernel refuses these */
	{ "lock first", A1, true, 5, 0, true, "push", "first instruction", "f0480fc107 53" },
	{ "cs nop first", A1, true, 10, 0, true, "push", "first instruction",
	  "662e0f1f840000000000 53" },
	{ "lock, then mov and ret", A1, true, 5, 0, false, "mov", "two traps", "f0480fc107 4889f8 c3" },
	{ "notrack jmp only", A1, true, 0, 0, false, "", "may refuse", "3effe0" },
	{ "breakpoint", A1, true, 0, 0, false, "", "may refuse", "cc 53" },
	/* ends */
	{ "mov only", A1, false, 0, 0, false, "mov", "no code to go on at +66",
	  "4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8"
	  "4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 4889f8 90" },
	{ "nothing", A1, true, 0, 0, false, "", "no code to go on at +0", "" },
	{ "half an instruction", A1, true, 0, 0, false, "", "no code to go on at +0", "4885" },
	{ "one and a half", A1, false, 0, 0, false, "test", "no code to go on at +3", "4885ff 0f84bf" },
	{ "garbage", A1, true, 0, 0, false, "", "no code to go on at +0", "0606060606" },
};

static size_t from_hex(const char *text, uint8_t *code, size_t size)
{
	size_t used = 0;

	while (*text && used < size) {
		unsigned int byte;

		if (*text == ' ') {
			text++;
			continue;
		}
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		code[used++] = byte;
		text += 2;
	}
	return used;
}

/* Plan on a copy that ends where the code ends, so that ASan sees a read beyond it. */
static struct probe_site plan(const uint8_t *code, size_t size, uint8_t arguments, bool with_return)
{
	CLEANUP_FREE uint8_t *exact = malloc(size ? size : 1);
	struct probe_request request = { .code = exact, .size = size, .vaddr = 0x1000,
					 .arguments = arguments, .with_return = with_return };
	struct probe_site site;

	assert_non_null(exact);
	memcpy(exact, code, size);
	planner_choose(&request, &site);
	return site;
}

static void test_rows(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		uint8_t code[256];
		size_t size = from_hex(row->code, code, sizeof(code));
		struct probe_site site = plan(code, size, row->arguments, row->with_return);

		if (site.offset == row->offset && site.sp_offset == row->sp_offset &&
		    site.emulated == row->emulated && strstr(site.reason, row->reason) &&
		    strncmp(site.instruction, row->instruction, strlen(row->instruction)) == 0)
			continue;
		print_error("%s: +%u sp %u emulated %d '%s' (%s)\n", row->name, site.offset,
			    site.sp_offset, site.emulated, site.instruction, site.reason);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* Where the arguments are at the site. */
static void test_registers(void **state)
{
	static const struct {
		const char *code;
		uint8_t arguments, registers[4];
	} cases[] = {
		{ "53", A1 | A2, { PROBE_RDI, PROBE_RSI, PROBE_RDX, PROBE_RCX } },
		/* mov %rdi,%rsi; xor %edi,%edi; push */
		{ "4889fe 31ff 53", A1, { PROBE_RSI, PROBE_NOWHERE, PROBE_RDX, PROBE_RCX } },
		/* mov %rsi,%rdx; mov %rdi,%rsi; xor %edi,%edi; jmp: mimalloc's realloc */
		{ "4889f2 4889fe 31ff e900000000", A1 | A2,
		  { PROBE_RSI, PROBE_RDX, PROBE_NOWHERE, PROBE_RCX } },
		/* mov %rdi,%rax; xchg %rdi,%rsi (not followed); push: rax still has it */
		{ "4889f8 4887f7 53", A1, { PROBE_RAX, PROBE_NOWHERE, PROBE_RDX, PROBE_RCX } },
		/* none emulated: the entry, where all is in its place */
		{ "4889fe 31ff c3", A1, { PROBE_RDI, PROBE_RSI, PROBE_RDX, PROBE_RCX } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint8_t code[64];
		size_t size = from_hex(cases[i].code, code, sizeof(code));
		struct probe_site site = plan(code, size, cases[i].arguments, false);

		assert_memory_equal(site.registers, cases[i].registers, sizeof(site.registers));
	}
}

/* Whatever the code is cut to, the site stays inside and is one of the real boundaries. */
static void test_cut_anywhere(void **state)
{
	/* free() of glibc 2.31 with CET: boundaries by objdump */
	static const uint8_t boundaries[] = { 0, 4, 8, 15, 18, 21, 27 };
	uint8_t code[64];
	size_t size = from_hex("f30f1efa 4883ec18 488b05f1c11500 488b00 4885c0 0f8593000000", code,
			       sizeof(code));

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		struct probe_site site = plan(code, cut, A1, false);

		assert_non_null(memchr(boundaries, site.offset, sizeof(boundaries)));
		assert_int_equal(site.offset, cut == size ? 21 : 0);
		assert_int_equal(site.emulated, cut == size);
	}
}

/* Random bytes: a site within the window, and text that is terminated. */
static void test_garbage(void **state)
{
	unsigned int seed = 20011;
	size_t emulated = 0;

	(void)state;
	for (size_t round = 0; round < 50000; round++) {
		uint8_t code[96];
		size_t size = rand_r(&seed) % sizeof(code);
		struct probe_site site, again;

		for (size_t i = 0; i < size; i++)
			code[i] = rand_r(&seed) >> 7;
		site = plan(code, size, rand_r(&seed) & 15, round & 1);
		assert_true(site.offset == 0 || (site.offset < size && site.offset < PLANNER_WINDOW));
		assert_true(memchr(site.reason, '\0', sizeof(site.reason)) && site.reason[0]);
		assert_non_null(memchr(site.instruction, '\0', sizeof(site.instruction)));
		if (round & 1)
			assert_int_equal(site.sp_offset, 0);
		/* To need fewer arguments never costs an emulated site. */
		again = plan(code, size, 0, round & 1);
		assert_true(again.emulated || !site.emulated);
		emulated += site.emulated;
	}
	assert_true(emulated > 1000);
}

/* A function longer than is looked at, all of it one loop: no site may be in the loop. */
static void test_long_function(void **state)
{
	size_t size = 3 * PLANNER_LOOK;
	CLEANUP_FREE uint8_t *code = malloc(size);
	struct probe_site site;

	(void)state;
	assert_non_null(code);
	memset(code, 0x90, size);
	memcpy(code, "\x48\x89\xf8", 3);
	site = plan(code, size, A1, true);
	assert_int_equal(site.offset, 3);
	/* jmp from +1000 to +3 */
	memcpy(code + 1000, "\xe9\x16\xfc\xff\xff", 5);
	site = plan(code, size, A1, true);
	assert_int_equal(site.offset, 0);
	assert_non_null(strstr(site.reason, "a branch comes back to +3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_registers),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_long_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
