/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/elf_links.h"

#include <errno.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>

#define MAX_LINK_BYTES (1u << 20) /* of a section looked at here */
#define DEBUG_DATA_ALIGN 4	  /* the CRC stands at the next multiple behind the name */

static void put_hex(char *hex, const unsigned char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * count] = '\0';
}

/* NT_GNU_BUILD_ID of a note section (gABI, "Note Section"; owner "GNU"). */
static void read_build_id(const Elf_Data *notes, struct elf_links *links)
{
	size_t offset = 0, name, description;
	GElf_Nhdr note;

	while (!links->build_id[0] &&
	       (offset = gelf_getnote((Elf_Data *)notes, offset, &note, &name, &description)) > 0) {
		const char *bytes = notes->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
		    memcmp(bytes + name, "GNU", sizeof("GNU")) == 0 && note.n_descsz > 0 &&
		    2 * note.n_descsz < LINK_BUILD_ID_HEX)
			put_hex(links->build_id, (const unsigned char *)bytes + description,
				note.n_descsz);
	}
}

/* Copy the name a section begins with. Returns its length with the NUL, 0 without one. */
static size_t read_name(const Elf_Data *data, char name[LINK_NAME_BYTES])
{
	size_t length = strnlen(data->d_buf, data->d_size) + 1;

	if (length == 1 || length > data->d_size || length > LINK_NAME_BYTES)
		return 0;
	memcpy(name, data->d_buf, length);
	return length;
}

/* GDB manual, "Debugging Information in Separate Files". */
static void read_debug_link(const Elf_Data *data, struct elf_links *links)
{
	size_t length = read_name(data, links->debug_name);
	size_t crc = (length + DEBUG_DATA_ALIGN - 1) & ~(size_t)(DEBUG_DATA_ALIGN - 1);

	/* A folder in it would lead out of those that are searched. */
	if (length && crc + sizeof(links->debug_crc) <= data->d_size &&
	    !strchr(links->debug_name, '/'))
		memcpy(&links->debug_crc, (const char *)data->d_buf + crc,
		       sizeof(links->debug_crc));
	else
		links->debug_name[0] = '\0';
}

/* dwz(1): a name, then the build-id of the file. */
static void read_alt_link(const Elf_Data *data, struct elf_links *links)
{
	size_t length = read_name(data, links->alt_name);
	size_t rest = data->d_size - length;

	links->has_alt = true;
	if (length && rest && 2 * rest < LINK_BUILD_ID_HEX)
		put_hex(links->alt_build_id, (const unsigned char *)data->d_buf + length, rest);
	else
		links->alt_name[0] = '\0';
}

static void read_section(Elf_Scn *section, const GElf_Shdr *header, const char *name,
			 struct elf_links *links)
{
	Elf_Data *data;

	if (strcmp(name, ".gnu_debugdata") == 0) {
		links->mini_offset = header->sh_offset;
		links->mini_size = header->sh_size;
		return;
	}
	if (header->sh_size > MAX_LINK_BYTES)
		return;
	data = header->sh_type == SHT_NOTE ? elf_getdata(section, NULL) : elf_rawdata(section, NULL);
	if (!data || !data->d_buf)
		return;
	if (header->sh_type == SHT_NOTE)
		read_build_id(data, links);
	else if (strcmp(name, ".gnu_debuglink") == 0)
		read_debug_link(data, links);
	else
		read_alt_link(data, links);
}

void elf_links_read(Elf *elf, struct elf_links *ret_links)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;
	bool named = elf_getshdrstrndx(elf, &names) == 0;

	memset(ret_links, 0, sizeof(*ret_links));
	while ((section = elf_nextscn(elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = named ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (header.sh_type == SHT_NOTE ||
		    (name && (strcmp(name, ".gnu_debugdata") == 0 ||
			      strcmp(name, ".gnu_debuglink") == 0 ||
			      strcmp(name, ".gnu_debugaltlink") == 0)))
			read_section(section, &header, name ? name : "", ret_links);
	}
}

int elf_links_read_fd(int fd, struct elf_links *ret_links)
{
	Elf *elf;
	int r = -ENOEXEC;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return r;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		elf_links_read(elf, ret_links);
		r = 0;
	}
	elf_end(elf);
	return r;
}
