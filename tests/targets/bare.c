/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A static program without a C library, thus without an allocator. */
#include <asm/unistd.h>

static long call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#endif
}

void _start(void);

void _start(void)
{
	static const char ready[] = "{\"ready\":0}\n";
	char byte;

	call(__NR_write, 1, (long)ready, sizeof(ready) - 1);
	while (call(__NR_read, 0, (long)&byte, 1) > 0)
		;
	call(__NR_exit_group, 0, 0, 0);
	__builtin_unreachable();
}
