/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files and .eh_frame sections that are cut or altered at random: whatever
 * comes out is sound, and under AddressSanitizer nothing is read beyond them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "unit/elf_maker.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

/* xorshift64: the same mutations on every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mutate(uint8_t *bytes, size_t size, uint64_t *seed)
{
	for (uint64_t count = 1 + next_random(seed) % 16; count; count--) {
		uint64_t random = next_random(seed);
		uint8_t *byte = &bytes[(random >> 16) % size];

		*byte = random & 1 ? *byte ^ (uint8_t)(1 << (random >> 1) % 8)
				   : (uint8_t)(random >> 8);
	}
}

/* A made file around the first `size` bytes of libc's own .eh_frame. */
static struct elf_file libc_excerpt(size_t size)
{
	CLEANUP_CLOSE int fd = open(LIBC, O_RDONLY | O_CLOEXEC);
	struct elf_image image;
	struct elf_part part;
	struct elf_file file;
	struct elf_spec spec;

	assert_int_equal(elf_image_open(fd, &image), 0);
	assert_int_equal(elf_image_eh_frame(&image, &part), 0);
	assert_true(part.size > size);
	spec = (struct elf_spec){ .eh_frame = part.bytes,
				  .eh_frame_size = size,
				  .eh_frame_vaddr = part.vaddr,
				  .text_vaddr = image.code_low,
				  .text_size = image.code_high - image.code_low };
	file = elf_make(&spec);
	free(part.bytes);
	elf_image_close(&image);
	return file;
}

static void read_hostile(const uint8_t *bytes, size_t size, size_t *sound)
{
	/* of exactly this size, so that reading beyond it shows */
	CLEANUP_FREE uint8_t *copy = malloc(size ? size : 1);
	struct unwind_table table;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (unwind_table_read_memory(copy, size, &table))
		return;
	assert_table_sound(&table);
	*sound += table.row_count > 100;
	unwind_table_free(&table);
}

static void mutations(void **state)
{
	const size_t frames_at = offsetof(struct elf_layout, eh_frame), size = 8192;
	struct elf_file file = libc_excerpt(size);
	CLEANUP_FREE uint8_t *original = malloc(file.size);
	uint64_t seed = 20240229;
	size_t sound = 0;

	(void)state;
	assert_non_null(original);
	memcpy(original, file.bytes, file.size);
	for (int i = 0; i < 10000; i++) {
		size_t from = i % 10 ? frames_at : 0; /* every tenth in the ELF headers too */

		mutate(file.bytes + from, file.size - from, &seed);
		read_hostile(file.bytes, file.size, &sound);
		memcpy(file.bytes, original, file.size);
	}
	assert_true(sound > 3000); /* most got far into the parser */
	free(file.bytes);
}

static void truncations(void **state)
{
	struct elf_file file = libc_excerpt(2000);
	size_t sound = 0;

	(void)state;
	for (size_t size = 0; size <= file.size; size++)
		read_hostile(file.bytes, size, &sound);
	assert_true(sound > 0);
	free(file.bytes);
	sound = 0;
	for (size_t size = 1500; size < 2000; size++) { /* a whole file, a cut .eh_frame */
		file = libc_excerpt(size);
		read_hostile(file.bytes, file.size, &sound);
		free(file.bytes);
	}
	assert_int_equal(sound, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutations),
		cmocka_unit_test(truncations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
