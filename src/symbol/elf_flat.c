/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/elf_flat.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PADDING 64
#define ALIGNMENT 16

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) elf_section;
typedef ElfW(Chdr) elf_compression;

static int read_file(int fd, struct elf_flat *flat)
{
	struct stat status;
	ssize_t got;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size < (off_t)sizeof(elf_header))
		return -ENOEXEC;
	if ((uint64_t)status.st_size > ELF_FLAT_MAX_BYTES)
		return -EFBIG;
	flat->bytes = malloc((size_t)status.st_size + PADDING);
	if (!flat->bytes)
		return -ENOMEM;
	while (flat->size < (size_t)status.st_size) {
		got = pread(fd, flat->bytes + flat->size, (size_t)status.st_size - flat->size,
			    (off_t)flat->size);
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		flat->size += (size_t)got;
	}
	memset(flat->bytes + flat->size, 0, PADDING);
	return flat->size < sizeof(elf_header) ? -ENOEXEC : 0;
}

/* The section headers: they lie in the file, and are of our kind. */
static int find_sections(const struct elf_flat *flat, uint64_t *ret_offset, size_t *ret_count)
{
	elf_header header;

	memcpy(&header, flat->bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header.e_ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
										   : ELFDATA2MSB) ||
	    header.e_shentsize != sizeof(elf_section) || header.e_shnum == 0 ||
	    header.e_shoff > flat->size ||
	    header.e_shnum * sizeof(elf_section) > flat->size - header.e_shoff)
		return -ENOEXEC;
	*ret_offset = header.e_shoff;
	*ret_count = header.e_shnum;
	return 0;
}

/* Append the expanded content of `section` and let it point there. */
static int expand(struct elf_flat *flat, elf_section *section)
{
	elf_compression head;
	size_t at = (flat->size + PADDING + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	uLongf size;
	void *moved;

	if (section->sh_offset > flat->size || section->sh_size > flat->size - section->sh_offset ||
	    section->sh_size < sizeof(head))
		return -ENOEXEC;
	memcpy(&head, flat->bytes + section->sh_offset, sizeof(head));
	/* zlib makes no more than 1032 bytes of one: a claim beyond that is none. */
	if (head.ch_type != ELFCOMPRESS_ZLIB || head.ch_size / 1032 > section->sh_size)
		return -ENOEXEC;
	if (head.ch_size > ELF_FLAT_MAX_BYTES - at)
		return -EFBIG;
	moved = realloc(flat->bytes, at + head.ch_size + PADDING);
	if (!moved)
		return -ENOMEM;
	flat->bytes = moved;
	memset(flat->bytes + flat->size, 0, at - flat->size);
	size = head.ch_size;
	if (uncompress(flat->bytes + at, &size, flat->bytes + section->sh_offset + sizeof(head),
		       section->sh_size - sizeof(head)) != Z_OK)
		return -ENOEXEC;
	memset(flat->bytes + at + size, 0, PADDING);
	flat->size = at + size;
	section->sh_offset = at;
	section->sh_size = size;
	section->sh_flags &= ~(uint64_t)SHF_COMPRESSED;
	return 0;
}

int elf_flat_read(int fd, struct elf_flat *ret_flat)
{
	struct elf_flat flat = { 0 };
	uint64_t offset = 0;
	size_t count = 0;
	int r = read_file(fd, &flat);

	if (r == 0)
		r = find_sections(&flat, &offset, &count);
	for (size_t i = 0; i < count && r == 0; i++) {
		uint64_t at = offset + i * sizeof(elf_section);
		elf_section section;

		memcpy(&section, flat.bytes + at, sizeof(section));
		if (!(section.sh_flags & SHF_COMPRESSED) || section.sh_type == SHT_NOBITS)
			continue;
		r = expand(&flat, &section);
		if (r == 0)
			memcpy(flat.bytes + at, &section, sizeof(section));
	}
	if (r < 0) {
		elf_flat_free(&flat);
		return r;
	}
	/* The padding counts, so that nothing takes it for beyond the end. */
	flat.size += PADDING;
	*ret_flat = flat;
	return 0;
}

void elf_flat_free(struct elf_flat *flat)
{
	free(flat->bytes);
	*flat = (struct elf_flat){ 0 };
}
