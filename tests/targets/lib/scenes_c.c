/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interruptions at one chosen instruction, functions bound at their first call,
 * and children made by vfork.
 *
 * c_fault_on() takes away the pages of a program's global offset table. Its next
 * call through a lazy PLT stub then faults twice: in the stub itself, whose jump
 * reads the table, and, as the handler moves the program on to the stub's second
 * instruction, in the stub all others share. Each time the handler allocates, so
 * that both stubs are on a stack.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "scenes.h"

#define PAGE 4096
/* The linker lets a page end behind the table's first three words (RELRO): two pages. */
#define TABLE_BYTES (2 * PAGE)
#define CHILDREN 10
#define CHILD_GAP_US 2000
#define UD2_LENGTH 2
#define PLT_JUMP_LENGTH 6 /* of `jmp *slot(%rip)`, an entry's first instruction */

static scene_fn trap_next;
static uintptr_t fault_page;
static int faults;
static pthread_t children_thread;
static sem_t children_wanted;
static long children;

/* ud2 is the function's first instruction: what stands before it is another function. */
long c_ud2(void);
__asm__(".text\n"
	".globl c_ud2\n"
	".type c_ud2, @function\n"
	"	ret\n"
	"c_ud2:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size c_ud2, .-c_ud2\n");

static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;
	long r = trap_next();

	(void)info;
	registers->uc_mcontext.gregs[REG_RIP] += UD2_LENGTH;
	__asm__ volatile("" : : "r"(r), "r"((long)number));
}

__attribute__((noinline)) long c_trap_at_entry(scene_fn next)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	trap_next = next;
	if (sigaction(SIGILL, &action, NULL) != 0)
		_exit(88);
	c_ud2();
	return 1;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;
	uintptr_t address = (uintptr_t)info->si_addr;
	long r;

	if (address - fault_page >= TABLE_BYTES)
		_exit(87);
	r = allocate();
	if (++faults == 1)
		registers->uc_mcontext.gregs[REG_RIP] += PLT_JUMP_LENGTH;
	else if (mprotect((void *)fault_page, TABLE_BYTES, PROT_READ | PROT_WRITE) != 0)
		_exit(86);
	__asm__ volatile("" : : "r"(r), "r"((long)number));
}

void c_fault_on(void *table)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	fault_page = (uintptr_t)table & ~(uintptr_t)(PAGE - 1);
	faults = 0;
	if (sigaction(SIGSEGV, &action, NULL) != 0 ||
	    mprotect((void *)fault_page, TABLE_BYTES, PROT_NONE) != 0)
		_exit(85);
}

__attribute__((noinline)) long c_plain(void)
{
	SCENE_RETURN(allocate());
}

static long bound(void)
{
	SCENE_RETURN(allocate());
}

/* Global, so that this name of the code is as good as the one it resolves. */
scene_fn c_bind_late(void);

scene_fn c_bind_late(void)
{
	allocate();
	return bound;
}

long c_bound_late(void) __attribute__((ifunc("c_bind_late")));

static void *run_children(void *unused)
{
	static char *const arguments[] = { "true", NULL }, *const environment[] = { NULL };

	while (sem_wait(&children_wanted) != 0)
		;
	for (; children < CHILDREN; children++) {
		pid_t child = vfork();
		int status;

		if (child == 0) {
			execve("/bin/true", arguments, environment);
			_exit(84);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			_exit(83);
		usleep(CHILD_GAP_US);
	}
	(void)unused;
	return NULL;
}

void c_start_children(bool wanted)
{
	if (sem_init(&children_wanted, 0, 0) != 0 ||
	    (wanted && pthread_create(&children_thread, NULL, run_children, NULL) != 0))
		_exit(82);
}

void c_run_children(void)
{
	sem_post(&children_wanted);
}

long c_wait_children(void)
{
	if (children_thread && pthread_join(children_thread, NULL) != 0)
		_exit(81);
	return children;
}
