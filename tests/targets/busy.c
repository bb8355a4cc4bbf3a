/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * busy THREADS: allocates, fills, checks and frees without a pause, and says
 * how far it came on every line of stdin. Being traced, and the tracer's death
 * at any moment, must change nothing but its speed.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "target.h"

#define MAX_THREADS 16
#define HELD 61

static _Atomic uint64_t operations, errors;

struct held {
	unsigned char *address;
	size_t size;
	unsigned char fill;
};

static void check(const struct held *held)
{
	for (size_t i = 0; i < held->size; i++) {
		if (held->address[i] != held->fill) {
			errors++;
			return;
		}
	}
}

static void fill(struct held *held, uint64_t r)
{
	if (!held->address) {
		errors++;
		_exit(95);
	}
	held->fill = (unsigned char)r;
	memset(held->address, held->fill, held->size);
}

__attribute__((noinline)) static void churn(struct held *held, uint64_t r)
{
	size_t size = 1 + (r >> 8) % 1021;

	if (!held->address) {
		held->address = r & 1 ? malloc(size) : calloc(1, size);
	} else if (r & 2) {
		size_t kept = size < held->size ? size : held->size;

		check(held);
		held->address = realloc(held->address, size);
		held->size = kept;
		check(held);
	} else {
		check(held);
		free(held->address);
		held->address = NULL;
		return;
	}
	held->size = size;
	fill(held, r >> 32);
}

__attribute__((noreturn)) static void *thread_main(void *argument)
{
	static _Thread_local struct held held[HELD];
	uint64_t state = 0x9e3779b97f4a7c15u * ((uintptr_t)argument + 1);

	for (;;) {
		uint64_t r = target_random(&state);

		churn(&held[(r >> 40) % HELD], r);
		operations++;
	}
}

int main(int argc, char **argv)
{
	long threads = target_number(argc, argv, 1, 1, MAX_THREADS);
	char line[16];

	target_ready(argc, argv);
	for (long i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_main, (void *)i) != 0)
			_exit(93);
	}
	for (;;) {
		bool more = target_line(line, sizeof(line));

		target_print("{\"operations\":%ju,\"errors\":%ju}\n", (uintmax_t)operations,
			     (uintmax_t)errors);
		target_flush();
		if (!more)
			_exit(errors != 0);
	}
}
