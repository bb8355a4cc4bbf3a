/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/debug_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "symbol/debuginfod.h"
#include "symbol/root.h"

#define MAX_CHECKED_BYTES (2ll << 30) /* of a file whose checksum is made */
#define DEBUG_FOLDER "/usr/lib/debug"

/* The CRC of .gnu_debuglink is zlib's. */
static bool has_crc(int fd, uint32_t wanted)
{
	unsigned char buffer[1 << 16];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, buffer, sizeof(buffer), at)) > 0 && at < MAX_CHECKED_BYTES) {
		crc = crc32(crc, buffer, (uInt)got);
		at += got;
	}
	return got == 0 && crc == wanted;
}

static int open_build(const char *root, const char *path, const char *build_id)
{
	struct elf_links links;
	int fd = root_open(root, path, NULL);

	if (fd < 0)
		return fd;
	if (elf_links_read_fd(fd, &links) == 0 && strcmp(links.build_id, build_id) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

static int find_build(const struct debug_search *search, const char *build_id)
{
	char path[sizeof(DEBUG_FOLDER) + LINK_BUILD_ID_HEX + 32];

	if (strlen(build_id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), DEBUG_FOLDER "/.build-id/%.2s/%s.debug", build_id,
		 build_id + 2);
	for (size_t i = 0; i < DEBUG_ROOTS; i++) {
		int fd = search->roots[i] ? open_build(search->roots[i], path, build_id) : -1;

		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

static int open_named(const char *root, const char *path, const struct elf_links *wanted)
{
	struct elf_links links;
	int fd = root_open(root, path, NULL);

	if (fd < 0)
		return fd;
	if (elf_links_read_fd(fd, &links) == 0 &&
	    (wanted->build_id[0] && links.build_id[0]
		     ? strcmp(wanted->build_id, links.build_id) == 0
		     : has_crc(fd, wanted->debug_crc)))
		return fd;
	close(fd);
	return -ENOENT;
}

static int find_named(const struct debug_search *search, const struct elf_links *links)
{
	static const struct {
		const char *before, *behind; /* the folder of the file */
	} places[] = { { "", "" }, { "", "/.debug" }, { DEBUG_FOLDER, "" } };
	const char *slash = strrchr(search->path, '/');
	char path[PATH_MAX];

	if (!slash || !links->debug_name[0])
		return -ENOENT;
	for (size_t i = 0; i < DEBUG_ROOTS; i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(places) && search->roots[i]; j++) {
			int length = snprintf(path, sizeof(path), "%s%.*s%s/%s", places[j].before,
					      (int)(slash - search->path), search->path,
					      places[j].behind, links->debug_name);
			int fd = length > 0 && (size_t)length < sizeof(path)
					 ? open_named(search->roots[i], path, links)
					 : -1;

			if (fd >= 0)
				return fd;
		}
	}
	return -ENOENT;
}

int debug_file_find(const struct debug_search *search, const struct elf_links *links)
{
	int fd = find_build(search, links->build_id);

	if (fd < 0)
		fd = find_named(search, links);
	if (fd < 0 && search->debuginfod)
		fd = debuginfod_find(links->build_id);
	return fd < 0 ? -ENOENT : fd;
}

int debug_file_find_alt(const struct debug_search *search, const struct elf_links *links)
{
	for (size_t i = 0; i < DEBUG_ROOTS && links->alt_name[0] == '/'; i++) {
		int fd = search->roots[i] ? open_build(search->roots[i], links->alt_name,
						       links->alt_build_id)
					  : -1;

		if (fd >= 0)
			return fd;
	}
	return find_build(search, links->alt_build_id);
}
