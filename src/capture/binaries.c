/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/binaries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/vec.h"
#include "capture/delivered.h"
#include "capture/side.h"
#include "outlive/scope.h"
#include "target/elf_file.h"
#include "target/mapped_file.h"
#include "target/maps.h"

#define PUBLISH_TRIES 3
#define MAX_BINARIES 4096     /* open files; more are left without rows or names */
#define VDSO_BYTES 8192	     /* of our own vdso that are looked at: its mapping is two pages */
#define PAGE_MASK_BYTES 4095 /* the last byte of a page */

struct binary {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	char *path;
	struct elf_file *elf; /* NULL: no ELF file, or the vdso */
	int fd;		      /* kept for naming; -1 none */
	int table;	      /* its number among the unwinds; -1 none */
	char build_id[ELF_BUILD_ID_HEX];
};

/* One executable mapping found by the last scan. */
struct found {
	uint64_t start, end, elf_bias;
	uint32_t binary; /* index into files */
	bool has_bias;
};

struct binaries {
	struct binary *files;
	size_t count, capacity;
	struct found *found;
	size_t found_count, found_capacity;
	uint64_t found_ns; /* when the scan began */
	struct delivered delivered;
	struct unwinds *unwinds;
};

struct binaries *binaries_new(struct unwinds *unwinds)
{
	struct binaries *binaries = calloc(1, sizeof(struct binaries));

	if (binaries)
		binaries->unwinds = unwinds;
	return binaries;
}

void binaries_free(struct binaries *binaries)
{
	if (!binaries)
		return;
	for (size_t i = 0; i < binaries->count; i++) {
		struct binary *binary = &binaries->files[i];

		elf_file_close(binary->elf);
		if (binary->fd >= 0)
			close(binary->fd);
		free(binary->path);
	}
	free(binaries->files);
	free(binaries->found);
	delivered_free(&binaries->delivered);
	free(binaries);
}

/* Open a file and read what it has to tell; whatever fails leaves a file without it. */
static void binary_fill(struct binaries *binaries, struct binary *binary, uint32_t pid,
			const struct mapping *mapping)
{
	struct stat stat;
	int copy;

	binary->fd = mapped_file_open(pid, mapping, &stat);
	if (binary->fd < 0)
		return;
	copy = fcntl(binary->fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0 && elf_file_open(copy, &binary->elf) == 0)
		snprintf(binary->build_id, sizeof(binary->build_id), "%s",
			 elf_file_build_id(binary->elf));
	binary->table = unwinds_add(binaries->unwinds, binary->fd, binary->build_id, binary->path);
}

/* The kernel maps the same vdso into every process: ours has the target's rows. */
static void binary_fill_vdso(struct binaries *binaries, struct binary *binary)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);

	if (image)
		binary->table = unwinds_add_memory(binaries->unwinds, image, VDSO_BYTES,
						   binary->path);
}

/* The file behind `mapping`, made on first sight. Returns its index, or -errno. */
static int binary_get(struct binaries *binaries, uint32_t pid, const struct mapping *mapping)
{
	struct binary *binary;
	int result;

	for (size_t i = 0; i < binaries->count; i++) {
		binary = &binaries->files[i];
		if (binary->inode == mapping->inode && binary->dev_major == mapping->dev_major &&
		    binary->dev_minor == mapping->dev_minor &&
		    (mapping->inode || strcmp(binary->path, mapping->path) == 0))
			return (int)i;
	}
	if (binaries->count >= MAX_BINARIES)
		return -ENOSPC;
	result = VEC_PUSH_ROOM(binaries->files, binaries->count, binaries->capacity);
	if (result < 0)
		return result;
	binary = &binaries->files[binaries->count];
	memset(binary, 0, sizeof(*binary));
	binary->inode = mapping->inode;
	binary->dev_major = mapping->dev_major;
	binary->dev_minor = mapping->dev_minor;
	binary->path = strdup(mapping->path);
	if (!binary->path)
		return -ENOMEM;
	binary->fd = binary->table = -1;
	if (mapping->inode)
		binary_fill(binaries, binary, pid, mapping);
	else
		binary_fill_vdso(binaries, binary);
	return (int)binaries->count++;
}

/*
 * ELF virtual address of a file offset where a mapping begins. A segment need not
 * begin on a page, so the mapping's first byte may lie before it: then the page's
 * last byte is asked for.
 */
static int address_of(const struct elf_file *elf, uint64_t offset, uint64_t *ret_vaddr)
{
	int result = elf_file_address(elf, offset, ret_vaddr);

	if (result < 0) {
		result = elf_file_address(elf, offset | PAGE_MASK_BYTES, ret_vaddr);
		*ret_vaddr -= result < 0 ? 0 : PAGE_MASK_BYTES;
	}
	return result;
}

static int scan_mapping(struct binaries *binaries, uint32_t pid, const struct mapping *mapping)
{
	const struct binary *binary;
	struct found *found;
	uint64_t vaddr = 0;
	int index = binary_get(binaries, pid, mapping);
	int result;

	if (index < 0)
		return index == -ENOSPC ? 0 : index;
	result = VEC_PUSH_ROOM(binaries->found, binaries->found_count, binaries->found_capacity);
	if (result < 0)
		return result;
	binary = &binaries->files[index];
	found = &binaries->found[binaries->found_count++];
	found->start = mapping->start;
	found->end = mapping->end;
	found->binary = (uint32_t)index;
	/* The vdso is linked to address 0 and mapped whole. */
	found->has_bias = !mapping->inode ||
			  (binary->elf && address_of(binary->elf, mapping->offset, &vaddr) == 0);
	found->elf_bias = mapping->start - vaddr;
	return 0;
}

int binaries_scan(struct binaries *binaries, uint32_t pid)
{
	struct maps maps = { 0 };
	uint64_t now_ns = side_now_ns();
	int result = maps_read(pid, &maps);

	if (result < 0)
		return result;
	binaries->found_ns = now_ns;
	binaries->found_count = 0;
	for (size_t i = 0; i < maps.count && result == 0; i++) {
		const struct mapping *mapping = &maps.rows[i];

		if (!(mapping->prot & PROT_EXEC))
			continue;
		if (mapping->inode || strcmp(mapping->path, "[vdso]") == 0)
			result = scan_mapping(binaries, pid, mapping);
	}
	maps_free(&maps);
	return result;
}

bool binaries_mapping(const struct binaries *binaries, size_t number,
		      struct binary_mapping *ret_mapping)
{
	for (size_t i = 0; i < binaries->found_count; i++) {
		const struct found *found = &binaries->found[i];
		const struct binary *binary = &binaries->files[found->binary];

		if (!found->has_bias || !binary->elf || number--)
			continue;
		*ret_mapping = (struct binary_mapping){
			.start = found->start,
			.end = found->end,
			.bias = found->elf_bias,
			.path = binary->path,
			.elf = binary->elf,
		};
		return true;
	}
	return false;
}

size_t binaries_count(const struct binaries *binaries)
{
	return binaries->count;
}

static int deliver_found(struct binaries *binaries, const struct found *found, uint32_t pid,
			 event_fn deliver, void *context)
{
	const struct binary *binary = &binaries->files[found->binary];
	/* Of the time when it was looked for: what is unmapped later is not what lay there before. */
	struct event event = { .kind = EVENT_MODULE, .pid = pid, .time_ns = binaries->found_ns };
	struct delivered_row row = {
		.pid = pid, .binary = found->binary, .start = found->start, .end = found->end,
		.seen_ns = binaries->found_ns,
	};
	char open_path[64] = "";
	int result;

	if (delivered_has(&binaries->delivered, &row))
		return 0;
	result = delivered_add(&binaries->delivered, &row);
	if (result < 0)
		return result;
	/* The open file stays the file that was mapped, whatever its path names later. */
	if (binary->fd >= 0)
		snprintf(open_path, sizeof(open_path), "/proc/self/fd/%d", binary->fd);
	event.module.start = found->start;
	event.module.end = found->end;
	event.module.bias = found->elf_bias;
	event.module.path = binary->path;
	event.module.open_path = open_path;
	event.module.build_id = binary->build_id;
	return deliver(&event, context);
}

bool binaries_unmapped(struct binaries *binaries, uint32_t pid, uint64_t start, uint64_t end,
		       uint64_t time_ns)
{
	return delivered_forget(&binaries->delivered, pid, start, end, time_ns);
}

void binaries_forget(struct binaries *binaries, uint32_t pid)
{
	delivered_forget(&binaries->delivered, pid, 0, UINT64_MAX, UINT64_MAX);
}

static bool same_found(const struct found *a, const struct found *b)
{
	return a->start == b->start && a->end == b->end && a->binary == b->binary &&
	       a->has_bias == b->has_bias && a->elf_bias == b->elf_bias;
}

/* Scan again. Returns 0 when all is as it was found before, 1 when not, or a -errno. */
static int scan_again(struct binaries *binaries, uint32_t pid)
{
	CLEANUP_FREE struct found *before = calloc(binaries->found_count + 1, sizeof(*before));
	size_t count = binaries->found_count;
	int result;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		before[i] = binaries->found[i];
	result = binaries_scan(binaries, pid);
	if (result < 0)
		return result;
	if (binaries->found_count != count)
		return 1;
	for (size_t i = 0; i < count; i++) {
		if (!same_found(&before[i], &binaries->found[i]))
			return 1;
	}
	return 0;
}

struct publishing {
	struct binaries *binaries;
	struct tables *tables;
	uint32_t pid, slot;
	int result; /* of scanning */
};

/* Can code have been unmapped since the mappings were last compared, and was it? */
static bool still_mapped(void *context)
{
	struct publishing *publishing = context;
	struct tables_slot *row = &publishing->tables->slots[publishing->slot];
	uint32_t unmaps = tables_unmaps(publishing->tables, publishing->slot);

	if (row->unmaps == unmaps)
		return true;
	row->unmaps = unmaps;
	publishing->result = scan_again(publishing->binaries, publishing->pid);
	return publishing->result == 0;
}

static int publish(struct publishing *publishing)
{
	struct binaries *binaries = publishing->binaries;
	CLEANUP_FREE struct unwinds_mapping *mappings =
		calloc(binaries->found_count + 1, sizeof(*mappings));
	size_t count = binaries->found_count;

	if (!mappings)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct found *found = &binaries->found[i];

		mappings[i] = (struct unwinds_mapping){
			.start = found->start,
			.end = found->end,
			.bias = found->elf_bias,
			.table = found->has_bias ? binaries->files[found->binary].table : -1,
		};
	}
	return unwinds_publish(binaries->unwinds, publishing->tables, publishing->slot, mappings,
			       count, still_mapped, publishing);
}

/* The modules of the last scan, to the receiver. */
static int deliver_all(struct binaries *binaries, uint32_t pid, event_fn deliver, void *context)
{
	int result = 0;

	for (size_t i = 0; i < binaries->found_count && result == 0; i++) {
		if (binaries->found[i].has_bias)
			result = deliver_found(binaries, &binaries->found[i], pid, deliver, context);
	}
	return result;
}

int binaries_publish(struct binaries *binaries, struct tables *tables, uint32_t pid, uint32_t slot,
		    event_fn deliver, void *context)
{
	struct publishing publishing = { binaries, tables, pid, slot, 0 };
	int result = -EAGAIN;

	if (binaries->found_count > UNWIND_MAX_MAPPINGS)
		log_line("process %u: only %d of its %zu executable mappings are covered", pid,
			 UNWIND_MAX_MAPPINGS, binaries->found_count);
	/* What BPF sees unmapped it takes out of the table in force. But what was unmapped between
	 * the scan and that table must not be in it, or a library that comes to lie there
	 * would be taken for it. */
	for (int tries = 0; tries < PUBLISH_TRIES && result == -EAGAIN; tries++) {
		result = deliver_all(binaries, pid, deliver, context);
		if (result != 0 || slot == SCOPE_NO_SLOT)
			return result;
		result = publish(&publishing);
		if (result == 0 && !still_mapped(&publishing)) {
			tables_void(tables, slot);
			result = -EAGAIN;
		}
		if (publishing.result < 0)
			return publishing.result == -ENOMEM ? -ENOMEM : 0; /* it just ended */
	}
	return result == -EAGAIN ? 0 : result; /* it changes all the time: stacks will ask again */
}

void binaries_release(struct binaries *binaries, struct tables *tables, uint32_t slot)
{
	unwinds_release(binaries->unwinds, tables, slot);
}
