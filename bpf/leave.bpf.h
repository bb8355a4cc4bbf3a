/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a call that has no return probe: at a return instruction, or at the last
 * conditional jump before one, from which on nothing but registers change. x86-64.
 */
#ifndef OUTLIVE_BPF_LEAVE_H
#define OUTLIVE_BPF_LEAVE_H

#include "outlive/wire.h"

/* Bits of the flags register: Intel SDM, volume 1, 3.4.3. */
#define FLAG_CARRY (1 << 0)
#define FLAG_PARITY (1 << 2)
#define FLAG_ZERO (1 << 6)
#define FLAG_SIGN (1 << 7)
#define FLAG_OVERFLOW (1 << 11)

/* Does condition `code` of a conditional jump hold: Intel SDM, volume 2, appendix B.1.4.7. */
static __always_inline bool condition_holds(__u64 flags, __u8 code)
{
	bool less = !(flags & FLAG_SIGN) != !(flags & FLAG_OVERFLOW), holds;

	switch (code >> 1) {
	case 0:
		holds = flags & FLAG_OVERFLOW;
		break;
	case 1:
		holds = flags & FLAG_CARRY;
		break;
	case 2:
		holds = flags & FLAG_ZERO;
		break;
	case 3:
		holds = flags & (FLAG_CARRY | FLAG_ZERO);
		break;
	case 4:
		holds = flags & FLAG_SIGN;
		break;
	case 5:
		holds = flags & FLAG_PARITY;
		break;
	case 6:
		holds = less;
		break;
	default:
		holds = less || (flags & FLAG_ZERO);
		break;
	}
	return holds != (code & 1);
}

/* The register by its number in instructions; all but the stack's two. */
static __always_inline __u64 register_value(const struct pt_regs *ctx, __u8 number)
{
	__u64 values[] = { ctx->ax, ctx->cx, ctx->dx, ctx->bx, 0, 0, ctx->si, ctx->di, ctx->r8,
			   ctx->r9, ctx->r10, ctx->r11, ctx->r12, ctx->r13, ctx->r14, ctx->r15 };

	return values[number & 15];
}

/*
 * Does the call end here? Then *ret_result is the block that it made. The stack pointer
 * lies on the return address.
 */
static __always_inline bool leave_ends(const struct pt_regs *ctx, __u64 cookie, __u64 *ret_result)
{
	__u8 when = leave_when(cookie);

	if (cookie_shape(cookie) != SHAPE_LEAVE)
		return false;
	if ((when == LEAVE_IF || when == LEAVE_UNLESS) &&
	    condition_holds(ctx->flags, leave_condition(cookie)) != (when == LEAVE_IF))
		return false;
	*ret_result = register_value(ctx, leave_register(cookie));
	return true;
}

#endif
