/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In which order the dynamic linker of a process looks for functions: the program, what
 * was preloaded, what is linked, breadth first. What was loaded later comes last.
 *
 * The order is read from the linker's own list in the process's memory (r_debug and
 * link_map of <link.h>), which debuggers use. All of it is hostile: bounded, and used for
 * nothing but to tell a person.
 */
#ifndef OUTLIVE_TARGET_LINK_ORDER_H
#define OUTLIVE_TARGET_LINK_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

#define LINK_ORDER_MAX 4096 /* objects; more are not read */
#define LINK_ORDER_NEEDED_MAX 512 /* of one object */

/* One object: the program or a shared library. Texts are not cleaned. */
struct linked {
	char *path;   /* as the target names it */
	char *soname; /* the name others need it by; its file's without one */
	char **needed;
	size_t needed_count, needed_capacity;
	bool program;
	bool serves_malloc; /* offers a function "malloc" to others */
	bool preloaded;	    /* LD_PRELOAD or /etc/ld.so.preload names it */
};

struct link_order {
	struct linked *rows; /* first looked in, first */
	size_t count, capacity;
};

/*
 * Read the order of process `pid`. Returns 0; -ENOENT when it has no such list (a static
 * program, or one that has not got that far); -ESRCH, -EPERM; -ENOMEM. The caller calls
 * link_order_free().
 */
int link_order_read(uint32_t pid, struct link_order *ret_order);

/* Add an object: `elf` is its file, `path` its name. Returns 0 or -ENOMEM. */
int link_order_add(struct link_order *order, const char *path, const struct elf_file *elf,
		   bool program);

/* Mark the objects that a list as in LD_PRELOAD, separated by blanks or colons, names. */
void link_order_preloaded(struct link_order *order, const char *list);

void link_order_free(struct link_order *order);

/* Why the malloc of an object is the one that the program calls. */
enum malloc_reason {
	MALLOC_NOWHERE,	   /* nobody has one */
	MALLOC_OF_PROGRAM, /* the program defines it itself */
	MALLOC_PRELOADED,
	MALLOC_LINKED, /* a library that comes before the C library */
	MALLOC_OF_LIBC,
	MALLOC_LOADED, /* a library that came while the program ran */
};

struct malloc_choice {
	enum malloc_reason reason;
	const struct linked *object;	/* whose it is; NULL: nobody's */
	const struct linked *needed_by; /* MALLOC_LINKED: the first that needs it */
};

/* Who serves malloc: the first object in order that offers it. */
struct malloc_choice malloc_choose(const struct link_order *order);

/* Is this the C library, by its name: glibc's or musl's? */
bool linked_is_libc(const struct linked *object);

#endif
