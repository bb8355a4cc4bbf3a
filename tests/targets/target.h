/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every traced program shares: how it talks to the test that started it.
 *
 *   target  {"ready":PID}          all threads exist, nothing is measured yet
 *   test    go\n                   on the target's stdin (left out with the argument --go)
 *   target  {"truth": …}           the work is done; this is what a tracer must have seen
 *   test    closes stdin           the target exits, whenever that is
 *
 * A target that tells the truth about malloc may not disturb it: between "go"
 * and the truth nothing here allocates. Text goes through a static buffer and
 * write(2), and threads are made before "ready" and never return (glibc frees
 * what a thread's cache holds when it ends, blocks that were freed before).
 */
#ifndef TESTS_TARGETS_TARGET_H
#define TESTS_TARGETS_TARGET_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char target_text[1 << 16];
static size_t target_length;

/* Append to the text that target_flush sends. */
__attribute__((format(printf, 1, 2), unused)) static void target_print(const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(target_text + target_length, sizeof(target_text) - target_length, format,
			   arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(target_text) - target_length)
		_exit(99);
	target_length += length;
}

__attribute__((unused)) static void target_flush(void)
{
	size_t sent = 0;

	while (sent < target_length) {
		ssize_t count = write(STDOUT_FILENO, target_text + sent, target_length - sent);

		if (count < 0 && errno != EINTR)
			_exit(98);
		sent += count > 0 ? count : 0;
	}
	target_length = 0;
}

/* The next line of stdin, without its newline; false at the end. */
__attribute__((unused)) static bool target_line(char *line, size_t size)
{
	size_t used = 0;

	for (;;) {
		char c;
		ssize_t count = read(STDIN_FILENO, &c, 1);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		if (c == '\n')
			break;
		if (used + 1 < size)
			line[used++] = c;
	}
	line[used] = '\0';
	return true;
}

/* Say "ready" and wait for "go", unless the last argument is --go. */
__attribute__((unused)) static void target_ready(int argc, char **argv)
{
	char line[16];

	target_print("{\"ready\":%d}\n", getpid());
	target_flush();
	if (argc > 1 && strcmp(argv[argc - 1], "--go") == 0)
		return;
	if (!target_line(line, sizeof(line)))
		_exit(0);
	if (strcmp(line, "go") != 0)
		_exit(97);
}

/* Send the truth, stay as we are until stdin closes, and leave without clean-up. */
__attribute__((unused, noreturn)) static void target_finish(void)
{
	char line[16];

	target_flush();
	while (target_line(line, sizeof(line)))
		;
	_exit(0);
}

__attribute__((unused)) static uint64_t target_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

__attribute__((unused)) static void target_sleep_until(uint64_t when_ns)
{
	struct timespec when = { .tv_sec = (time_t)(when_ns / 1000000000u),
				 .tv_nsec = (long)(when_ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

/* xorshift64 (Marsaglia 2003): the same sequence for the same seed, no state but one word. */
__attribute__((unused)) static uint64_t target_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Numbers of the command line; a wrong one is a wrong test. */
__attribute__((unused)) static long target_number(int argc, char **argv, int index, long low,
						  long high)
{
	long value = index < argc ? strtol(argv[index], NULL, 10) : -1;

	if (value < low || value > high)
		_exit(96);
	return value;
}

#endif
