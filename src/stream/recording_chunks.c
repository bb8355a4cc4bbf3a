/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/recording_chunks.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "base/vec.h"

#define SCAN_BYTES 65536 /* looked through at a time for the next chunk */
#define ENTRIES_MOST (1u << 22) /* chunks of a file; a hostile one is not listed further */

/* Returns 0, -EBADMSG when the file ends before that, or -errno. */
static int read_at(int fd, uint64_t offset, void *bytes, size_t size)
{
	char *at = bytes;

	if (offset > INT64_MAX - size)
		return -EBADMSG;
	while (size) {
		ssize_t got = pread(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EBADMSG;
		at += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static bool header_is_sound(const struct recording_chunk *chunk)
{
	return chunk->magic == RECORDING_CHUNK_MAGIC &&
	       chunk->hash == XXH3_64bits(chunk, offsetof(struct recording_chunk, hash)) &&
	       chunk->raw_bytes <= RECORDING_CHUNK_MOST &&
	       chunk->stored_bytes <= RECORDING_CHUNK_MOST && chunk->records <= chunk->raw_bytes;
}

static int read_header(int fd, uint64_t offset, struct recording_chunk *ret_chunk)
{
	int result = read_at(fd, offset, ret_chunk, sizeof(*ret_chunk));

	return result < 0 ? result : header_is_sound(ret_chunk) ? 0 : -EBADMSG;
}

static int unpack(const struct recording_chunk *chunk, const struct chunk_room *room,
		  const char **ret_payload)
{
	size_t size;

	if (chunk->codec == RECORDING_PLAIN) {
		*ret_payload = room->stored;
		return chunk->stored_bytes == chunk->raw_bytes ? 0 : -EBADMSG;
	}
	if (chunk->codec != RECORDING_ZSTD)
		return -EBADMSG;
	size = ZSTD_decompress(room->raw, chunk->raw_bytes, room->stored, chunk->stored_bytes);
	*ret_payload = room->raw;
	return !ZSTD_isError(size) && size == chunk->raw_bytes ? 0 : -EBADMSG;
}

int chunk_read(int fd, uint64_t offset, struct chunk_room *room, struct recording_chunk *ret_chunk,
	       const char **ret_payload)
{
	int result = read_header(fd, offset, ret_chunk);

	/* One byte at least, so that there is memory even for nothing. */
	if (result == 0)
		result = vec_reserve((void **)&room->stored, &room->stored_capacity,
				     ret_chunk->stored_bytes + 1ul, 1);
	if (result == 0)
		result = vec_reserve((void **)&room->raw, &room->raw_capacity,
				     ret_chunk->raw_bytes + 1ul, 1);
	if (result == 0)
		result = read_at(fd, offset + sizeof(*ret_chunk), room->stored,
				 ret_chunk->stored_bytes);
	if (result < 0)
		return result;
	if (XXH3_64bits(room->stored, ret_chunk->stored_bytes) != ret_chunk->payload_hash)
		return -EBADMSG;
	return unpack(ret_chunk, room, ret_payload);
}

void chunk_room_free(struct chunk_room *room)
{
	free(room->stored);
	free(room->raw);
	memset(room, 0, sizeof(*room));
}

void chunk_list_free(struct chunk_list *list)
{
	free(list->entries);
	memset(list, 0, sizeof(*list));
}

static int add_entry(struct chunk_list *list, const struct recording_entry *entry)
{
	int result = list->count >= ENTRIES_MOST ?
			     -EFBIG :
			     VEC_PUSH_ROOM(list->entries, list->count, list->capacity);

	if (result == 0)
		list->entries[list->count++] = *entry;
	return result;
}

/* Where the next chunk whose header is sound begins, from `offset` on; -EBADMSG: nowhere. */
static int find_chunk(const struct chunk_list *list, uint64_t *offset)
{
	const uint32_t magic = RECORDING_CHUNK_MAGIC;
	struct recording_chunk chunk;
	char bytes[SCAN_BYTES];

	while (*offset + sizeof(chunk) <= list->file_bytes) {
		uint64_t left = list->file_bytes - *offset;
		size_t size = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
		char *at = bytes;
		int result = read_at(list->fd, *offset, bytes, size);

		if (result < 0)
			return result;
		while ((at = memmem(at, size - (size_t)(at - bytes), &magic, sizeof(magic)))) {
			uint64_t found = *offset + (uint64_t)(at - bytes);

			if (read_header(list->fd, found, &chunk) == 0) {
				*offset = found;
				return 0;
			}
			at++;
		}
		/* The next piece overlaps, should the magic lie across the border. */
		*offset += size > sizeof(magic) ? size - sizeof(magic) + 1 : size;
	}
	return -EBADMSG;
}

/* An END chunk without the trailer behind it says how the trace ended all the same. */
static void take_late_end(struct chunk_list *list, uint64_t offset)
{
	struct recording_chunk chunk;
	struct chunk_room room = { 0 };
	const char *payload;

	if (chunk_read(list->fd, offset, &room, &chunk, &payload) == 0 &&
	    chunk.raw_bytes >= sizeof(list->end)) {
		memcpy(&list->end, payload, sizeof(list->end));
		list->complete = true;
	}
	chunk_room_free(&room);
}

/* Go through the file from chunk to chunk. */
static int scan(struct chunk_list *list, uint64_t offset)
{
	uint32_t expected = 0;
	int result = 0;

	while (result == 0 && (result = find_chunk(list, &offset)) == 0) {
		struct recording_chunk chunk;
		struct recording_entry entry = { .offset = offset };

		result = read_header(list->fd, offset, &chunk);
		if (result < 0)
			break;
		entry.first_ns = chunk.first_ns;
		entry.last_ns = chunk.last_ns;
		entry.records = chunk.records;
		entry.type = chunk.type;
		if (chunk.number > expected)
			list->chunks_missing += chunk.number - expected;
		expected = chunk.number + 1;
		if (chunk.type == RECORDING_END)
			take_late_end(list, offset);
		result = add_entry(list, &entry);
		offset += sizeof(chunk) + chunk.stored_bytes;
	}
	return result == -EBADMSG || result == -EFBIG ? 0 : result;
}

/* The entries of an END chunk's payload, unless they make no sense. */
static int take_end(struct chunk_list *list, const char *payload, size_t size)
{
	uint64_t before = 0;
	int result = 0;

	if (size < sizeof(list->end))
		return -EBADMSG;
	memcpy(&list->end, payload, sizeof(list->end));
	if (list->end.entries > (size - sizeof(list->end)) / sizeof(struct recording_entry))
		return -EBADMSG;
	for (uint64_t i = 0; i < list->end.entries && result == 0; i++) {
		struct recording_entry entry;

		memcpy(&entry, payload + sizeof(list->end) + i * sizeof(entry), sizeof(entry));
		if (entry.offset <= before || entry.offset >= list->file_bytes)
			return -EBADMSG;
		before = entry.offset;
		result = add_entry(list, &entry);
	}
	return result;
}

static int read_index(struct chunk_list *list)
{
	struct recording_trailer trailer;
	struct recording_chunk chunk;
	struct chunk_room room = { 0 };
	const char *payload = NULL;
	int result = list->file_bytes < sizeof(trailer) ? -EBADMSG :
		     read_at(list->fd, list->file_bytes - sizeof(trailer), &trailer, sizeof(trailer));

	if (result == 0 &&
	    trailer.hash != XXH3_64bits(&trailer, offsetof(struct recording_trailer, hash)))
		result = -EBADMSG;
	if (result == 0)
		result = chunk_read(list->fd, trailer.end_offset, &room, &chunk, &payload);
	if (result == 0 && chunk.type != RECORDING_END)
		result = -EBADMSG;
	if (result == 0)
		result = take_end(list, payload, chunk.raw_bytes);
	chunk_room_free(&room);
	list->complete = result == 0;
	return result;
}

int chunk_list_read(int fd, uint64_t first, struct chunk_list *list)
{
	struct stat status;
	int result;

	if (fstat(fd, &status) < 0)
		return -errno;
	list->fd = fd;
	list->file_bytes = (uint64_t)status.st_size;
	result = read_index(list);
	/* A file with more chunks than an index has room for has an empty one. */
	if (result == 0 && list->count)
		return 0;
	if (result < 0 && result != -EBADMSG && result != -EFBIG)
		return result;
	list->count = 0;
	return scan(list, first);
}
