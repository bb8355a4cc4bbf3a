/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings of a hostile making. An input that begins as a recording does is a whole
 * file. Any other is the payload of a chunk of events, or of names, by its first byte, in
 * a file that is right in all else, since no mutation gets past a checksum.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xxhash.h>

#include "analysis/diff.h"
#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "report/diff.h"
#include "report/report.h"
#include "stream/recording.h"
#include "stream/recording_chunks.h"
#include "symbol/recorded_names.h"
#include "unit/recording_maker.h"

#define NAMES 'n' /* first byte of a payload of names */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int apply(const struct event *event, void *ledger)
{
	ledger_apply(ledger, event);
	return 0;
}

static int take_names(const void *bytes, size_t size, void *names)
{
	int result = recorded_names_add(names, bytes, size);

	return result == -EBADMSG || result == -ENOSPC ? 0 : result;
}

static void put(int fd, const void *bytes, size_t size)
{
	if (write(fd, bytes, size) != (ssize_t)size)
		abort();
}

static void put_sealed(int fd, uint8_t type, const uint8_t *data, size_t size)
{
	struct recording_header header = { .format = RECORDING_FORMAT,
					   .header_bytes = sizeof(header) };
	struct recording_chunk chunk = {
		.magic = RECORDING_CHUNK_MAGIC,
		.type = type,
		.raw_bytes = (uint32_t)size,
		.stored_bytes = (uint32_t)size,
		.records = (uint32_t)(size / 32),
	};

	memcpy(header.magic, RECORDING_MAGIC, sizeof(header.magic));
	header.hash = XXH3_64bits(&header, offsetof(struct recording_header, hash));
	chunk.payload_hash = XXH3_64bits(data, size);
	chunk.hash = XXH3_64bits(&chunk, offsetof(struct recording_chunk, hash));
	put(fd, &header, sizeof(header));
	put(fd, &chunk, sizeof(chunk));
	put(fd, data, size);
}

static void look_up(const struct recorded_names *names)
{
	const struct recorded_place place = { .pid = 100, .start_ns = 0, .address = 0x401001 };
	struct recorded_frame frames[4];

	for (size_t i = recorded_names_find(names, &place, frames, 4); i > 0; i--) {
		/* Read to its end: a text that has none is for the sanitizer to find. */
		if (frames[i - 1].symbol && strlen(frames[i - 1].symbol) > RECORDED_BYTES_MOST)
			abort();
	}
}

static void save(const char *folder, const char *name, const char *first, const void *bytes,
		 size_t size)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	put(fd, first, strlen(first));
	put(fd, bytes, size);
	close(fd);
}

static void seed_names(const char *folder)
{
	const struct recorded_place place = { .pid = 100, .address = 0x401001 };
	const struct recorded_frame frames[] = {
		{ .symbol = "inner", .file = "/srv/a.c", .line = 3, .inlined = true },
		{ .symbol = "outer", .offset = 17 },
	};
	struct recorded_writer *writer = recorded_writer_new();
	void *bytes;
	size_t size;

	if (!writer || recorded_writer_add(writer, &place, frames, 2) < 0 ||
	    recorded_writer_take(writer, &bytes, &size) < 0)
		abort();
	save(folder, "names", "n", bytes, size);
	free(bytes);
	recorded_writer_free(writer);
}

/* A right file and right payloads to start from, into the corpus: the last argument. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = (*argv)[*argc - 1], *payload;
	struct recorder_total total;
	struct recording_chunk chunk;
	struct chunk_room room = { 0 };
	static char bytes[65536];
	char path[64];
	ssize_t size;
	int fd;

	if (*argc < 2 || folder[0] == '-')
		return 0;
	maker_path(path);
	maker_record(path, 40, 0, NULL, NULL, &total);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = read(fd, bytes, sizeof(bytes));
	if (size <= 0 ||
	    chunk_read(fd, sizeof(struct recording_header), &room, &chunk, &payload) < 0)
		abort();
	save(folder, "file", "", bytes, (size_t)size);
	save(folder, "events", "e", payload, chunk.raw_bytes);
	seed_names(folder);
	chunk_room_free(&room);
	close(fd);
	unlink(path);
	return 0;
}

/* Windows that marks of the file may open, close and end. */
static const struct window_wish wishes[] = {
	{ .from = { .kind = MOMENT_NONE } },
	{ .from = { MOMENT_MARK, 0, "after request 7" } },
	{ .to = { MOMENT_MARK, 0, "after request 7" }, .from = { MOMENT_TIME, 5, "" } },
	{ .at = { MOMENT_MARK, 0, "after request 7" }, .newer_ns = 1000 },
};

static void show_diff(FILE *file, const struct snapshot *half, const struct snapshot *whole,
		      const struct report_options *options, size_t choice)
{
	const struct diff_side sides[DIFF_SIDES] = {
		{ .snapshot = half, .frames = options->frames, .duration_ns = options->duration_ns },
		{ .snapshot = whole, .frames = options->frames, .duration_ns = 1 },
	};
	struct diff_report report = { .files = { "a", "b" }, .sides = { *options, *options } };
	struct diff *diff;

	if (diff_make(sides, choice % 2, &diff) < 0)
		return;
	report.diff = diff;
	(void)(choice / 2 % 2 ? diff_json(file, &report) : diff_text(file, &report));
	diff_free(diff);
}

/* Every way to look at it, one for each input. */
static void show(const struct snapshot *half, const struct snapshot *whole,
		 const struct recorded_names *names, size_t choice)
{
	static FILE *file;
	struct report_options options = {
		.kind = "recording",
		.stacks = "auto",
		.duration_ns = whole->now_ns,
		.verb = choice / 8 % 2 ? REPORT_THREADS : REPORT_SITES,
		.timeline = choice / 16 % 2,
		.verbose = choice / 32 % 2,
		.native = choice / 64 % 2,
		.frames = frames_new(),
	};

	if (!file)
		file = fopen("/dev/null", "w");
	if (!file || !options.frames)
		abort();
	frames_set_recorded(options.frames, names);
	if (half && choice % 8 >= 4)
		show_diff(file, half, whole, &options, choice);
	else
		(void)report_formats[choice % 2].render(file, whole, &options);
	frames_free(options.frames);
}

static void read_all(const char *path, size_t wish)
{
	struct recorded_names *names = recorded_names_new();
	struct ledger *ledger = ledger_new();
	struct snapshot *half = NULL, *snapshot = NULL;
	struct recording *recording;
	uint64_t now_ns, duration_ns;

	ledger_set_window(ledger, &wishes[wish % ARRAY_LENGTH(wishes)]);
	if (recording_open(path, &recording, NULL) == 0) {
		struct source *source = recording_source(recording);

		recording_names(recording, take_names, names);
		look_up(names);
		/* Half of it, and all: two moments, to be compared. */
		if (source->poll(source, apply, ledger, 0) >= 0 &&
		    ledger_snapshot(ledger, recording_start_ns(recording), &half) < 0)
			half = NULL;
		while (source->poll(source, apply, ledger, 0) >= 0)
			;
		recording_end(recording, &now_ns, &duration_ns);
		if (ledger_snapshot(ledger, now_ns, &snapshot) == 0)
			show(half, snapshot, names, wish);
		snapshot_free(half);
		snapshot_free(snapshot);
		recording_close(recording);
	}
	ledger_free(ledger);
	recorded_names_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	int fd;

	if (size < 1 || size > RECORDING_CHUNK_MOST)
		return 0;
	fd = memfd_create("recording", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	if (data[0] == RECORDING_MAGIC[0])
		put(fd, data, size);
	else
		put_sealed(fd, data[0] == NAMES ? RECORDING_NAMES : RECORDING_EVENTS, data + 1,
			   size - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, size);
	close(fd);
	return 0;
}
