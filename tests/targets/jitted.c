/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jitted: a program that makes a function while it runs, calls malloc through it, and
 * tells profilers about it in /tmp/perf-PID.map, PID being what getpid() says.
 */
#include <sys/mman.h>

#include "target.h"

#define BLOCKS 13
#define BYTES 1031

static void *volatile held[BLOCKS];

/* push %rbp; mov %rsp,%rbp; call *%rsi; pop %rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd6, 0x5d, 0xc3 };

int main(int argc, char **argv)
{
	void *(*made)(size_t, void *(*)(size_t));
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	if (page == MAP_FAILED)
		_exit(95);
	memcpy(page, code, sizeof(code));
	memcpy(&made, &page, sizeof(made));
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	if (!map)
		_exit(94);
	fprintf(map, "%lx %zx made_while_running\n", (unsigned long)page, sizeof(code));
	fclose(map);
	target_ready(argc, argv);
	for (int i = 0; i < BLOCKS; i++)
		held[i] = made(BYTES, malloc);
	target_print("{\"truth\":{\"blocks\":%d,\"bytes\":%d}}\n", BLOCKS, BLOCKS * BYTES);
	target_finish();
}
