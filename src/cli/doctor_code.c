/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor_code.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "capture/binaries.h"
#include "capture/python_find.h"
#include "symbol/perf_map.h"

#define INDENT "                "

static void show_rows(struct unwinds *unwinds)
{
	char memory[UNITS_BUFFER], limit[UNITS_BUFFER], rows[UNITS_BUFFER], built[UNITS_BUFFER];
	struct unwinds_total total;

	unwinds_measure(unwinds);
	total = unwinds_total(unwinds, NULL);
	printf("\nunwind rows     %s of %zu files (%zu without), made in %s\n",
	       units_format_count(rows, sizeof(rows), total.rows), total.tables, total.without_rows,
	       units_format_duration(built, sizeof(built), total.build_ns));
	printf(INDENT "%s of at most %s of kernel memory%s\n",
	       units_format_bytes(memory, sizeof(memory), total.bytes),
	       units_format_bytes(limit, sizeof(limit), total.limit_bytes),
	       total.bytes > total.limit_bytes ?
		       ": not enough, files that stacks seldom need go without (--unwind-memory)" :
		       "");
}

/* Will the stacks of this interpreter be read? One line, and why not. */
static void show_frames(uint32_t pid, const struct python_found *found)
{
	int slot = python_find_slot(pid, found);

	if (slot > 0)
		printf(INDENT "frames are read: threads keep their state at %%fs:0x%x\n",
		       (unsigned int)slot);
	else if (slot == 0)
		printf(INDENT "frames are read: threads are looked up in the interpreter's list\n");
	else
		printf(INDENT "frames are shown native: its memory is not as that layout says\n");
}

static void show_python(uint32_t pid, const struct binary_mapping *mapping)
{
	struct python_found found;
	char path[200];
	int result = python_find(mapping, &found);
	uint32_t version = found.layout.version;

	text_clean(path, sizeof(path), mapping->path, strlen(mapping->path));
	if (version)
		printf("\npython          %u.%u in %s\n", version >> 8, version & 255, path);
	else
		printf("\npython          in %s, of a version that it does not tell\n", path);
	if (result == -ENOTSUP) {
		printf(INDENT "frames are shown native: %s\n",
		       version >= PYTHON_VERSION(3, 13) ?
			       "it describes itself, but in a way not known here" :
			       "how it lays out its memory is not known");
		return;
	}
	if (result < 0) {
		printf(INDENT "frames are shown native: a symbol is missing in that file\n");
		return;
	}
	printf(INDENT "layout of its memory: %s\n",
	       found.layout.described ? "by its own debug offsets" : "known for that version");
	show_frames(pid, &found);
}

static void show_pythons(uint32_t pid, const struct binaries *binaries)
{
	const struct elf_file *last = NULL;
	struct binary_mapping mapping;

	for (size_t i = 0; binaries_mapping(binaries, i, &mapping); i++) {
		if (mapping.elf != last && python_in_file(mapping.elf))
			show_python(pid, &mapping);
		last = mapping.elf;
	}
}

/* Code that no file holds, of a JIT that tells. */
static void show_perf_map(uint32_t pid, uint64_t start_ns)
{
	struct perf_map *map = NULL;
	int result = perf_map_open(pid, start_ns, true, &map);

	if (result == 0)
		printf("\ngenerated code  %zu functions are named by its perf map in /tmp\n",
		       perf_map_count(map));
	else if (result != -ENOENT)
		printf("\ngenerated code  has no names: its perf map in /tmp: %s\n",
		       strerror(-result));
	perf_map_free(map);
}

void doctor_code(uint32_t pid, uint64_t limit_bytes, uint64_t start_ns)
{
	struct unwinds *unwinds = unwinds_new(limit_bytes);
	struct binaries *binaries = unwinds ? binaries_new(unwinds) : NULL;

	if (binaries && binaries_scan(binaries, pid) == 0) {
		show_rows(unwinds);
		show_pythons(pid, binaries);
		show_perf_map(pid, start_ns);
	}
	binaries_free(binaries);
	unwinds_free(unwinds);
}
