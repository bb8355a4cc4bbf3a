/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/minidebug.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

#define MAX_PACKED_BYTES (32u << 20)
#define MAX_PLAIN_BYTES (128u << 20)
#define MAX_DECODER_BYTES (128ull << 20) /* xz -9 asks for 65 MiB */
#define STEP_BYTES (64u << 10)

static int expand(lzma_stream *stream, unsigned char **plain, size_t *size)
{
	size_t capacity = 0, used = 0;
	lzma_ret status = LZMA_OK;

	while (status == LZMA_OK) {
		if (used >= MAX_PLAIN_BYTES)
			return -EFBIG;
		if (vec_reserve((void **)plain, &capacity, used + STEP_BYTES, 1) < 0)
			return -ENOMEM;
		stream->next_out = *plain + used;
		stream->avail_out = capacity - used;
		status = lzma_code(stream, LZMA_FINISH);
		used = capacity - stream->avail_out;
	}
	*size = used;
	if (status == LZMA_STREAM_END)
		return 0;
	return status == LZMA_MEM_ERROR ? -ENOMEM : status == LZMA_MEMLIMIT_ERROR ? -EFBIG : -ENOEXEC;
}

int minidebug_read(int fd, const struct elf_links *links, struct symbol_file **ret_file)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	CLEANUP_FREE unsigned char *packed = NULL;
	CLEANUP_FREE unsigned char *plain = NULL;
	size_t size = 0;
	int r;

	if (links->mini_size == 0)
		return -ENOENT;
	if (links->mini_size > MAX_PACKED_BYTES || links->mini_offset > INT64_MAX)
		return -EFBIG;
	packed = malloc(links->mini_size);
	if (!packed)
		return -ENOMEM;
	if (pread(fd, packed, links->mini_size, (off_t)links->mini_offset) !=
	    (ssize_t)links->mini_size)
		return -ENOEXEC;
	if (lzma_stream_decoder(&stream, MAX_DECODER_BYTES, 0) != LZMA_OK)
		return -ENOMEM;
	stream.next_in = packed;
	stream.avail_in = links->mini_size;
	r = expand(&stream, &plain, &size);
	lzma_end(&stream);
	return r < 0 ? r : symbol_file_open_memory(plain, size, ret_file);
}
