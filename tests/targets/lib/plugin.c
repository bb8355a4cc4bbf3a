/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library that is loaded while the program is being traced. */
#include <stdlib.h>

static void *volatile plugin_blocks[1000];
static int plugin_count;

__attribute__((noinline)) static long plugin_allocate(void)
{
	plugin_blocks[plugin_count++ % 1000] = malloc(4099);
	return plugin_count;
}

long plugin_work(void);

long plugin_work(void)
{
	return plugin_allocate() > 0;
}
