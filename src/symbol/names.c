/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of names, from the quickest to the richest:
 *
 *   .dynsym, .symtab     in the file itself; a stripped one has the first at best
 *   .gnu_debugdata       a second .symtab, if the file carries one
 *   the debug file       .symtab and DWARF, if it is installed
 *   DWARF                lines, and functions that were inlined
 *
 * A function's name is the symbol table's, which knows the public one of several
 * (DWARF calls malloc __libc_malloc), unless that is a compiler's clone
 * ("work.constprop.0"). What was inlined has its name from DWARF alone.
 */
#include "symbol/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "symbol/demangle.h"
#include "symbol/minidebug.h"
#include "symbol/symbol.h"

struct names {
	char *path;
	struct stat status; /* of the file read, to know it again */
	struct symbol_file *symbols;
	struct dwarf_names *dwarf; /* NULL: none */
	bool prepared;
	/* Demangled and cut names by the address of the string they were made of. */
	struct map by_origin;
	char **texts;
	size_t text_count, text_capacity;
};

/* Opened without waiting: the target names the path, it may be a FIFO. */
static int open_regular(const char *path, struct stat *ret_status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_status) < 0)
		r = -errno;
	else if (!S_ISREG(ret_status->st_mode))
		r = -ENOEXEC;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int names_open(const char *path, struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));
	CLEANUP_CLOSE int fd = -1;
	int r = -ENOMEM;

	if (!names)
		return r;
	names->path = strdup(path);
	if (names->path) {
		fd = open_regular(path, &names->status);
		r = fd < 0 ? fd : symbol_file_open_fd(fd, &names->symbols);
	}
	if (r < 0) {
		names_close(names);
		return r;
	}
	*ret_names = names;
	return 0;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	dwarf_names_close(names->dwarf);
	symbol_file_close(names->symbols);
	for (size_t i = 0; i < names->text_count; i++)
		free(names->texts[i]);
	free(names->texts);
	map_free(&names->by_origin);
	free(names->path);
	free(names);
}

const char *names_build_id(const struct names *names)
{
	return symbol_file_build_id(names->symbols);
}

bool names_prepared(const struct names *names)
{
	return names->prepared;
}

/* Add what a file of symbols has; one that is in the way of memory is left out. */
static void add_symbols(struct names *names, struct symbol_file *more)
{
	symbol_file_merge(names->symbols, more);
	symbol_file_close(more);
}

/* Open the DWARF in `fd`, which is taken over. */
static int add_dwarf(struct names *names, const struct debug_search *search, int fd)
{
	struct elf_links links;
	int alt = -1;

	if (elf_links_read_fd(fd, &links) < 0) {
		close(fd);
		return -ENOEXEC;
	}
	if (links.has_alt) {
		alt = debug_file_find_alt(search, &links);
		/* Without it libdw would look for it by itself, wherever the file says. */
		if (alt < 0) {
			close(fd);
			return -ENOEXEC;
		}
	}
	return dwarf_names_open(fd, alt, &names->dwarf);
}

static void add_debug_file(struct names *names, const struct debug_search *search, int fd)
{
	struct symbol_file *more = NULL;

	if (symbol_file_open_fd(fd, &more) == 0)
		add_symbols(names, more);
	add_dwarf(names, search, fd);
}

/* Open what there is beside the file's own symbols, before the first lookup. */
static void prepare(struct names *names, const struct debug_search *search)
{
	const struct elf_links *links = symbol_file_links(names->symbols);
	struct symbol_file *more = NULL;
	struct stat now;
	int fd = open_regular(names->path, &now), debug;

	names->prepared = true;
	if (fd < 0)
		return;
	if (now.st_ino != names->status.st_ino || now.st_dev != names->status.st_dev ||
	    now.st_size != names->status.st_size ||
	    memcmp(&now.st_mtim, &names->status.st_mtim, sizeof(now.st_mtim)) != 0) {
		close(fd);
		return;
	}
	if (minidebug_read(fd, links, &more) == 0)
		add_symbols(names, more);
	if (add_dwarf(names, search, fd) == -ENOENT) {
		debug = debug_file_find(search, links);
		if (debug >= 0)
			add_debug_file(names, search, debug);
	}
}

/*
 * `origin` as a person reads it, made once; `origin` itself where that is the same.
 * It must live as long as `names`, so that its address stands for it.
 */
static const char *readable(struct names *names, const char *origin, bool mangled)
{
	char buffer[DEMANGLE_BYTES];
	const char *text = NULL;
	uint32_t index;
	char *copy;

	if (!origin)
		return NULL;
	if (map_get(&names->by_origin, (uintptr_t)origin, &index))
		return names->texts[index];
	if (mangled)
		text = demangle(origin, buffer, sizeof(buffer));
	if (!text && strnlen(origin, DEMANGLE_BYTES) < DEMANGLE_BYTES)
		return origin;
	copy = text ? strdup(text) : strndup(origin, DEMANGLE_BYTES - 1);
	if (!copy || VEC_PUSH_ROOM(names->texts, names->text_count, names->text_capacity) < 0 ||
	    map_set(&names->by_origin, (uintptr_t)origin, (uint32_t)names->text_count) < 0) {
		free(copy);
		return NULL;
	}
	names->texts[names->text_count++] = copy;
	return copy;
}

/* A clone is called as its function with the pass that made it: work.part.0, work.cold. */
static bool is_clone(const char *symbol)
{
	return strchr(symbol, '.') != NULL;
}

size_t names_lookup(struct names *names, const struct debug_search *search, uint64_t vaddr,
		    struct name_frame *frames, size_t room, uint64_t *ret_start)
{
	struct dwarf_frame found[DWARF_FRAMES_MAX];
	const char *symbol;
	size_t count = 0;

	if (room > DWARF_FRAMES_MAX)
		room = DWARF_FRAMES_MAX;
	if (!names->prepared)
		prepare(names, search);
	*ret_start = 0;
	symbol = symbol_file_lookup(names->symbols, vaddr, ret_start);
	if (names->dwarf)
		count = dwarf_names_lookup(names->dwarf, vaddr, found, room);
	for (size_t i = 0; i < count; i++)
		frames[i] = (struct name_frame){
			.function = readable(names, found[i].function, true),
			.file = readable(names, found[i].file, false),
			.line = found[i].line,
			.inlined = i + 1 < count,
		};
	if (symbol && count == 0)
		frames[count++] = (struct name_frame){ .function = readable(names, symbol, true) };
	else if (symbol && (!frames[count - 1].function || !is_clone(symbol)))
		frames[count - 1].function = readable(names, symbol, true);
	return count;
}
