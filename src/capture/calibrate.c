/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/calibrate.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/allocator.h"

#define PAIRS 2000   /* of malloc and free, in one run */
#define RUNS 7	     /* the fastest counts: others were disturbed */
#define HITS 3	     /* of a pair: malloc, its return, free */
#define BLOCK_BYTES 64

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t run_pairs(void)
{
	uint64_t start = cpu_ns();

	for (int i = 0; i < PAIRS; i++) {
		void *block = malloc(BLOCK_BYTES);

		__asm__ volatile("" : "+r"(block) : : "memory");
		free(block);
	}
	return cpu_ns() - start;
}

/* The child: for every byte that comes, measure, and send the time of one run. */
__attribute__((noreturn)) static void serve(int orders, int answers)
{
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(orders, &order, 1) == 1) {
		uint64_t fastest = UINT64_MAX;

		for (int i = 0; i < RUNS; i++) {
			uint64_t time = run_pairs();

			if (time < fastest)
				fastest = time;
		}
		if (write(answers, &fastest, sizeof(fastest)) != sizeof(fastest))
			break;
	}
	_exit(0);
}

static int ask(int orders, int answers, uint64_t *ret_ns)
{
	if (write(orders, "", 1) != 1 || read(answers, ret_ns, sizeof(*ret_ns)) != sizeof(*ret_ns))
		return -EPIPE;
	return 0;
}

/* Is it one of the two that the child calls? */
static bool is_called(const struct allocator_function *function)
{
	const char *name = alloc_function_name(function->function);

	return function->family == 0 && (strcmp(name, "malloc") == 0 || strcmp(name, "free") == 0);
}

/* Probes at the two functions, in every file of the child that has them. */
static int attach_child(struct attach *attach, struct outlive_bpf *skeleton, uint32_t pid,
			struct allocator_list *list)
{
	struct error error = { .what = "" };
	int result = allocator_find(pid, list, &error);

	for (size_t i = 0; i < list->count && result == 0; i++) {
		struct allocator_function functions[ALLOCATOR_MAX_FUNCTIONS];
		struct allocator_file file = list->files[i];

		file.functions = functions;
		file.function_count = 0;
		file.leave_count = 0;
		for (size_t j = 0; j < list->files[i].function_count; j++) {
			if (is_called(&list->files[i].functions[j]))
				functions[file.function_count++] = list->files[i].functions[j];
		}
		if (file.function_count)
			result = attach_allocator(attach, skeleton, &file, pid, &error);
	}
	return result;
}

int calibrate_trap(struct outlive_bpf *skeleton, bool multi, double *ret_ns)
{
	struct attach attach = { .multi = multi };
	struct allocator_list list = { .files = NULL };
	int orders[2] = { -1, -1 }, answers[2] = { -1, -1 };
	uint64_t without = 0, with = 0;
	int result = 0;
	pid_t child;

	if (pipe2(orders, 0) < 0 || pipe2(answers, 0) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		close(orders[1]);
		close(answers[0]);
		serve(orders[0], answers[1]);
	}
	if (child < 0)
		result = -errno;
	close(orders[0]);
	close(answers[1]);
	if (result == 0)
		result = ask(orders[1], answers[0], &without);
	if (result == 0)
		result = attach_child(&attach, skeleton, (uint32_t)child, &list);
	if (result == 0)
		result = ask(orders[1], answers[0], &with);
	attach_detach(&attach);
	allocator_list_free(&list);
	close(orders[1]);
	close(answers[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (result == 0)
		*ret_ns = with > without ? (double)(with - without) / (PAIRS * HITS) : 0;
	return result;
}
