/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/elf_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/dwarf_cursor.h"

#define PAGE 4096ULL /* what the kernel's ELF loader rounds to on x86-64 */

#define MAX_EH_FRAME (256ULL << 20)    /* the largest seen is 8 MiB */
#define MAX_SECTION_NAMES (1ULL << 20) /* .shstrtab; a few hundred bytes as a rule */
#define MAX_NOTES (64ULL << 10)	       /* one PT_NOTE segment */
#define MAX_BUILD_ID 64		       /* bytes; GNU ld makes 20 */

/* --- reading --------------------------------------------------------------- */

static bool inside(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

static int read_at(const struct elf_image *image, uint64_t offset, void *buffer, size_t length)
{
	char *out = buffer;
	ssize_t got;

	if (!inside(offset, length, image->size))
		return -ENOEXEC;
	if (image->fd < 0) {
		memcpy(buffer, image->memory + offset, length);
		return 0;
	}
	while (length) {
		got = pread(image->fd, out, length, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENOEXEC;
		out += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

int elf_image_copy(const struct elf_image *image, uint64_t offset, uint64_t length, uint64_t limit,
		   uint8_t **ret_bytes)
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	int err;

	if (!length || !inside(offset, length, image->size))
		return -ENOEXEC;
	if (length > limit)
		return -EFBIG;
	bytes = malloc(length);
	if (!bytes)
		return -ENOMEM;
	err = read_at(image, offset, bytes, length);
	if (err)
		return err;
	*ret_bytes = bytes;
	bytes = NULL;
	return 0;
}

/* --- opening --------------------------------------------------------------- */

static bool header_fits(const Elf64_Ehdr *header)
{
	return !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
	       header->e_machine == EM_X86_64 &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
	       header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum &&
	       header->e_phnum < PN_XNUM;
}

static int find_code(struct elf_image *image)
{
	uint64_t lowest = UINT64_MAX, low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_vaddr < lowest)
			lowest = segment->p_vaddr;
		if (!(segment->p_flags & PF_X))
			continue;
		if (segment->p_memsz > UINT64_MAX - segment->p_vaddr)
			return -ENOEXEC;
		if (segment->p_vaddr < low)
			low = segment->p_vaddr;
		if (segment->p_vaddr + segment->p_memsz > high)
			high = segment->p_vaddr + segment->p_memsz;
	}
	if (low > high)
		low = high = lowest;
	image->base = lowest & ~(PAGE - 1);
	if (high - image->base > UINT32_MAX)
		return -ENOEXEC;
	image->code_low = low;
	image->code_high = high;
	return 0;
}

static int open_image(struct elf_image *image, struct elf_image *ret_image)
{
	size_t size;
	uint8_t *bytes = NULL;
	int err = read_at(image, 0, &image->header, sizeof(image->header));

	if (err)
		return err;
	if (!header_fits(&image->header))
		return -ENOEXEC;
	size = image->header.e_phnum * sizeof(Elf64_Phdr);
	err = elf_image_copy(image, image->header.e_phoff, size, size, &bytes);
	if (err)
		return err;
	image->segments = (Elf64_Phdr *)bytes;
	image->segment_count = image->header.e_phnum;
	err = find_code(image);
	if (err) {
		elf_image_close(image);
		return err;
	}
	*ret_image = *image;
	return 0;
}

int elf_image_open(int fd, struct elf_image *ret_image)
{
	struct elf_image image = { .fd = fd };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	image.size = (uint64_t)status.st_size;
	return open_image(&image, ret_image);
}

int elf_image_open_memory(const void *memory, size_t size, struct elf_image *ret_image)
{
	struct elf_image image = { .fd = -1, .memory = memory, .size = size };

	return open_image(&image, ret_image);
}

void elf_image_close(struct elf_image *image)
{
	free(image->segments);
	image->segments = NULL;
	image->segment_count = 0;
}

/* --- .eh_frame ------------------------------------------------------------- */

int elf_image_sections(const struct elf_image *image, Elf64_Shdr **ret_sections, size_t *ret_count)
{
	const Elf64_Ehdr *header = &image->header;
	uint64_t size = header->e_shnum * sizeof(Elf64_Shdr);
	uint8_t *bytes = NULL;
	int err = 0;

	if (size && header->e_shentsize == sizeof(Elf64_Shdr))
		err = elf_image_copy(image, header->e_shoff, size, size, &bytes);
	if (err)
		return err;
	*ret_sections = (Elf64_Shdr *)bytes;
	*ret_count = bytes ? header->e_shnum : 0;
	return 0;
}

/*
 * The header of section .eh_frame; false when there is none to be found. Its
 * type is not looked at, since some linkers write SHT_X86_64_UNWIND, except that
 * a separate debug file has the header without the bytes (SHT_NOBITS).
 */
static bool find_section(const struct elf_image *image, Elf64_Shdr *ret_section)
{
	static const char wanted[] = ".eh_frame";
	CLEANUP_FREE Elf64_Shdr *sections = NULL;
	CLEANUP_FREE uint8_t *names = NULL;
	uint16_t names_index = image->header.e_shstrndx;
	uint64_t names_size;
	size_t count;

	if (elf_image_sections(image, &sections, &count) || names_index >= count)
		return false;
	names_size = sections[names_index].sh_size;
	if (elf_image_copy(image, sections[names_index].sh_offset, names_size, MAX_SECTION_NAMES,
			   &names))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!inside(sections[i].sh_name, sizeof(wanted), names_size) ||
		    memcmp(names + sections[i].sh_name, wanted, sizeof(wanted)) != 0)
			continue;
		if (sections[i].sh_type == SHT_NOBITS || !sections[i].sh_size)
			continue;
		*ret_section = sections[i];
		return true;
	}
	return false;
}

static const Elf64_Phdr *segment_of(const struct elf_image *image, uint32_t type, uint64_t vaddr)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == type && vaddr - segment->p_vaddr < segment->p_filesz)
			return segment;
	}
	return NULL;
}

int elf_image_copy_loaded(const struct elf_image *image, uint64_t vaddr, uint64_t length,
			  uint64_t limit, uint8_t **ret_bytes)
{
	const Elf64_Phdr *segment = segment_of(image, PT_LOAD, vaddr);

	if (!segment || !inside(vaddr - segment->p_vaddr, length, segment->p_filesz) ||
	    !inside(segment->p_offset, segment->p_filesz, image->size))
		return -ENOEXEC;
	return elf_image_copy(image, segment->p_offset + (vaddr - segment->p_vaddr), length, limit,
			      ret_bytes);
}

/*
 * The address of .eh_frame that .eh_frame_hdr gives (LSB 5.0 Core, 10.6.2): four
 * bytes, version 1 and three encodings, the first being that of the pointer to
 * .eh_frame which follows.
 */
static bool find_by_header(const struct elf_image *image, uint64_t *ret_vaddr)
{
	uint8_t bytes[4 + 10]; /* 10: the longest encoded pointer, LEB128 of 64 bits */
	struct cursor cursor = { .at = bytes };
	const Elf64_Phdr *segment = NULL;
	size_t length;
	uint64_t vaddr;

	for (size_t i = 0; !segment && i < image->segment_count; i++) {
		if (image->segments[i].p_type == PT_GNU_EH_FRAME)
			segment = &image->segments[i];
	}
	if (!segment)
		return false;
	length = segment->p_filesz < sizeof(bytes) ? segment->p_filesz : sizeof(bytes);
	if (length < 4 || read_at(image, segment->p_offset, bytes, length) || bytes[0] != 1)
		return false;
	cursor.at = bytes + 4;
	cursor.end = bytes + length;
	cursor.end_vaddr = segment->p_vaddr + length;
	vaddr = cursor_pointer(&cursor, bytes[1]);
	if (cursor.bad)
		return false;
	*ret_vaddr = vaddr;
	return true;
}

int elf_image_eh_frame(const struct elf_image *image, struct elf_part *ret_part)
{
	struct elf_part part = { 0 };
	const Elf64_Phdr *segment;
	Elf64_Shdr section;
	uint64_t skipped;
	int err;

	if (find_section(image, &section) &&
	    inside(section.sh_offset, section.sh_size, image->size)) {
		part.vaddr = section.sh_addr;
		part.size = section.sh_size;
		err = elf_image_copy(image, section.sh_offset, part.size, MAX_EH_FRAME, &part.bytes);
	} else if (find_by_header(image, &part.vaddr) &&
		   (segment = segment_of(image, PT_LOAD, part.vaddr)) &&
		   inside(segment->p_offset, segment->p_filesz, image->size)) {
		skipped = part.vaddr - segment->p_vaddr;
		part.size = segment->p_filesz - skipped;
		if (part.size > MAX_EH_FRAME)
			part.size = MAX_EH_FRAME;
		part.open_ended = true;
		err = elf_image_copy(image, segment->p_offset + skipped, part.size, MAX_EH_FRAME,
				&part.bytes);
	} else {
		err = 0;
	}
	if (err)
		return err;
	*ret_part = part;
	return 0;
}

/* --- build-id -------------------------------------------------------------- */

static bool build_id_of(struct cursor notes, uint64_t align, char text[ELF_BUILD_ID_TEXT])
{
	while (cursor_left(&notes)) {
		uint64_t name_size = cursor_fixed(&notes, 4);
		uint64_t size = cursor_fixed(&notes, 4);
		uint64_t type = cursor_fixed(&notes, 4);
		struct cursor name = cursor_take(&notes, (name_size + align - 1) & -align);
		struct cursor id = cursor_take(&notes, size);

		if (id.bad)
			return false;
		if (type == NT_GNU_BUILD_ID && name_size == sizeof(ELF_NOTE_GNU) && size &&
		    size <= MAX_BUILD_ID && !memcmp(name.at, ELF_NOTE_GNU, name_size)) {
			for (size_t i = 0; i < size; i++)
				snprintf(text + 2 * i, 3, "%02x", id.at[i]);
			return true;
		}
		size = -size & (align - 1);
		cursor_skip(&notes, size < cursor_left(&notes) ? size : cursor_left(&notes));
	}
	return false;
}

void elf_image_build_id(const struct elf_image *image, char text[ELF_BUILD_ID_TEXT])
{
	text[0] = '\0';
	for (size_t i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		CLEANUP_FREE uint8_t *bytes = NULL;
		struct cursor notes = { 0 };

		if (segment->p_type != PT_NOTE ||
		    elf_image_copy(image, segment->p_offset, segment->p_filesz, MAX_NOTES, &bytes))
			continue;
		notes.at = bytes;
		notes.end = bytes + segment->p_filesz;
		if (build_id_of(notes, segment->p_align == 8 ? 8 : 4, text))
			return;
	}
}
