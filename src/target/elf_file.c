/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/elf_file_private.h"

#define MAX_SEGMENTS 1024
#define MAX_NOTE_BYTES 65536
#define PAGE_BYTES 4096ull

void elf_file_close(struct elf_file *file)
{
	if (!file)
		return;
	elf_end(file->elf);
	close(file->fd);
	free(file->segments);
	free(file);
}

/* pread that ends only at the end of the file. Returns bytes read or -errno. */
static long read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	size_t used = 0;

	if (offset > INT64_MAX - size)
		return 0;
	while (used < size) {
		ssize_t got = pread(fd, (char *)buffer + used, size - used, offset + used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += got;
	}
	return used;
}

/* Find the build-id among the notes of one PT_NOTE; see elf(5), "Notes". */
static void scan_notes(struct elf_file *file, const GElf_Phdr *segment)
{
	size_t size = segment->p_filesz < MAX_NOTE_BYTES ? segment->p_filesz : MAX_NOTE_BYTES;
	size_t align = segment->p_align == 8 ? 8 : 4;
	CLEANUP_FREE uint8_t *bytes = malloc(size + 1);
	long got = bytes ? read_at(file->fd, segment->p_offset, bytes, size) : 0;
	size_t at = 0, left = got > 0 ? got : 0;

	while (left - at >= sizeof(Elf64_Nhdr)) {
		const uint8_t *name = bytes + at + sizeof(Elf64_Nhdr);
		size_t name_size, rest = left - at - sizeof(Elf64_Nhdr);
		Elf64_Nhdr note;

		memcpy(&note, bytes + at, sizeof(note));
		name_size = (note.n_namesz + align - 1) & ~(align - 1);
		if (name_size > rest || note.n_descsz > rest - name_size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(name, "GNU", 4) == 0 && note.n_descsz <= (ELF_BUILD_ID_HEX - 1) / 2) {
			for (size_t i = 0; i < note.n_descsz; i++) {
				static const char digits[] = "0123456789abcdef";

				file->build_id[2 * i] = digits[name[name_size + i] >> 4];
				file->build_id[2 * i + 1] = digits[name[name_size + i] & 15];
			}
			return;
		}
		rest -= name_size;
		name_size += (note.n_descsz + align - 1) & ~(align - 1);
		if (name_size > left - at - sizeof(Elf64_Nhdr))
			return;
		at += sizeof(Elf64_Nhdr) + name_size;
	}
}

static int read_segments(struct elf_file *file)
{
	size_t count;

	if (elf_getphdrnum(file->elf, &count) || count > MAX_SEGMENTS)
		return -ENOEXEC;
	file->segments = calloc(count ? count : 1, sizeof(*file->segments));
	if (!file->segments)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(file->elf, i, &segment))
			return -ENOEXEC;
		if (segment.p_type == PT_LOAD)
			file->segments[file->segment_count++] = segment;
		else if (segment.p_type == PT_NOTE && !file->build_id[0])
			scan_notes(file, &segment);
	}
	return 0;
}

int elf_file_open(int fd, struct elf_file **ret_file)
{
	struct elf_file *file = calloc(1, sizeof(*file));
	GElf_Ehdr header;
	int err = -ENOEXEC;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->fd = fd;
	if (elf_version(EV_CURRENT) == EV_NONE)
		goto fail;
	file->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header))
		goto fail;
	err = -ENOTSUP;
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64)
		goto fail;
	err = read_segments(file);
	if (err)
		goto fail;
	*ret_file = file;
	return 0;
fail:
	elf_file_close(file);
	return err;
}

const char *elf_file_build_id(const struct elf_file *file)
{
	return file->build_id;
}

uint64_t elf_file_base(const struct elf_file *file)
{
	uint64_t base = file->segment_count ? UINT64_MAX : 0;

	for (size_t i = 0; i < file->segment_count; i++) {
		if (file->segments[i].p_vaddr < base)
			base = file->segments[i].p_vaddr;
	}
	return base & ~(PAGE_BYTES - 1);
}

const GElf_Phdr *elf_file_segment(const struct elf_file *file, uint64_t vaddr)
{
	for (size_t i = 0; i < file->segment_count; i++) {
		const GElf_Phdr *segment = &file->segments[i];

		if (vaddr >= segment->p_vaddr && vaddr - segment->p_vaddr < segment->p_filesz &&
		    segment->p_offset <= INT64_MAX - (vaddr - segment->p_vaddr))
			return segment;
	}
	return NULL;
}

int elf_file_offset(const struct elf_file *file, uint64_t vaddr, uint64_t *ret_offset)
{
	const GElf_Phdr *segment = elf_file_segment(file, vaddr);

	if (!segment)
		return -ENOENT;
	*ret_offset = segment->p_offset + (vaddr - segment->p_vaddr);
	return 0;
}

int elf_file_address(const struct elf_file *file, uint64_t offset, uint64_t *ret_vaddr)
{
	for (size_t i = 0; i < file->segment_count; i++) {
		const GElf_Phdr *segment = &file->segments[i];

		if (segment->p_flags & PF_X && offset >= segment->p_offset &&
		    offset - segment->p_offset < segment->p_filesz) {
			*ret_vaddr = segment->p_vaddr + (offset - segment->p_offset);
			return 0;
		}
	}
	return -ENOENT;
}

long elf_file_read(const struct elf_file *file, uint64_t vaddr, void *buffer, size_t size)
{
	const GElf_Phdr *segment = elf_file_segment(file, vaddr);
	uint64_t left;

	if (!segment)
		return 0;
	left = segment->p_filesz - (vaddr - segment->p_vaddr);
	return read_at(file->fd, segment->p_offset + (vaddr - segment->p_vaddr), buffer,
		       size < left ? size : left);
}
