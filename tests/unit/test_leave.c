/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf/leave.bpf.h compiled for the host: conditions against what the processor says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/types.h>

#ifndef __x86_64__
#error "the conditions are x86-64's"
#endif

/* As in vmlinux/x86/vmlinux.h. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#include "leave.bpf.h"

/* Does the processor take condition NAME as true under `flags`? */
#define ASK(name)                                                                                  \
	static bool ask_##name(uint64_t flags)                                                     \
	{                                                                                          \
		uint8_t result;                                                                    \
                                                                                                   \
		__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpush %1\n\tpopf\n\tset" #name " %0\n\t"  \
				 "lea 128(%%rsp), %%rsp"                                           \
				 : "=r"(result)                                                    \
				 : "r"(flags)                                                      \
				 : "cc");                                                          \
		return result;                                                                     \
	}

ASK(o) ASK(no) ASK(b) ASK(nb) ASK(e) ASK(ne) ASK(be) ASK(nbe)
ASK(s) ASK(ns) ASK(p) ASK(np) ASK(l) ASK(nl) ASK(le) ASK(nle)

static void test_conditions(void **state)
{
	static bool (*const ask[])(uint64_t) = {
		ask_o, ask_no, ask_b, ask_nb, ask_e, ask_ne, ask_be, ask_nbe,
		ask_s, ask_ns, ask_p, ask_np, ask_l, ask_nl, ask_le, ask_nle,
	};
	static const uint64_t bits[] = { FLAG_CARRY, FLAG_PARITY, FLAG_ZERO, FLAG_SIGN,
					 FLAG_OVERFLOW };

	(void)state;
	for (unsigned int set = 0; set < 32; set++) {
		uint64_t flags = 0x202; /* interrupts stay on; bit 1 is always set */

		for (unsigned int i = 0; i < 5; i++)
			flags |= set >> i & 1 ? bits[i] : 0;
		for (uint8_t code = 0; code < 16; code++)
			assert_int_equal(condition_holds(flags, code), ask[code](flags));
	}
}

static void test_registers(void **state)
{
	const struct pt_regs regs = { .ax = 1000, .cx = 1001, .dx = 1002, .bx = 1003, .sp = 1, .bp = 2,
				      .si = 1006, .di = 1007, .r8 = 1008, .r9 = 1009, .r10 = 1010,
				      .r11 = 1011, .r12 = 1012, .r13 = 1013, .r14 = 1014,
				      .r15 = 1015 };

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(register_value(&regs, i), i == 4 || i == 5 ? 0 : 1000 + i);
}

static void test_ends(void **state)
{
	struct pt_regs regs = { .ax = 7, .r11 = 77, .flags = 0x202 };
	__u64 result = 0;

	(void)state;
	/* at a return instruction */
	assert_true(leave_ends(&regs, leave_pack(0, 0, LEAVE_ALWAYS), &result));
	assert_int_equal(result, 7);
	/* jz: taken or not */
	assert_false(leave_ends(&regs, leave_pack(11, 4, LEAVE_IF), &result));
	assert_true(leave_ends(&regs, leave_pack(11, 4, LEAVE_UNLESS), &result));
	assert_int_equal(result, 77);
	regs.flags |= FLAG_ZERO;
	assert_true(leave_ends(&regs, leave_pack(11, 4, LEAVE_IF), &result));
	assert_false(leave_ends(&regs, leave_pack(11, 4, LEAVE_UNLESS), &result));
	assert_true(leave_ends(&regs, leave_pack(11, 4, LEAVE_ALWAYS), &result));
	/* the return probe of a function inside says nothing about this call */
	assert_false(leave_ends(&regs, cookie_pack(SHAPE_ALLOC_RETURN, 1, 1, 0, 0, 0, 0), &result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
