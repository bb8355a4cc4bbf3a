/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "base/vec.h"
#include "stream/side_record.h"

#define CHUNK_BYTES (1u << 20)	     /* of records, unpacked, in a chunk */
#define CHUNK_LEAST (4u << 10)	     /* … of a file that is not to become large */
#define CHUNK_SPAN_NS 1000000000ull  /* and of time */
#define CHUNK_QUEUE 8		     /* buffers, one being filled and the others on their way */
#define ZSTD_LEVEL 1		     /* packs to a quarter at 400 MB/s; 3 gains a tenth */
#define MAX_BYTES_CHUNKS 16	     /* chunks that a file of limited size has room for, unpacked */

/* A chunk on its way. */
struct parcel {
	struct side_buffer records;
	struct recording_chunk chunk;
};

struct recorder {
	int fd;
	uint64_t max_bytes;
	size_t chunk_bytes;
	struct side_writer texts;
	uint64_t events, dropped, last_ns;
	bool full; /* nothing more is taken in */
	bool cut;  /* … although there was more */

	struct parcel parcels[CHUNK_QUEUE];
	unsigned int filling; /* index of the parcel that events go into */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Guarded by `lock`. */
	unsigned int waiting; /* parcels full and not yet written, before `filling` */
	bool closing;
	uint64_t file_bytes, unwritten;
	int error;

	/* The writing thread's. */
	char *packed;
	size_t packed_capacity;
	ZSTD_CCtx *zstd;
	struct recording_entry *entries;
	size_t entry_count, entry_capacity;
};

/* --- the file --------------------------------------------------------------- */

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

/* Pack the payload where that makes it smaller. */
static const void *pack(struct recorder *recorder, struct recording_chunk *chunk, const void *raw)
{
	size_t packed = ZSTD_compressCCtx(recorder->zstd, recorder->packed,
					  recorder->packed_capacity, raw, chunk->raw_bytes,
					  ZSTD_LEVEL);

	chunk->codec = RECORDING_PLAIN;
	chunk->stored_bytes = chunk->raw_bytes;
	if (ZSTD_isError(packed) || packed >= chunk->raw_bytes)
		return raw;
	chunk->codec = RECORDING_ZSTD;
	chunk->stored_bytes = (uint32_t)packed;
	return recorder->packed;
}

static int room_for_pack(struct recorder *recorder, size_t raw_bytes)
{
	size_t bound = ZSTD_compressBound(raw_bytes);

	return vec_reserve((void **)&recorder->packed, &recorder->packed_capacity, bound, 1);
}

/* Write one chunk, whole or not at all. `raw` is its payload of chunk->raw_bytes. */
static int write_chunk(struct recorder *recorder, struct recording_chunk *chunk, const void *raw)
{
	uint64_t offset = recorder->file_bytes;
	const void *stored;
	int result = room_for_pack(recorder, chunk->raw_bytes);

	if (result == 0)
		result = VEC_PUSH_ROOM(recorder->entries, recorder->entry_count,
				       recorder->entry_capacity);
	if (result < 0)
		return result;
	stored = pack(recorder, chunk, raw);
	chunk->magic = RECORDING_CHUNK_MAGIC;
	chunk->zero = 0;
	chunk->number = (uint32_t)recorder->entry_count;
	chunk->payload_hash = XXH3_64bits(stored, chunk->stored_bytes);
	chunk->hash = XXH3_64bits(chunk, offsetof(struct recording_chunk, hash));
	result = write_all(recorder->fd, chunk, sizeof(*chunk));
	if (result == 0)
		result = write_all(recorder->fd, stored, chunk->stored_bytes);
	if (result < 0) {
		/* Not a torn chunk at the end: what is there can be read to its last byte. */
		if (ftruncate(recorder->fd, (off_t)offset) == 0)
			(void)lseek(recorder->fd, (off_t)offset, SEEK_SET);
		return result;
	}
	recorder->entries[recorder->entry_count++] = (struct recording_entry){
		.offset = offset,
		.first_ns = chunk->first_ns,
		.last_ns = chunk->last_ns,
		.records = chunk->records,
		.type = chunk->type,
	};
	pthread_mutex_lock(&recorder->lock);
	recorder->file_bytes = offset + sizeof(*chunk) + chunk->stored_bytes;
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

/* --- the writing thread ------------------------------------------------------- */

static struct parcel *next_parcel(struct recorder *recorder)
{
	struct parcel *parcel = NULL;

	pthread_mutex_lock(&recorder->lock);
	while (!recorder->waiting && !recorder->closing)
		pthread_cond_wait(&recorder->changed, &recorder->lock);
	if (recorder->waiting)
		parcel = &recorder->parcels[(recorder->filling + CHUNK_QUEUE - recorder->waiting) %
					    CHUNK_QUEUE];
	pthread_mutex_unlock(&recorder->lock);
	return parcel;
}

static void *write_parcels(void *context)
{
	struct recorder *recorder = context;
	struct parcel *parcel;
	int error = 0;

	while ((parcel = next_parcel(recorder))) {
		uint64_t dropped = 0;

		if (error == 0)
			error = write_chunk(recorder, &parcel->chunk, parcel->records.bytes);
		if (error < 0)
			dropped = parcel->chunk.records;
		parcel->records.size = 0;
		memset(&parcel->chunk, 0, sizeof(parcel->chunk));
		pthread_mutex_lock(&recorder->lock);
		recorder->waiting--;
		recorder->error = error;
		recorder->unwritten += dropped;
		pthread_cond_signal(&recorder->changed);
		pthread_mutex_unlock(&recorder->lock);
	}
	return NULL;
}

/* --- the events' side --------------------------------------------------------- */

/* With what is on its way counted as if it could not be packed, and room for one more
 * chunk and for names: so the limit holds and no chunk is ever given up for it. */
static bool limit_reached(const struct recorder *recorder)
{
	uint64_t bytes = recorder->file_bytes + (uint64_t)recorder->waiting * recorder->chunk_bytes;

	return recorder->max_bytes && bytes >= recorder->max_bytes - 4 * recorder->chunk_bytes;
}

/* Hand over the parcel that is being filled and go on with the next. */
static void send_parcel(struct recorder *recorder)
{
	struct parcel *parcel = &recorder->parcels[recorder->filling];

	if (parcel->records.size == 0)
		return;
	parcel->chunk.type = RECORDING_EVENTS;
	parcel->chunk.raw_bytes = (uint32_t)parcel->records.size;
	pthread_mutex_lock(&recorder->lock);
	recorder->filling = (recorder->filling + 1) % CHUNK_QUEUE;
	recorder->waiting++;
	recorder->full = recorder->error < 0 || limit_reached(recorder);
	pthread_cond_signal(&recorder->changed);
	while (recorder->waiting == CHUNK_QUEUE)
		pthread_cond_wait(&recorder->changed, &recorder->lock);
	pthread_mutex_unlock(&recorder->lock);
}

static int append_event(struct recorder *recorder, struct side_buffer *records,
			const struct event *event)
{
	if (event->wire)
		return side_append(records, event->wire, event->wire_bytes);
	return side_encode(&recorder->texts, event, records);
}

int recorder_event(const struct event *event, void *context)
{
	struct recorder *recorder = context;
	struct parcel *parcel = &recorder->parcels[recorder->filling];
	struct recording_chunk *chunk = &parcel->chunk;
	size_t before = parcel->records.size;

	if (recorder->full || append_event(recorder, &parcel->records, event) < 0) {
		parcel->records.size = before;
		recorder->dropped++;
		recorder->full = recorder->cut = true;
		return 0;
	}
	if (!chunk->records++)
		chunk->first_ns = chunk->last_ns = event->time_ns;
	/* Records of several processors are not quite in order of time. */
	if (event->time_ns < chunk->first_ns)
		chunk->first_ns = event->time_ns;
	if (event->time_ns > chunk->last_ns)
		chunk->last_ns = event->time_ns;
	recorder->events++;
	if (chunk->last_ns > recorder->last_ns)
		recorder->last_ns = chunk->last_ns;
	if (parcel->records.size >= recorder->chunk_bytes ||
	    chunk->last_ns - chunk->first_ns >= CHUNK_SPAN_NS)
		send_parcel(recorder);
	return 0;
}

bool recorder_full(const struct recorder *recorder)
{
	return recorder->full;
}

/* --- beginning and end -------------------------------------------------------- */

static int write_header(struct recorder *recorder, const struct recording_about *about)
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
	recorder->file_bytes = sizeof(header);
	return write_all(recorder->fd, &header, sizeof(header));
}

static void release(struct recorder *recorder)
{
	for (size_t i = 0; i < CHUNK_QUEUE; i++)
		free(recorder->parcels[i].records.bytes);
	side_writer_free(&recorder->texts);
	ZSTD_freeCCtx(recorder->zstd);
	free(recorder->packed);
	free(recorder->entries);
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->lock);
	if (recorder->fd >= 0)
		close(recorder->fd);
	free(recorder);
}

/* Signals are for the thread that started us. */
static int start_thread(struct recorder *recorder)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = -pthread_create(&recorder->thread, NULL, write_parcels, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

int recorder_open(const char *path, const struct recording_about *about, uint64_t max_bytes,
		  struct recorder **ret_recorder)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	int result = 0;

	if (!recorder)
		return -ENOMEM;
	pthread_mutex_init(&recorder->lock, NULL);
	pthread_cond_init(&recorder->changed, NULL);
	recorder->max_bytes = max_bytes;
	recorder->chunk_bytes = CHUNK_BYTES;
	if (max_bytes && max_bytes / MAX_BYTES_CHUNKS < recorder->chunk_bytes)
		recorder->chunk_bytes = max_bytes / MAX_BYTES_CHUNKS;
	if (recorder->chunk_bytes < CHUNK_LEAST)
		recorder->chunk_bytes = CHUNK_LEAST;
	if (getrandom(&recorder->texts.seed, sizeof(recorder->texts.seed), GRND_NONBLOCK) < 0)
		recorder->texts.seed = (uintptr_t)recorder;
	recorder->zstd = ZSTD_createCCtx();
	recorder->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (recorder->fd < 0)
		result = -errno;
	if (result == 0 && !recorder->zstd)
		result = -ENOMEM;
	if (result == 0)
		result = write_header(recorder, about);
	if (result == 0)
		result = start_thread(recorder);
	if (result < 0) {
		release(recorder);
		return result;
	}
	*ret_recorder = recorder;
	return 0;
}

/* Wait until everything is written and the thread is gone; from then on the rest is
 * written from here. */
static void settle(struct recorder *recorder)
{
	if (recorder->closing)
		return;
	send_parcel(recorder);
	pthread_mutex_lock(&recorder->lock);
	recorder->closing = true;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->lock);
	pthread_join(recorder->thread, NULL);
	recorder->full = true;
}

static void write_last(struct recorder *recorder, uint8_t type, const void *bytes, size_t size)
{
	struct recording_chunk chunk = {
		.type = type,
		.raw_bytes = (uint32_t)size,
		.first_ns = recorder->last_ns,
		.last_ns = recorder->last_ns,
	};

	if (recorder->error == 0)
		recorder->error = write_chunk(recorder, &chunk, bytes);
}

int recorder_names(struct recorder *recorder, const void *bytes, size_t size)
{
	if (size > RECORDING_CHUNK_MOST)
		return -EFBIG;
	settle(recorder);
	/* The report can do without names, not the file without its end. */
	if (!recorder->max_bytes ||
	    recorder->file_bytes + size + recorder->chunk_bytes < recorder->max_bytes)
		write_last(recorder, RECORDING_NAMES, bytes, size);
	return 0;
}

/* The END chunk with the index, and the trailer that leads to it. */
static void write_end(struct recorder *recorder, uint64_t now_ns, uint64_t duration_ns)
{
	struct recording_trailer trailer = { .end_offset = recorder->file_bytes };
	struct recording_end end = { .now_ns = now_ns, .duration_ns = duration_ns };
	struct side_buffer bytes = { 0 };
	int result;

	/* Without an index, of a terabyte, the reader goes through the file. */
	if (recorder->entry_count <=
	    (RECORDING_CHUNK_MOST - sizeof(end)) / sizeof(struct recording_entry))
		end.entries = recorder->entry_count;
	trailer.hash = XXH3_64bits(&trailer, offsetof(struct recording_trailer, hash));
	result = side_append(&bytes, &end, sizeof(end));
	if (result == 0)
		result = side_append(&bytes, recorder->entries,
				     end.entries * sizeof(struct recording_entry));
	if (result == 0)
		write_last(recorder, RECORDING_END, bytes.bytes, bytes.size);
	free(bytes.bytes);
	if (recorder->error == 0 && result == 0)
		result = write_all(recorder->fd, &trailer, sizeof(trailer));
	recorder->file_bytes += sizeof(trailer);
	/* Some file systems tell of a full disk only now. */
	if (recorder->error == 0 && result == 0 && fsync(recorder->fd) < 0 && errno != EINVAL)
		result = -errno;
	if (recorder->error == 0)
		recorder->error = result;
}

int recorder_close(struct recorder *recorder, uint64_t now_ns, uint64_t duration_ns,
		   struct recorder_total *ret_total)
{
	settle(recorder);
	/* What was recorded up to the cut is the whole truth of that moment. */
	if (recorder->cut && recorder->last_ns < now_ns) {
		uint64_t missing_ns = now_ns - recorder->last_ns;

		duration_ns -= missing_ns < duration_ns ? missing_ns : duration_ns;
		now_ns = recorder->last_ns;
	}
	write_end(recorder, now_ns, duration_ns);
	*ret_total = (struct recorder_total){
		.events = recorder->events - recorder->unwritten,
		.chunks = recorder->entry_count,
		.file_bytes = recorder->file_bytes,
		.dropped = recorder->dropped + recorder->unwritten,
		.error = recorder->error,
	};
	release(recorder);
	return ret_total->error;
}
