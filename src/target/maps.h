/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address space of a process: /proc/PID/maps as an array, see proc_pid_maps(5). */
#ifndef OUTLIVE_TARGET_MAPS_H
#define OUTLIVE_TARGET_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
	uint64_t start, end; /* [start, end), page-aligned */
	uint64_t offset;     /* into the file, bytes */
	uint64_t inode;	     /* 0: no file behind it */
	uint32_t dev_major, dev_minor;
	uint8_t prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	bool deleted; /* the file has no name any more (or its name ends in " (deleted)") */
	/*
	 * As the target names it; "[heap]", "[stack]", "[vdso]" … for the kernel's own,
	 * "" for anonymous memory. Not cleaned. Lives as long as the struct maps.
	 */
	const char *path;
};

struct maps {
	struct mapping *rows; /* ascending, disjoint */
	size_t count;
	size_t capacity;
	char *text;	/* holds the paths */
	bool truncated; /* more lines than MAPS_MAX_ROWS, or a line that made no sense */
};

#define MAPS_MAX_ROWS (256 * 1024)	  /* four times the kernel's default vm.max_map_count */
#define MAPS_MAX_BYTES (64 * 1024 * 1024) /* of text */

/*
 * Read the mappings of `pid`. The caller calls maps_free(). A process without memory
 * (zombie, kernel thread) has no rows. Returns 0; -ESRCH no such process; -EACCES not
 * permitted to look; -ENOMEM. *ret_maps is untouched on failure.
 */
int maps_read(uint32_t pid, struct maps *ret_maps);

/*
 * The same from `length` bytes of text. Lines that make no sense, overlap or go
 * backwards are left out and set `truncated`. Returns 0 or -ENOMEM.
 */
int maps_parse(const char *text, size_t length, struct maps *ret_maps);

/* Release what is inside; `maps` is empty afterwards. */
void maps_free(struct maps *maps);

/* The mapping that holds `address`, or NULL. */
const struct mapping *maps_find(const struct maps *maps, uint64_t address);

/* End of the mapping named "[heap]", the program break rounded up; 0 without one. */
uint64_t maps_heap_end(const struct maps *maps);

#endif
