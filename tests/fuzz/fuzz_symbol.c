/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes as an ELF file with symbols, .gnu_debugdata and
 * DWARF, as the text of a perf map, and as a mangled name. Whatever is answered
 * must keep what the headers promise. Good seeds are small programs compiled
 * with -g.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/demangle.h"
#include "symbol/names.h"
#include "symbol/perf_map.h"

#define LOOKUPS 64

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_frames(struct names *names, uint64_t address)
{
	static const struct debug_search nowhere = { .path = "" };
	struct name_frame frames[NAMES_FRAMES_MAX];
	uint64_t start;
	size_t count = names_lookup(names, &nowhere, address, frames, NAMES_FRAMES_MAX, &start);

	require(count <= NAMES_FRAMES_MAX && start <= address);
	for (size_t i = 0; i < count; i++) {
		require(!frames[i].function || strlen(frames[i].function) < DEMANGLE_BYTES);
		require(!frames[i].file || strlen(frames[i].file) < DEMANGLE_BYTES);
		require(frames[i].inlined == (i + 1 < count));
		require(frames[i].line <= INT32_MAX);
	}
}

static void check_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct names *names;
	char path[32];

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (names_open(path, &names) == 0) {
		/* Small programs have their code from 0x1000 on. */
		for (uint64_t i = 0; i < LOOKUPS; i++)
			check_frames(names, 0x1000 + i * 24);
		check_frames(names, UINT64_MAX);
		names_close(names);
	}
	close(fd);
}

static void check_text(const uint8_t *data, size_t size)
{
	char name[512], buffer[DEMANGLE_BYTES];
	size_t length = size < sizeof(name) ? size : sizeof(name) - 1;
	struct perf_map *map;
	uint64_t start;

	memcpy(name, data, length);
	name[length] = '\0';
	if (demangle(name, buffer, sizeof(buffer)))
		require(strlen(buffer) > 0);
	require(perf_map_parse((const char *)data, size, &map) == 0);
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		const char *found = perf_map_lookup(map, i * 64, &start);

		require(!found || (*found && start <= i * 64));
	}
	perf_map_free(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 4 && memcmp(data, "\x7f" "ELF", 4) == 0)
		check_file(data, size);
	else
		check_text(data, size);
	return 0;
}
