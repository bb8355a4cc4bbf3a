/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/recorded_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"

#define NO_TEXT UINT32_MAX
#define FLAG_INLINED 1u

struct recorded_header {
	uint32_t places, frames, text_bytes, zero;
};

struct stored_place {
	uint64_t start_ns, address;
	uint32_t pid;
	uint32_t first; /* of its frames */
	uint32_t count;
	uint32_t zero;
};

struct stored_frame {
	uint64_t offset;
	uint32_t symbol, file; /* offsets of texts, NO_TEXT: none */
	uint32_t line;
	uint32_t flags;
};

_Static_assert(sizeof(struct recorded_header) == 16, "recorded_header is file format");
_Static_assert(sizeof(struct stored_place) == 32, "stored_place is file format");
_Static_assert(sizeof(struct stored_frame) == 24, "stored_frame is file format");

/* --- writing ---------------------------------------------------------------- */

struct recorded_writer {
	struct stored_place *places;
	size_t place_count, place_capacity;
	struct stored_frame *frames;
	size_t frame_count, frame_capacity;
	char *texts;
	size_t text_bytes, text_capacity;
	struct map by_text; /* hash of a text -> its offset */
};

struct recorded_writer *recorded_writer_new(void)
{
	return calloc(1, sizeof(struct recorded_writer));
}

void recorded_writer_free(struct recorded_writer *writer)
{
	if (!writer)
		return;
	free(writer->places);
	free(writer->frames);
	free(writer->texts);
	map_free(&writer->by_text);
	free(writer);
}

static size_t writer_bytes(const struct recorded_writer *writer)
{
	return sizeof(struct recorded_header) + writer->place_count * sizeof(struct stored_place) +
	       writer->frame_count * sizeof(struct stored_frame) + writer->text_bytes;
}

/* The offset of `text`, put in on first use. Two texts of one hash share the first: at
 * 64 bits that does not happen by chance, and a target gains nothing from it. */
static int text_offset(struct recorded_writer *writer, const char *text, uint32_t *ret_offset)
{
	size_t size;
	uint64_t hash;
	int result;

	*ret_offset = NO_TEXT;
	if (!text)
		return 0;
	size = strlen(text) + 1;
	hash = XXH3_64bits(text, size);
	if (map_get(&writer->by_text, hash, ret_offset))
		return 0;
	result = vec_reserve((void **)&writer->texts, &writer->text_capacity,
			     writer->text_bytes + size, 1);
	if (result == 0)
		result = map_set(&writer->by_text, hash, (uint32_t)writer->text_bytes);
	if (result < 0)
		return result;
	*ret_offset = (uint32_t)writer->text_bytes;
	memcpy(writer->texts + writer->text_bytes, text, size);
	writer->text_bytes += size;
	return 0;
}

int recorded_writer_add(struct recorded_writer *writer, const struct recorded_place *place,
			const struct recorded_frame *frames, size_t count)
{
	size_t first = writer->frame_count;
	int result = VEC_PUSH_ROOM(writer->places, writer->place_count, writer->place_capacity);

	if (writer_bytes(writer) >= RECORDED_CHUNK_MOST)
		return -ENOSPC;
	for (size_t i = 0; i < count && result == 0; i++) {
		struct stored_frame *frame;

		result = VEC_PUSH_ROOM(writer->frames, writer->frame_count, writer->frame_capacity);
		if (result < 0)
			break;
		frame = &writer->frames[writer->frame_count];
		*frame = (struct stored_frame){
			.offset = frames[i].offset,
			.line = frames[i].line,
			.flags = frames[i].inlined ? FLAG_INLINED : 0,
		};
		result = text_offset(writer, frames[i].symbol, &frame->symbol);
		if (result == 0)
			result = text_offset(writer, frames[i].file, &frame->file);
		writer->frame_count += result == 0;
	}
	if (result < 0) {
		writer->frame_count = first;
		return result;
	}
	writer->places[writer->place_count++] = (struct stored_place){
		.start_ns = place->start_ns,
		.address = place->address,
		.pid = place->pid,
		.first = (uint32_t)first,
		.count = (uint32_t)count,
	};
	return 0;
}

static void writer_empty(struct recorded_writer *writer)
{
	writer->place_count = 0;
	writer->frame_count = 0;
	writer->text_bytes = 0;
	map_free(&writer->by_text);
}

int recorded_writer_take(struct recorded_writer *writer, void **ret_bytes, size_t *ret_size)
{
	struct recorded_header header = {
		.places = (uint32_t)writer->place_count,
		.frames = (uint32_t)writer->frame_count,
		.text_bytes = (uint32_t)writer->text_bytes,
	};
	const struct {
		const void *bytes;
		size_t size;
	} parts[] = {
		{ &header, sizeof(header) },
		{ writer->places, writer->place_count * sizeof(*writer->places) },
		{ writer->frames, writer->frame_count * sizeof(*writer->frames) },
		{ writer->texts, writer->text_bytes },
	};
	char *bytes, *at;

	*ret_bytes = NULL;
	*ret_size = 0;
	if (writer->place_count == 0)
		return 0;
	at = bytes = malloc(writer_bytes(writer));
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (parts[i].size)
			memcpy(at, parts[i].bytes, parts[i].size);
		at += parts[i].size;
	}
	*ret_bytes = bytes;
	*ret_size = (size_t)(at - bytes);
	writer_empty(writer);
	return 0;
}

/* --- reading ---------------------------------------------------------------- */

struct part {
	const struct stored_place *places;
	const struct stored_frame *frames;
	const char *texts;
	void *bytes;
};

struct recorded_names {
	struct part *parts;
	size_t count, capacity;
	uint64_t total_bytes;
	/* Hash of a place -> its row below. */
	struct map by_place;
	struct row {
		uint32_t part, place;
	} *rows;
	size_t row_count, row_capacity;
};

struct recorded_names *recorded_names_new(void)
{
	return calloc(1, sizeof(struct recorded_names));
}

void recorded_names_free(struct recorded_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->count; i++)
		free(names->parts[i].bytes);
	free(names->parts);
	free(names->rows);
	map_free(&names->by_place);
	free(names);
}

static uint64_t hash_place(uint32_t pid, uint64_t start_ns, uint64_t address)
{
	uint64_t words[3] = { pid, start_ns, address };

	return XXH3_64bits(words, sizeof(words));
}

/* Does everything that is referred to lie within the chunk? */
static bool part_is_sound(const struct part *part, const struct recorded_header *header)
{
	if (header->text_bytes && part->texts[header->text_bytes - 1] != '\0')
		return false;
	for (uint32_t i = 0; i < header->places; i++) {
		const struct stored_place *place = &part->places[i];

		if (place->count > header->frames || place->first > header->frames - place->count)
			return false;
	}
	for (uint32_t i = 0; i < header->frames; i++) {
		const struct stored_frame *frame = &part->frames[i];

		if ((frame->symbol != NO_TEXT && frame->symbol >= header->text_bytes) ||
		    (frame->file != NO_TEXT && frame->file >= header->text_bytes))
			return false;
	}
	return true;
}

static int index_part(struct recorded_names *names, const struct part *part, uint32_t places)
{
	for (uint32_t i = 0; i < places; i++) {
		const struct stored_place *place = &part->places[i];
		int result = VEC_PUSH_ROOM(names->rows, names->row_count, names->row_capacity);

		if (result == 0)
			result = map_set(&names->by_place,
					 hash_place(place->pid, place->start_ns, place->address),
					 (uint32_t)names->row_count);
		if (result < 0)
			return result;
		names->rows[names->row_count++] =
			(struct row){ .part = (uint32_t)names->count - 1, .place = i };
	}
	return 0;
}

int recorded_names_add(struct recorded_names *names, const void *bytes, size_t size)
{
	struct recorded_header header;
	struct part part;
	uint64_t need;
	int result;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, bytes, sizeof(header));
	need = sizeof(header) + (uint64_t)header.places * sizeof(*part.places) +
	       (uint64_t)header.frames * sizeof(*part.frames) + header.text_bytes;
	if (need != size)
		return -EBADMSG;
	if (names->total_bytes + size > RECORDED_BYTES_MOST)
		return -ENOSPC;
	result = VEC_PUSH_ROOM(names->parts, names->count, names->capacity);
	if (result < 0)
		return result;
	part.bytes = malloc(size);
	if (!part.bytes)
		return -ENOMEM;
	memcpy(part.bytes, bytes, size);
	part.places = (const void *)((const char *)part.bytes + sizeof(header));
	part.frames = (const void *)(part.places + header.places);
	part.texts = (const char *)(part.frames + header.frames);
	if (!part_is_sound(&part, &header)) {
		free(part.bytes);
		return -EBADMSG;
	}
	names->parts[names->count++] = part;
	names->total_bytes += size;
	return index_part(names, &part, header.places);
}

size_t recorded_names_find(const struct recorded_names *names, const struct recorded_place *place,
			   struct recorded_frame *ret_frames, size_t room)
{
	const struct stored_place *stored;
	const struct part *part;
	size_t skipped;
	uint32_t row;

	if (!map_get(&names->by_place, hash_place(place->pid, place->start_ns, place->address), &row))
		return 0;
	part = &names->parts[names->rows[row].part];
	stored = &part->places[names->rows[row].place];
	if (stored->pid != place->pid || stored->start_ns != place->start_ns ||
	    stored->address != place->address)
		return 0;
	skipped = stored->count > room ? stored->count - room : 0;
	for (size_t i = skipped; i < stored->count; i++) {
		const struct stored_frame *frame = &part->frames[stored->first + i];

		ret_frames[i - skipped] = (struct recorded_frame){
			.symbol = frame->symbol == NO_TEXT ? NULL : part->texts + frame->symbol,
			.file = frame->file == NO_TEXT ? NULL : part->texts + frame->file,
			.offset = frame->offset,
			.line = frame->line,
			.inlined = frame->flags & FLAG_INLINED,
		};
	}
	return stored->count - skipped;
}
