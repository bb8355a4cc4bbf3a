/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * requests: a server. Each line of stdin is a request, answered by {"done":N}; every 7th
 * leaves a block of 1000 + N bytes behind, all others free what they made. A line "drop N"
 * lets go of what request N left.
 */
#include "target.h"

#define MAX_REQUESTS 10000
#define KEEP_EVERY 7

static void *left_behind[MAX_REQUESTS];

/* What a request works with, gone when it is answered. */
__attribute__((noinline)) static void work(long number)
{
	char *scratch[5];

	for (size_t i = 0; i < 5; i++) {
		scratch[i] = malloc(100 + 10 * i);
		if (!scratch[i])
			_exit(95);
		memset(scratch[i], (int)number, 100);
	}
	for (size_t i = 0; i < 5; i++)
		free(scratch[i]);
}

__attribute__((noinline)) static void *remember(long number)
{
	char *response = malloc((size_t)(1000 + number));

	if (!response)
		_exit(95);
	memset(response, (int)number, (size_t)(1000 + number));
	return response;
}

int main(int argc, char **argv)
{
	char line[32];
	long number = 0;

	target_ready(argc, argv);
	while (target_line(line, sizeof(line))) {
		if (strncmp(line, "drop ", 5) == 0) {
			long dropped = strtol(line + 5, NULL, 10);

			if (dropped < 1 || dropped > number)
				_exit(94);
			free(left_behind[dropped]);
			left_behind[dropped] = NULL;
		} else {
			if (++number == MAX_REQUESTS)
				_exit(94);
			work(number);
			if (number % KEEP_EVERY == 0)
				left_behind[number] = remember(number);
		}
		target_print("{\"done\":%ld}\n", number);
		target_flush();
	}
	_exit(0);
}
