/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/unwind_source.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "base/cleanup.h"

int unwind_source_read(const struct elf_image *image, struct unwind_source *ret_source)
{
	memset(ret_source, 0, sizeof(*ret_source));
	ret_source->start_count = stack_starts_find(image, ret_source->starts);
	return elf_image_eh_frame(image, &ret_source->part);
}

struct unwind_print unwind_source_print(const struct elf_image *image,
					const struct unwind_source *source)
{
	static uint8_t secret[XXH3_SECRET_SIZE_MIN * 2];
	static bool has_secret;
	const struct elf_part *part = &source->part;
	const uint64_t place[] = { part->vaddr, part->size, part->open_ended };
	const struct {
		const void *bytes;
		size_t size;
	} parts[] = {
		{ image->segments, image->segment_count * sizeof(*image->segments) },
		{ place, sizeof(place) },
		{ part->bytes, part->bytes ? part->size : 0 },
		{ source->starts, source->start_count * sizeof(*source->starts) },
	};
	XXH128_hash_t hashes[ARRAY_LENGTH(parts)], whole;

	while (!has_secret)
		has_secret = getrandom(secret, sizeof(secret), 0) == sizeof(secret);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		hashes[i] = XXH3_128bits_withSecret(parts[i].bytes, parts[i].size, secret,
						    sizeof(secret));
	whole = XXH3_128bits_withSecret(hashes, sizeof(hashes), secret, sizeof(secret));
	return (struct unwind_print){ .low = whole.low64, .high = whole.high64 };
}
