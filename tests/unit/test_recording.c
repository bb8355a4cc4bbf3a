/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recordings: what goes in comes out, and what is damaged is left out, counted and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "recording_maker.h"
#include "stream/recording.h"
#include "stream/side_record.h"

#define BLOCKS 60000 /* more than one chunk of a megabyte holds */
/* The same in little, for tests that read the file a thousand times: chunks are a
 * sixteenth of what a file is limited to. */
#define FEW_BLOCKS 6000
#define SMALL_FILE (2u << 20)

/* All that an event says, as bytes: two streams are equal when these are. */
struct story {
	struct side_buffer bytes;
	struct side_writer texts;
	uint64_t events;
};

static int tell(const struct event *event, void *context)
{
	struct story *story = context;

	story->events++;
	if (event->wire)
		return side_append(&story->bytes, event->wire, event->wire_bytes);
	return side_encode(&story->texts, event, &story->bytes);
}

static void story_free(struct story *story)
{
	free(story->bytes.bytes);
	side_writer_free(&story->texts);
}

static int play(struct recording *recording, event_fn deliver, void *context)
{
	struct source *source = recording_source(recording);
	int result;

	while ((result = source->poll(source, deliver, context, 0)) >= 0)
		;
	return result;
}

static char *read_file(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY);
	struct stat status;
	char *bytes;

	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	*ret_size = (size_t)status.st_size;
	bytes = malloc(*ret_size);
	assert_int_equal(read(fd, bytes, *ret_size), *ret_size);
	close(fd);
	return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* Read `bytes` as a recording, whatever they are. Returns recording_open()'s result. */
static int read_bytes(const char *path, const void *bytes, size_t size,
		      struct recording_damage *ret_damage, uint64_t *ret_events)
{
	struct recording *recording = NULL;
	struct story story = { 0 };
	struct error error = { .what = "" };
	int result;

	write_file(path, bytes, size);
	result = recording_open(path, &recording, &error);
	memset(ret_damage, 0, sizeof(*ret_damage));
	*ret_events = 0;
	if (result < 0) {
		assert_true(error.what[0] != '\0');
		return result;
	}
	assert_int_equal(play(recording, tell, &story), -EPIPE);
	*ret_damage = *recording_damage(recording);
	*ret_events = story.events;
	story_free(&story);
	recording_close(recording);
	return 0;
}

static void test_round_trip(void **state)
{
	struct story told = { 0 }, heard = { 0 };
	struct recording *recording;
	struct recorder_total total;
	struct error error;
	uint64_t now_ns, duration_ns;
	char path[64];

	(void)state;
	maker_path(path);
	maker_record(path, BLOCKS, 0, tell, &told, &total);
	assert_int_equal(total.error, 0);
	assert_int_equal(total.dropped, 0);
	assert_int_equal(total.events, told.events);
	assert_true(total.chunks > 3);
	assert_int_equal(recording_open(path, &recording, &error), 0);
	assert_string_equal(recording_about(recording)->kernel, "6.1.0-test");
	assert_string_equal(recording_about(recording)->stacks, "auto");
	assert_int_equal(recording_about(recording)->min_size, 7);
	assert_int_equal(recording_records(recording), told.events);
	assert_int_equal(recording_start_ns(recording), 1000);
	assert_int_equal(play(recording, tell, &heard), -EPIPE);
	assert_int_equal(heard.events, told.events);
	/* open_path is of the machine and the moment: it alone is not recorded, nor encoded. */
	assert_int_equal(heard.bytes.size, told.bytes.size);
	assert_memory_equal(heard.bytes.bytes, told.bytes.bytes, told.bytes.size);
	assert_true(recording_end(recording, &now_ns, &duration_ns));
	assert_int_equal(now_ns, MAKER_NOW_NS);
	assert_int_equal(duration_ns, MAKER_DURATION_NS);
	assert_false(recording_damage(recording)->incomplete);
	assert_int_equal(recording_damage(recording)->chunks, 0);
	recording_close(recording);
	story_free(&told);
	story_free(&heard);
	unlink(path);
}

/* Closed before its end, the reader's thread must not be waited for in vain. */
static void test_closed_early(void **state)
{
	struct recording *recording;
	struct recorder_total total;
	struct error error;
	struct story heard = { 0 };
	char path[64];

	(void)state;
	maker_path(path);
	maker_record(path, BLOCKS, 0, NULL, NULL, &total);
	assert_int_equal(recording_open(path, &recording, &error), 0);
	recording_close(recording);
	assert_int_equal(recording_open(path, &recording, &error), 0);
	assert_true(recording_source(recording)->poll(recording_source(recording), tell, &heard, 0) > 0);
	recording_close(recording);
	story_free(&heard);
	unlink(path);
}

static void test_limited_file(void **state)
{
	const uint64_t limit = 256 << 10;
	struct recording_damage damage;
	struct recorder_total total;
	char path[64], *bytes;
	uint64_t events;
	size_t size;

	(void)state;
	maker_path(path);
	maker_record(path, BLOCKS, limit, NULL, NULL, &total);
	assert_int_equal(total.error, 0);
	assert_true(total.dropped > 0);
	assert_true(total.file_bytes <= limit);
	assert_true(total.file_bytes > limit / 4);
	bytes = read_file(path, &size);
	assert_int_equal(size, total.file_bytes);
	assert_int_equal(read_bytes(path, bytes, size, &damage, &events), 0);
	assert_int_equal(events, total.events);
	assert_false(damage.incomplete);
	assert_int_equal(damage.chunks, 0);
	free(bytes);
	unlink(path);
}

/* Where chunks begin, found as their magic with a header that has its checksum. */
static size_t chunk_borders(const char *bytes, size_t size, size_t *borders, size_t room)
{
	size_t count = 0, at = sizeof(struct recording_header);

	while (at + sizeof(struct recording_chunk) <= size && count < room) {
		struct recording_chunk chunk;

		memcpy(&chunk, bytes + at, sizeof(chunk));
		if (chunk.magic != RECORDING_CHUNK_MAGIC)
			break;
		borders[count++] = at;
		at += sizeof(chunk) + chunk.stored_bytes;
	}
	return count;
}

static void test_cut_anywhere(void **state)
{
	struct recording_damage damage;
	struct recorder_total total;
	size_t borders[64], size, count;
	uint64_t events, before = 0;
	char path[64], *bytes;

	(void)state;
	maker_path(path);
	maker_record(path, FEW_BLOCKS, SMALL_FILE, NULL, NULL, &total);
	bytes = read_file(path, &size);
	count = chunk_borders(bytes, size, borders, 64);
	assert_int_equal(count, total.chunks);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(read_bytes(path, bytes, borders[i], &damage, &events), 0);
		assert_true(damage.incomplete);
		assert_int_equal(damage.chunks, 0);
		/* Each border later has a chunk more. */
		assert_true(i == 0 ? events == 0 : events > before || i + 1 == count);
		before = events;
	}
	assert_int_equal(before, total.events);
	srandom(4711);
	for (int i = 0; i < 1000; i++) {
		size_t cut = (size_t)random() % size;
		int result = read_bytes(path, bytes, cut, &damage, &events);

		if (cut < sizeof(struct recording_header)) {
			assert_true(result == (cut < 8 ? -EINVAL : -EBADMSG));
			continue;
		}
		assert_int_equal(result, 0);
		assert_true(events <= total.events + 1);
		assert_true(damage.incomplete || cut > borders[count - 1]);
	}
	free(bytes);
	unlink(path);
}

static void test_flipped_bits(void **state)
{
	struct recording_damage damage;
	struct recorder_total total;
	char path[64], *bytes;
	unsigned int harmed = 0;
	uint64_t events;
	size_t size;

	(void)state;
	maker_path(path);
	maker_record(path, FEW_BLOCKS, SMALL_FILE, NULL, NULL, &total);
	bytes = read_file(path, &size);
	srandom(815);
	for (int i = 0; i < 600; i++) {
		size_t at = (size_t)random() % size;
		int bit = 1 << random() % 8;

		bytes[at] = (char)(bytes[at] ^ bit);
		if (read_bytes(path, bytes, size, &damage, &events) == 0) {
			/* Nothing false gets through: what is there is a part of what was. */
			assert_true(events <= total.events + damage.chunks);
			harmed += damage.chunks > 0 || damage.incomplete;
			if (damage.chunks == 0)
				assert_int_equal(events, total.events);
		} else {
			assert_true(at < sizeof(struct recording_header));
		}
		bytes[at] = (char)(bytes[at] ^ bit);
	}
	assert_true(harmed > 500);
	free(bytes);
	unlink(path);
}

static void test_lost_chunk_is_counted(void **state)
{
	struct recording_damage damage;
	struct recorder_total total;
	struct recording_chunk chunk;
	size_t borders[64], size;
	char path[64], *bytes;
	uint64_t events;

	(void)state;
	maker_path(path);
	maker_record(path, FEW_BLOCKS, SMALL_FILE, NULL, NULL, &total);
	bytes = read_file(path, &size);
	assert_true(chunk_borders(bytes, size, borders, 64) > 3);
	memcpy(&chunk, bytes + borders[1], sizeof(chunk));
	bytes[borders[1] + sizeof(chunk) + 50] ^= 1;
	assert_int_equal(read_bytes(path, bytes, size, &damage, &events), 0);
	assert_int_equal(damage.chunks, 1);
	assert_int_equal(damage.records, chunk.records);
	assert_int_equal(damage.first_ns, chunk.first_ns);
	assert_int_equal(damage.last_ns, chunk.last_ns);
	assert_false(damage.incomplete);
	/* The rest is there, and one event more that tells of the loss. */
	assert_int_equal(events, total.events - chunk.records + 1);
	free(bytes);
	unlink(path);
}

static void seal_header(struct recording_header *header)
{
	header->hash = XXH3_64bits(header, offsetof(struct recording_header, hash));
}

static void test_header(void **state)
{
	struct recording_damage damage;
	struct recorder_total total;
	struct recording_header *header;
	struct recording *recording;
	struct error error;
	char path[64], *bytes;
	uint64_t events;
	size_t size;

	(void)state;
	maker_path(path);
	maker_record(path, 10, 0, NULL, NULL, &total);
	bytes = read_file(path, &size);
	header = (struct recording_header *)bytes;
	header->format = RECORDING_FORMAT + 1;
	seal_header(header);
	assert_int_equal(read_bytes(path, bytes, size, &damage, &events), -EPROTONOSUPPORT);
	assert_int_equal(recording_open(path, &recording, &error), -EPROTONOSUPPORT);
	assert_non_null(strstr(error.what, "format 2"));
	assert_non_null(strstr(error.remedy, "later"));
	header->format = RECORDING_FORMAT;
	memset(header->kernel, 'x', sizeof(header->kernel));
	seal_header(header);
	assert_int_equal(read_bytes(path, bytes, size, &damage, &events), -EBADMSG);
	assert_int_equal(read_bytes(path, "#!/bin/sh\n", 10, &damage, &events), -EINVAL);
	assert_int_equal(read_bytes(path, "", 0, &damage, &events), -EINVAL);
	free(bytes);
	unlink(path);
	assert_int_equal(recording_open(path, &recording, &error), -ENOENT);
}

/* Headers with right checksums that claim ten gigabytes: never believed. */
static void test_claims(void **state)
{
	static const struct recording_chunk claims[] = {
		{ .raw_bytes = 0xffffffff, .stored_bytes = 10, .records = 1 },
		{ .raw_bytes = 10, .stored_bytes = 0xffffffff, .records = 1 },
		{ .raw_bytes = RECORDING_CHUNK_MOST, .stored_bytes = 64, .records = 0xffffffff },
		{ .raw_bytes = RECORDING_CHUNK_MOST, .stored_bytes = 64, .records = 1,
		  .codec = RECORDING_ZSTD },
		{ .raw_bytes = 64, .stored_bytes = 64, .records = 1, .codec = 77 },
	};
	struct recording_damage damage;
	struct recorder_total total;
	char path[64], *bytes;
	uint64_t events;
	size_t size;

	(void)state;
	maker_path(path);
	maker_record(path, 10, 0, NULL, NULL, &total);
	bytes = read_file(path, &size);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct recording_chunk chunk = claims[i];
		const char *payload = bytes + sizeof(struct recording_header) + sizeof(chunk);

		chunk.magic = RECORDING_CHUNK_MAGIC;
		chunk.type = RECORDING_EVENTS;
		chunk.payload_hash = XXH3_64bits(payload, 64);
		chunk.hash = XXH3_64bits(&chunk, offsetof(struct recording_chunk, hash));
		memcpy(bytes + sizeof(struct recording_header), &chunk, sizeof(chunk));
		assert_int_equal(read_bytes(path, bytes, size, &damage, &events), 0);
		assert_true(damage.chunks >= 1);
	}
	free(bytes);
	unlink(path);
}

static void test_full_disk(void **state)
{
	struct maker maker = { 0 };

	(void)state;
	/* A write to it says ENOSPC, always. */
	assert_int_equal(recorder_open("/dev/full", &maker_about, 0, &maker.recorder), -ENOSPC);
	assert_int_equal(recorder_open("/nonexistent/x", &maker_about, 0, &maker.recorder), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_closed_early),
		cmocka_unit_test(test_limited_file),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_lost_chunk_is_counted),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
