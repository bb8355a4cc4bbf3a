/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dynamic linker's list of objects, out of a process's memory. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/elf_file.h"
#include "target/link_order.h"
#include "target/mapped_file.h"
#include "target/maps.h"
#include "target/memory.h"

#define MAX_HEADERS 128
#define MAX_ENTRIES 1024	   /* of a dynamic section */
#define MAX_ENVIRONMENT (1u << 20) /* bytes */

static void free_maps(struct maps *maps)
{
	maps_free(maps);
}

/* Read at most `size` - 1 bytes of `fd`, close it, and end the text by a NUL. Returns how
 * many, or a -errno: `fd` itself if that is one. */
static long read_text(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	if (fd < 0)
		return fd;
	while (used < size - 1) {
		ssize_t got = read(fd, buffer + used, size - 1 - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	buffer[used] = '\0';
	return (long)used;
}

/* Open a file of /proc/PID. Returns a descriptor or a -errno. */
static int open_proc(uint32_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What is preloaded into every program of the target's root. */
static int open_preload(uint32_t pid)
{
	struct stat stat;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root/etc/ld.so.preload", pid);
	return regular_file_open(path, &stat);
}

/* Where the program's headers lie in memory, and how many: AT_PHDR and AT_PHNUM. */
static int find_headers(uint32_t pid, uint64_t *ret_headers, uint64_t *ret_count)
{
	Elf64_auxv_t vector[64];
	long size = read_text(open_proc(pid, "auxv"), (char *)vector, sizeof(vector));

	*ret_headers = *ret_count = 0;
	for (long i = 0; i < size / (long)sizeof(vector[0]); i++) {
		if (vector[i].a_type == AT_PHDR)
			*ret_headers = vector[i].a_un.a_val;
		else if (vector[i].a_type == AT_PHNUM)
			*ret_count = vector[i].a_un.a_val;
	}
	if (size < 0)
		return size == -ENOENT ? -ESRCH : (int)size;
	return *ret_headers && *ret_count && *ret_count <= MAX_HEADERS ? 0 : -ENOENT;
}

/* Where the program's dynamic section lies in memory. */
static int find_dynamic(uint32_t pid, uint64_t *ret_dynamic)
{
	uint64_t address, count, bias = 0, dynamic = 0;
	Elf64_Phdr headers[MAX_HEADERS];
	bool told = false; /* where the headers themselves lie */
	int err = find_headers(pid, &address, &count);

	if (!err)
		err = memory_read(pid, address, headers, count * sizeof(headers[0]));
	if (err)
		return err;
	for (uint64_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_PHDR) {
			bias = address - headers[i].p_vaddr;
			told = true;
		} else if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0 && !told) {
			/* Of static programs nobody tells; they follow the file's header. */
			bias = address - headers[i].p_vaddr - sizeof(Elf64_Ehdr);
		} else if (headers[i].p_type == PT_DYNAMIC) {
			dynamic = headers[i].p_vaddr;
		}
	}
	if (!dynamic)
		return -ENOENT;
	*ret_dynamic = dynamic + bias;
	return 0;
}

/* The first object of the linker's list: DT_DEBUG leads to its r_debug. */
static int find_first(uint32_t pid, uint64_t *ret_first)
{
	struct r_debug debug;
	Elf64_Dyn entry;
	uint64_t at;
	int err = find_dynamic(pid, &at);

	for (int i = 0; i < MAX_ENTRIES && !err; i++, at += sizeof(entry)) {
		err = memory_read(pid, at, &entry, sizeof(entry));
		if (err || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag != DT_DEBUG || !entry.d_un.d_ptr)
			continue;
		err = memory_read(pid, entry.d_un.d_ptr, &debug, sizeof(debug));
		if (!err)
			*ret_first = (uint64_t)(uintptr_t)debug.r_map;
		return err || *ret_first ? err : -ENOENT;
	}
	return err ? err : -ENOENT;
}

/* Add the object whose dynamic section lies at `dynamic`; what cannot be read is left out. */
static int add_object(uint32_t pid, const struct maps *maps, uint64_t dynamic, bool program,
		      struct link_order *order)
{
	const struct mapping *row = maps_find(maps, dynamic);
	struct elf_file *elf = NULL;
	struct stat stat;
	int fd, err;

	if (!row || row->inode == 0 || row->path[0] != '/')
		return 0; /* the vdso */
	fd = mapped_file_open(pid, row, &stat);
	if (fd < 0)
		return 0;
	err = elf_file_open(fd, &elf);
	if (err)
		return err == -ENOMEM ? err : 0;
	err = link_order_add(order, row->path, elf, program);
	elf_file_close(elf);
	return err;
}

static void mark_preloaded(uint32_t pid, struct link_order *order)
{
	CLEANUP_FREE char *text = malloc(MAX_ENVIRONMENT);
	long size = text ? read_text(open_proc(pid, "environ"), text, MAX_ENVIRONMENT) : 0;

	for (const char *at = text; size > 0 && at < text + size; at += strlen(at) + 1) {
		if (strncmp(at, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0)
			link_order_preloaded(order, at + strlen("LD_PRELOAD="));
	}
	if (text && read_text(open_preload(pid), text, MAX_ENVIRONMENT) > 0)
		link_order_preloaded(order, text);
}

int link_order_read(uint32_t pid, struct link_order *ret_order)
{
	__attribute__((cleanup(free_maps))) struct maps maps = { 0 };
	struct link_order order = { 0 };
	uint64_t at = 0;
	int err = find_first(pid, &at);

	if (!err)
		err = maps_read(pid, &maps);
	for (size_t i = 0; i < LINK_ORDER_MAX && at && !err; i++) {
		struct link_map map;

		/* Only the public part, the same in glibc and musl. */
		if (memory_read(pid, at, &map, offsetof(struct link_map, l_prev)))
			break;
		err = add_object(pid, &maps, (uint64_t)(uintptr_t)map.l_ld, i == 0, &order);
		at = (uint64_t)(uintptr_t)map.l_next;
	}
	if (err) {
		link_order_free(&order);
		return err;
	}
	mark_preloaded(pid, &order);
	*ret_order = order;
	return 0;
}
