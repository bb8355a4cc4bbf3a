/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ELF file, on disk or in memory, as far as unwinding needs it: where its
 * code is loaded, its .eh_frame and its build-id.
 *
 * The file belongs to the target, which may change or cut it while we read:
 * so parts are read into memory of our own (a mapping would raise SIGBUS) and
 * every offset in it is checked against what is there.
 */
#ifndef OUTLIVE_CAPTURE_ELF_IMAGE_H
#define OUTLIVE_CAPTURE_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image {
	int fd; /* -1: `memory` */
	const uint8_t *memory;
	uint64_t size; /* bytes of file or memory */
	Elf64_Ehdr header;
	Elf64_Phdr *segments;
	size_t segment_count;
	uint64_t base;	   /* page of the lowest PT_LOAD: what row addresses count from */
	uint64_t code_low; /* executable segments lie within [code_low, code_high) */
	uint64_t code_high;
};

/* A copied part of the file. */
struct elf_part {
	uint8_t *bytes; /* malloc'ed; NULL: the file has no such part */
	size_t size;
	uint64_t vaddr;	 /* where it is loaded, as the file's addresses count */
	bool open_ended; /* its end is not known: `size` goes to the segment's end */
};

#define ELF_BUILD_ID_TEXT 129 /* hex digits of the longest build-id kept, 64 bytes, and NUL */

/*
 * Open the ELF file behind `fd` (stays the caller's, open for reading while the
 * image is in use), or the `size` bytes at `memory` (alike). Returns 0 and *ret_image (release
 * with elf_image_close), -ENOEXEC when it is not an executable or shared
 * object for little-endian x86-64 with code of less than 4 GiB, -ENOMEM, or
 * the error of reading.
 */
int elf_image_open(int fd, struct elf_image *ret_image);
int elf_image_open_memory(const void *memory, size_t size, struct elf_image *ret_image);
void elf_image_close(struct elf_image *image);

/*
 * Copy .eh_frame: the section of that name, or without section headers what
 * PT_GNU_EH_FRAME leads to. Returns 0 and *ret_part (its bytes are the caller's
 * to free), with bytes NULL when there is none; -EFBIG beyond 256 MiB; -ENOMEM;
 * or the error of reading.
 */
int elf_image_eh_frame(const struct elf_image *image, struct elf_part *ret_part);

/*
 * Copy `length` bytes (1 to `limit`) of the file from `offset` on. Returns 0 and *ret_bytes, the
 * caller's to free; -ENOEXEC when they are not all there, -EFBIG, -ENOMEM, or the error of
 * reading.
 */
int elf_image_copy(const struct elf_image *image, uint64_t offset, uint64_t length, uint64_t limit,
		   uint8_t **ret_bytes);

/* The same of bytes that are loaded at address `vaddr`. */
int elf_image_copy_loaded(const struct elf_image *image, uint64_t vaddr, uint64_t length,
			  uint64_t limit, uint8_t **ret_bytes);

/* Copy the section headers. Returns 0, *ret_count and *ret_sections, the caller's to free (count 0,
 * NULL: the file has none), or a -errno as elf_image_copy. */
int elf_image_sections(const struct elf_image *image, Elf64_Shdr **ret_sections, size_t *ret_count);

/* The GNU build-id as lower-case hex; "" when there is none, or it is
 * unreadable or longer than 64 bytes. */
void elf_image_build_id(const struct elf_image *image, char text[ELF_BUILD_ID_TEXT]);

#endif
