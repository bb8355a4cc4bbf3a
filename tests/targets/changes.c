/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes: a little server in two builds, to be compared. changes_leaky is this file
 * with LEAKY: the audit of a request keeps its copy, a table has become larger, another
 * is gone, the tree is deeper; and every line stands elsewhere.
 *
 * Arguments: number of requests. Truth: bytes and blocks that each function left.
 */
#include "target.h"

#ifdef LEAKY
#define ROUTES 40
#define PLUGINS 5
#define LEGACY 0
#define DEPTH 9
#define LEAKS true
#line 500 "changes.c"
#else
#define ROUTES 10
#define PLUGINS 20
#define LEGACY 7
#define DEPTH 5
#define LEAKS false
#endif

#define CONFIG 53
#define CONFIG_BYTES 211
#define ROUTE_BYTES 307
#define PLUGIN_BYTES 401
#define LEGACY_BYTES 1009
#define TREE_BYTES 4001
#define AUDIT_BYTES 997
#define CACHE 16
#define CACHE_BYTES 503
#define PAUSE_NS 2000000

static void *volatile kept[4096];
static size_t kept_count;
static void *volatile cache[CACHE];

static void keep(void *block)
{
	if (!block || kept_count == sizeof(kept) / sizeof(kept[0]))
		_exit(95);
	kept[kept_count++] = block;
}

__attribute__((noinline)) static void load_config(void)
{
	for (int i = 0; i < CONFIG; i++)
		keep(malloc(CONFIG_BYTES));
}

__attribute__((noinline)) static void load_routes(void)
{
	for (int i = 0; i < ROUTES; i++)
		keep(malloc(ROUTE_BYTES));
}

__attribute__((noinline)) static void load_plugins(void)
{
	for (int i = 0; i < PLUGINS; i++)
		keep(malloc(PLUGIN_BYTES));
}

__attribute__((noinline)) static void load_legacy(void)
{
	for (int i = 0; i < LEGACY; i++)
		keep(malloc(LEGACY_BYTES));
}

__attribute__((noinline)) static void grow_tree(int depth)
{
	if (depth)
		grow_tree(depth - 1);
	else
		keep(malloc(TREE_BYTES));
	/* No tail call: every level is to be a frame. */
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void audit_request(void)
{
	void *volatile copy = malloc(AUDIT_BYTES);

	if (LEAKS)
		keep(copy);
	else
		free(copy);
}

__attribute__((noinline)) static void cache_answer(long number)
{
	void *old = cache[number % CACHE];

	cache[number % CACHE] = malloc(CACHE_BYTES);
	free(old);
}

__attribute__((noinline)) static void serve(long number)
{
	audit_request();
	cache_answer(number);
}

int main(int argc, char **argv)
{
	long requests = target_number(argc, argv, 1, 0, 4000);
	uint64_t next;

	target_ready(argc, argv);
	load_config();
	load_routes();
	load_plugins();
	load_legacy();
	grow_tree(DEPTH);
	next = target_now_ns();
	for (long i = 0; i < requests; i++) {
		serve(i);
		target_sleep_until(next += PAUSE_NS);
	}
	target_print("{\"truth\":{\"load_config\":[%d,%d],\"load_routes\":[%d,%d],"
		     "\"load_plugins\":[%d,%d],\"load_legacy\":[%d,%d],\"grow_tree\":[%d,1],"
		     "\"audit_request\":[%ld,%ld],\"cache_answer\":[%d,%d]}}\n",
		     CONFIG * CONFIG_BYTES, CONFIG, ROUTES * ROUTE_BYTES, ROUTES,
		     PLUGINS * PLUGIN_BYTES, PLUGINS, LEGACY * LEGACY_BYTES, LEGACY, TREE_BYTES,
		     LEAKS ? requests * AUDIT_BYTES : 0, LEAKS ? requests : 0, CACHE * CACHE_BYTES,
		     CACHE);
	target_finish();
}
