/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/recorder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/vec.h"
#include "stream/side_record.h"

#define ZSTD_LEVEL 1 /* packs to a quarter at 400 MB/s; 3 gains a tenth */

static int write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		if (written == 0)
			return -EIO;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

static int write_header(struct recorder_file *file, const struct recording_about *about)
{
	struct recording_header header = {
		.format = RECORDING_FORMAT,
		.header_bytes = sizeof(header),
		.min_size = about->min_size,
		.sample_bytes = about->sample_bytes,
	};

	memcpy(header.magic, RECORDING_MAGIC, sizeof(header.magic));
	memcpy(header.kernel, about->kernel, sizeof(header.kernel));
	memcpy(header.stacks, about->stacks, sizeof(header.stacks));
	memcpy(header.program, about->program, sizeof(header.program));
	header.hash = XXH3_64bits(&header, offsetof(struct recording_header, hash));
	file->bytes = sizeof(header);
	return write_all(file->fd, &header, sizeof(header));
}

int recorder_file_open(struct recorder_file *file, const char *path,
		       const struct recording_about *about)
{
	*file = (struct recorder_file){ .zstd = ZSTD_createCCtx() };
	file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return -errno;
	return file->zstd ? write_header(file, about) : -ENOMEM;
}

/* Pack the payload where that makes it smaller. */
static const void *pack(struct recorder_file *file, struct recording_chunk *chunk, const void *raw)
{
	size_t packed = ZSTD_compressCCtx(file->zstd, file->packed, file->packed_capacity, raw,
					  chunk->raw_bytes, ZSTD_LEVEL);

	chunk->codec = RECORDING_PLAIN;
	chunk->stored_bytes = chunk->raw_bytes;
	if (ZSTD_isError(packed) || packed >= chunk->raw_bytes)
		return raw;
	chunk->codec = RECORDING_ZSTD;
	chunk->stored_bytes = (uint32_t)packed;
	return file->packed;
}

static int room_for_pack(struct recorder_file *file, size_t raw_bytes)
{
	size_t bound = ZSTD_compressBound(raw_bytes);

	return vec_reserve((void **)&file->packed, &file->packed_capacity, bound, 1);
}

int recorder_file_chunk(struct recorder_file *file, struct recording_chunk *chunk, const void *raw)
{
	uint64_t offset = file->bytes;
	const void *stored;
	int result = room_for_pack(file, chunk->raw_bytes);

	if (result == 0)
		result = VEC_PUSH_ROOM(file->entries, file->entry_count, file->entry_capacity);
	if (result < 0)
		return result;
	stored = pack(file, chunk, raw);
	chunk->magic = RECORDING_CHUNK_MAGIC;
	chunk->zero = 0;
	chunk->number = (uint32_t)file->entry_count;
	chunk->payload_hash = XXH3_64bits(stored, chunk->stored_bytes);
	chunk->hash = XXH3_64bits(chunk, offsetof(struct recording_chunk, hash));
	result = write_all(file->fd, chunk, sizeof(*chunk));
	if (result == 0)
		result = write_all(file->fd, stored, chunk->stored_bytes);
	if (result < 0) {
		/* Not a torn chunk at the end: what is there can be read to its last byte. */
		if (ftruncate(file->fd, (off_t)offset) == 0)
			(void)lseek(file->fd, (off_t)offset, SEEK_SET);
		return result;
	}
	file->entries[file->entry_count++] = (struct recording_entry){
		.offset = offset,
		.first_ns = chunk->first_ns,
		.last_ns = chunk->last_ns,
		.records = chunk->records,
		.type = chunk->type,
	};
	file->bytes = offset + sizeof(*chunk) + chunk->stored_bytes;
	return 0;
}

int recorder_file_end(struct recorder_file *file, uint64_t last_ns,
		      const struct recording_end *given)
{
	struct recording_trailer trailer = { .end_offset = file->bytes };
	struct recording_chunk chunk = {
		.type = RECORDING_END,
		.first_ns = last_ns,
		.last_ns = last_ns,
	};
	struct recording_end end = *given;
	struct side_buffer bytes = { 0 };
	int result;

	/* Without an index, of a terabyte, the reader goes through the file. */
	if (file->entry_count <=
	    (RECORDING_CHUNK_MOST - sizeof(end)) / sizeof(struct recording_entry))
		end.entries = file->entry_count;
	trailer.hash = XXH3_64bits(&trailer, offsetof(struct recording_trailer, hash));
	result = side_append(&bytes, &end, sizeof(end));
	if (result == 0)
		result = side_append(&bytes, file->entries,
				     end.entries * sizeof(struct recording_entry));
	chunk.raw_bytes = (uint32_t)bytes.size;
	if (result == 0)
		result = recorder_file_chunk(file, &chunk, bytes.bytes);
	free(bytes.bytes);
	if (result == 0)
		result = write_all(file->fd, &trailer, sizeof(trailer));
	if (result < 0)
		return result;
	file->bytes += sizeof(trailer);
	/* Some file systems tell of a full disk only now. */
	return fsync(file->fd) < 0 && errno != EINVAL ? -errno : 0;
}

void recorder_file_close(struct recorder_file *file)
{
	ZSTD_freeCCtx(file->zstd);
	free(file->packed);
	free(file->entries);
	if (file->fd >= 0)
		close(file->fd);
}
