/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The library is opened when it is first needed: it brings curl and a dozen more
 * with it, which an outlive that asks no server should not load or depend on.
 */
#include "symbol/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/elf_links.h"

/* As elfutils/debuginfod.h declares them. */
struct library {
	void *handle;
	void *(*begin)(void);
	void (*end)(void *client);
	int (*find)(void *client, const unsigned char *build_id, int length, char **path);
};

static int library_open(struct library *library)
{
	/* Curl's and OpenSSL's global state would be lost, and made anew each time. */
	library->handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library->handle)
		return -ENOSYS;
	/* POSIX has function pointers fit into void *, C does not say so. */
	*(void **)&library->begin = dlsym(library->handle, "debuginfod_begin");
	*(void **)&library->end = dlsym(library->handle, "debuginfod_end");
	*(void **)&library->find = dlsym(library->handle, "debuginfod_find_debuginfo");
	if (library->begin && library->end && library->find)
		return 0;
	dlclose(library->handle);
	return -ENOSYS;
}

/* A build-id is checked by what comes back, so only a file of that build counts. */
static int keep_if_same(int fd, const char *build_id)
{
	struct elf_links links;

	if (elf_links_read_fd(fd, &links) == 0 && strcmp(links.build_id, build_id) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

int debuginfod_find(const char *build_id)
{
	struct library library;
	char *path = NULL;
	void *client;
	int fd = -ENOENT, r;

	if (!build_id[0])
		return -ENOENT;
	r = library_open(&library);
	if (r < 0)
		return r;
	client = library.begin();
	if (client) {
		/* Length 0: the id is given as text. */
		fd = library.find(client, (const unsigned char *)build_id, 0, &path);
		library.end(client);
	}
	free(path);
	dlclose(library.handle);
	return fd < 0 ? fd : keep_if_same(fd, build_id);
}
