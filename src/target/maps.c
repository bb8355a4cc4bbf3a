/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

static const char deleted_suffix[] = " (deleted)";

void maps_free(struct maps *maps)
{
	free(maps->rows);
	free(maps->text);
	memset(maps, 0, sizeof(*maps));
}

/* The kernel writes a newline in a path as "\012" and nothing else so
 * (fs/proc/task_mmu.c, show_map_vma(): seq_file_path() with "\n"). */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		bool newline = strncmp(from, "\\012", 4) == 0;

		*to = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = '\0';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Parse a number that is followed by `end`, and go beyond that. False: malformed. */
static bool number(const char **cursor, int base, char end, uint64_t *ret_value)
{
	char *stop;

	if (!is_hex(**cursor))
		return false;
	errno = 0;
	*ret_value = strtoull(*cursor, &stop, base);
	if (errno || stop == *cursor || *stop != end)
		return false;
	*cursor = stop + 1;
	return true;
}

/* "start-end rwxp offset major:minor inode   path", terminated; its path is edited in place. */
static bool parse_line(char *line, struct mapping *row)
{
	const char *cursor = line, *flags;
	uint64_t major, minor;
	size_t length;
	char *path;

	if (!number(&cursor, 16, '-', &row->start) || !number(&cursor, 16, ' ', &row->end))
		return false;
	flags = cursor;
	if (strnlen(flags, 5) < 5 || flags[4] != ' ')
		return false;
	cursor += 5;
	if (!number(&cursor, 16, ' ', &row->offset) || !number(&cursor, 16, ':', &major) ||
	    !number(&cursor, 16, ' ', &minor) || strspn(cursor, "0123456789") == 0)
		return false;
	row->prot = (flags[0] == 'r' ? PROT_READ : 0) | (flags[1] == 'w' ? PROT_WRITE : 0) |
		    (flags[2] == 'x' ? PROT_EXEC : 0);
	row->shared = flags[3] == 's';
	row->dev_major = major;
	row->dev_minor = minor;
	row->inode = strtoull(cursor, &path, 10);
	path += strspn(path, " ");
	length = strlen(path);
	row->deleted = length >= sizeof(deleted_suffix) &&
		       strcmp(path + length + 1 - sizeof(deleted_suffix), deleted_suffix) == 0;
	if (row->deleted)
		path[length + 1 - sizeof(deleted_suffix)] = '\0';
	unescape(path);
	row->path = path;
	return row->start < row->end;
}

/* Make rows of `text`, which becomes theirs. */
static int parse_owned(char *text, size_t length, struct maps *ret_maps)
{
	struct maps maps = { .text = text };
	char *line = text, *end = text + length;
	int err;

	*end = '\0';
	while (line < end) {
		char *newline = memchr(line, '\n', end - line);
		char *next = newline ? newline + 1 : end;
		struct mapping row;

		if (newline)
			*newline = '\0';
		if (maps.count >= MAPS_MAX_ROWS) {
			maps.truncated = true;
			break;
		}
		if (!parse_line(line, &row) ||
		    (maps.count && row.start < maps.rows[maps.count - 1].end)) {
			maps.truncated = true;
			line = next;
			continue;
		}
		err = VEC_PUSH_ROOM(maps.rows, maps.count, maps.capacity);
		if (err) {
			maps_free(&maps);
			return err;
		}
		maps.rows[maps.count++] = row;
		line = next;
	}
	*ret_maps = maps;
	return 0;
}

int maps_parse(const char *text, size_t length, struct maps *ret_maps)
{
	char *copy = malloc(length + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	return parse_owned(copy, length, ret_maps);
}

int maps_read(uint32_t pid, struct maps *ret_maps)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_CLOSE int fd = -1;
	size_t used = 0, capacity = 0;
	char path[64], *owned;
	int err;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (used < MAPS_MAX_BYTES) {
		ssize_t got;

		err = vec_reserve((void **)&text, &capacity, used + 65536, 1);
		if (err)
			return err;
		/* One byte stays free for the terminator. */
		got = read(fd, text + used, capacity - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += got;
	}
	owned = text;
	text = NULL;
	err = parse_owned(owned, used, ret_maps);
	if (!err && used >= MAPS_MAX_BYTES)
		ret_maps->truncated = true;
	return err;
}

const struct mapping *maps_find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->rows[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < maps->count && maps->rows[low].start <= address ? &maps->rows[low] : NULL;
}

uint64_t maps_heap_end(const struct maps *maps)
{
	for (size_t i = maps->count; i > 0; i--) {
		if (strcmp(maps->rows[i - 1].path, "[heap]") == 0)
			return maps->rows[i - 1].end;
	}
	return 0;
}
