/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of code that no file holds. A program that makes code while it runs (a
 * JIT) can tell profilers about it in /tmp/perf-PID.map, a line per function:
 * "START SIZE name", both numbers hexadecimal. Node writes one with
 * --perf-basic-prof, the JVM on jcmd's Compiler.perfmap, .NET, LuaJIT, PHP too
 * (Linux, tools/perf/Documentation/jit-interface.txt).
 */
#ifndef OUTLIVE_SYMBOL_PERF_MAP_H
#define OUTLIVE_SYMBOL_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perf_map;

/*
 * Read the map that process `pid` wrote. While it runs (`alive`) the map is
 * looked for in its own root and under the pid of its own namespace, and must be
 * the user's who runs the process, or root's; afterwards in ours. A map from before
 * `start_ns`, the process's start on CLOCK_MONOTONIC, is another process's.
 *
 * Returns 0 and *ret_map (release with perf_map_free), -ENOENT when there is none
 * that counts, -EFBIG beyond bounds, -ENOMEM, or another -errno.
 */
int perf_map_open(uint32_t pid, uint64_t start_ns, bool alive, struct perf_map **ret_map);

/* The same from `size` bytes of text. Lines that make no sense are left out.
 * Returns 0 or -ENOMEM. */
int perf_map_parse(const char *text, size_t size, struct perf_map **ret_map);
void perf_map_free(struct perf_map *map); /* NULL is fine */

/* The number of functions it names. */
size_t perf_map_count(const struct perf_map *map);

/*
 * The function at `address`: its name (owned by the map, hostile bytes: clean before
 * printing) and *ret_start; NULL when there is none. Code moves and its room is
 * used again, so of several lines the last one is right.
 */
const char *perf_map_lookup(const struct perf_map *map, uint64_t address, uint64_t *ret_start);

#endif
