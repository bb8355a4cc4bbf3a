/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long do names take? 100 000 distinct addresses, evenly spread over the code
 * of each program that is named, each resolved to functions and
 * lines, from nothing read to all named.
 */
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "analysis/frames.h"
#include "base/cleanup.h"

#define ADDRESSES 100000
#define BIAS 0x7f0000000000ull

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The executable segment of `path`. */
static int find_code(const char *path, uint64_t *ret_start, uint64_t *ret_size)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	GElf_Phdr header;
	size_t count = 0;

	*ret_size = 0;
	if (elf && elf_getphdrnum(elf, &count) != 0)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    (header.p_flags & PF_X) && header.p_memsz > *ret_size) {
			*ret_start = header.p_vaddr;
			*ret_size = header.p_memsz;
		}
	}
	elf_end(elf);
	return *ret_size >= ADDRESSES ? 0 : -1;
}

static int measure(const char *path)
{
	struct frame found[FRAMES_OF_ADDRESS_MAX];
	struct snapshot_module module = { .bias = BIAS, .path = path, .open_path = path, .build_id = "" };
	struct snapshot_process process = { .pid = 1, .module_count = 1, .modules = &module };
	size_t named = 0, lined = 0, count = 0;
	struct frames *frames = frames_new();
	double before = seconds();
	uint64_t start = 0, size;

	if (!frames || find_code(path, &start, &size) < 0) {
		fprintf(stderr, "%s: no program of %d bytes of code\n", path, ADDRESSES);
		frames_free(frames);
		return 1;
	}
	module.start = BIAS + start;
	module.end = BIAS + start + size;
	for (uint64_t i = 0; i < ADDRESSES; i++) {
		size_t here = frames_resolve(frames, &process, module.start + 1 + i * (size - 1) / ADDRESSES,
					     found, FRAMES_OF_ADDRESS_MAX);

		count += here;
		named += found[here - 1].symbol != NULL;
		lined += found[here - 1].line != 0;
	}
	printf("names    %6.2f s for %d addresses, %zu frames (%zu named, %zu with a line): %s\n",
	       seconds() - before, ADDRESSES, count, named, lined, path);
	frames_free(frames);
	return 0;
}

int main(int argc, char *argv[])
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= measure(argv[i]);
	return failed;
}
