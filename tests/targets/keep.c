/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep: one of many processes of a host. It waits for the file DIRECTORY/go, makes blocks and
 * keeps them, says so in one line, and stays until there is DIRECTORY/end, or ends at once.
 *
 *   keep DIRECTORY NUMBER stay          NUMBER blocks of 1000 + NUMBER bytes
 *   keep DIRECTORY NUMBER leave         the same, and ends
 *   keep DIRECTORY NUMBER user UID      becomes user UID before it waits, then as stay
 *   keep DIRECTORY NUMBER chain TIMES   runs itself by exec TIMES times, each time after it has
 *                                       made blocks; then as stay, with NUMBER + TIMES
 *   keep DIRECTORY NUMBER thread TIMES  the same, but a second thread calls exec, and each
 *                                       program waits a moment before it begins
 *   keep DIRECTORY NUMBER crowd COUNT   COUNT children of 50 threads, which stay; each thread keeps
 *                                       NUMBER blocks. Then as stay
 *   keep DIRECTORY NUMBER storm COUNT   COUNT children, some at a time: each keeps one of
 *                                       NUMBER blocks and ends; then as stay
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "target.h"

#define BLOCKS_MOST 4096
#define BASE_BYTES 1000
#define AT_A_TIME 8
#define CROWD_THREADS 50
#define CROWD_DELAY_NS 1000000000ull

static void *volatile kept[BLOCKS_MOST];
static const char *directory;
static char go_path[PATH_MAX], end_path[PATH_MAX];

/* Until there is `path`; the end of the directory is everybody's. */
static void await(const char *path)
{
	while (access(path, F_OK) < 0 && access(directory, F_OK) == 0)
		target_sleep_until(target_now_ns() + 20000000);
}

__attribute__((noinline)) static void keep_block(long at, long number)
{
	kept[at] = malloc(BASE_BYTES + (size_t)number);
}

static void keep_blocks(long number)
{
	for (long i = 0; i < number; i++) {
		void *volatile brief = malloc(17);

		keep_block(i, number);
		free(brief);
	}
}

static void tell(const char *kind, long number)
{
	target_print("{\"pid\":%d,\"kind\":\"%s\",\"number\":%ld,\"live_blocks\":%ld,"
		     "\"live_bytes\":%ld,\"allocated_blocks\":%ld}\n",
		     getpid(), kind, number, number, number * (BASE_BYTES + number), 2 * number);
	target_flush();
}

static void storm(long number, long count)
{
	long running = 0;

	for (long i = 0; i < count; i++) {
		if (running == AT_A_TIME) {
			wait(NULL);
			running--;
		}
		if (fork() == 0) {
			keep_blocks(number);
			for (long block = 1; block < number; block++)
				free(kept[block]);
			_exit(0);
		}
		running++;
	}
	while (running-- > 0)
		wait(NULL);
}

static void *keep_in_thread(void *context)
{
	const long *number = context;

	/* Not in keep_blocks(): threads have no room of their own in kept[]. */
	for (long i = 0; i < *number; i++) {
		void *volatile block = malloc(BASE_BYTES + (size_t)*number);

		(void)block;
	}
	for (;;)
		pause();
	return NULL;
}

static void crowd(long number, long count)
{
	for (long i = 0; i < count; i++) {
		pthread_t thread;

		if (fork() != 0)
			continue;
		/* Many: they neither poll nor outlive their parent. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* By now its probes stand. */
		target_sleep_until(target_now_ns() + CROWD_DELAY_NS);
		for (int t = 0; t < CROWD_THREADS; t++) {
			if (pthread_create(&thread, NULL, keep_in_thread, &number) != 0)
				_exit(92);
		}
		for (;;)
			pause();
	}
	target_sleep_until(target_now_ns() + CROWD_DELAY_NS * 2);
}

/* The program once more, with one block more and one time less to go. */
static void *run_next(void *context)
{
	char **argv = context;
	char next[24], left[24];

	snprintf(next, sizeof(next), "%ld", strtol(argv[2], NULL, 10) + 1);
	snprintf(left, sizeof(left), "%ld", strtol(argv[4], NULL, 10) - 1);
	execl("/proc/self/exe", argv[0], argv[1], next, argv[3], left, NULL);
	_exit(95);
}

static void chain(char **argv, long number, long times)
{
	pthread_t thread;

	if (times == 0)
		return;
	keep_blocks(number);
	if (strcmp(argv[3], "thread") != 0)
		run_next(argv);
	if (pthread_create(&thread, NULL, run_next, argv) != 0)
		_exit(93);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	long number = target_number(argc, argv, 2, 1, BLOCKS_MOST);
	const char *kind = argc > 3 ? argv[3] : "";
	long value = argc > 4 ? target_number(argc, argv, 4, 0, 100000) : 0;

	directory = argv[1];
	snprintf(go_path, sizeof(go_path), "%s/go", directory);
	snprintf(end_path, sizeof(end_path), "%s/end", directory);
	if (strcmp(kind, "user") == 0 && setuid((uid_t)value) < 0)
		_exit(94);
	await(go_path);
	if (strcmp(kind, "thread") == 0)
		target_sleep_until(target_now_ns() + 300000000);
	if (strcmp(kind, "chain") == 0 || strcmp(kind, "thread") == 0)
		chain(argv, number, value);
	if (strcmp(kind, "crowd") == 0)
		crowd(number, value);
	if (strcmp(kind, "storm") == 0)
		storm(number, value);
	keep_blocks(number);
	tell(kind, number);
	if (strcmp(kind, "leave") != 0)
		await(end_path);
	_exit(0);
}
