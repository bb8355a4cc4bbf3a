/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules: loads and unloads libraries (lib/module.c) as it is told, line by line:
 *
 *   load PLACE PATH          dlopen
 *   unload PLACE             dlclose
 *   work PLACE COUNT         allocate COUNT blocks through the library, 10 ms apart
 *   prove PLACE COUNT        the same, from another function: so its stacks are told apart
 *
 * and answers each with {"truth":{"blocks":N,"address":A}}: blocks made by it, and where in memory
 * the library's module_work() lies.
 */
#include <dlfcn.h>

#include "lib/module.h"
#include "target.h"

#define PLACES 16
#define PAUSE_NS 10000000

static void *libraries[PLACES];
static void *volatile last;

__attribute__((noinline)) static long allocate(long size)
{
	last = malloc(size);
	return last != NULL;
}

typedef long (*run_fn)(module_fn bottom, long size);

__attribute__((noinline)) static long work(run_fn run, long count)
{
	long made = 0;

	for (long i = 0; i < count; i++) {
		made += run(allocate, 1009);
		target_sleep_until(target_now_ns() + PAUSE_NS);
	}
	return made;
}

__attribute__((noinline)) static long prove(run_fn run, long count)
{
	long made = 0;

	for (long i = count; i > 0; i--) {
		made += run(allocate, 2003);
		target_sleep_until(target_now_ns() + PAUSE_NS);
	}
	return made;
}

int main(int argc, char **argv)
{
	char line[4096], verb[16], path[4000];
	long count;
	int place;

	(void)argc, (void)argv;
	target_print("{\"ready\":%d}\n", getpid());
	target_flush();
	while (target_line(line, sizeof(line))) {
		long made = 0;
		run_fn run = NULL;

		if (sscanf(line, "%15s %d", verb, &place) != 2 || place < 0 || place >= PLACES)
			_exit(91);
		if (strcmp(verb, "load") == 0 && sscanf(line, "%*s %*d %3999s", path) == 1)
			libraries[place] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		else if (strcmp(verb, "unload") == 0)
			made = dlclose(libraries[place]);
		if (strcmp(verb, "unload") != 0)
			run = (run_fn)dlsym(libraries[place], "module_work");
		if (sscanf(line, "%*s %*d %ld", &count) == 1 && strcmp(verb, "work") == 0)
			made = work(run, count);
		else if (strcmp(verb, "prove") == 0)
			made = prove(run, count);
		target_print("{\"truth\":{\"blocks\":%ld,\"address\":%ld}}\n", made, (long)run);
		target_flush();
	}
	return 0;
}
