/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "stream/recorder_file.h"
#include "stream/side_record.h"

#define CHUNK_BYTES (1u << 20)	     /* of records, unpacked, in a chunk */
#define CHUNK_LEAST (4u << 10)	     /* … of a file that is not to become large */
#define CHUNK_SPAN_NS 1000000000ull  /* and of time */
#define CHUNK_QUEUE 8		     /* buffers, one being filled and the others on their way */
#define MAX_BYTES_CHUNKS 16	     /* chunks that a file of limited size has room for, unpacked */

/* A chunk on its way. */
struct parcel {
	struct side_buffer records;
	struct recording_chunk chunk;
};

struct recorder {
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
	uint64_t file_bytes; /* file.bytes, for both threads */
	uint64_t unwritten;
	int error;

	struct recorder_file file; /* the writing thread's, while there is one */
};

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
			error = recorder_file_chunk(&recorder->file, &parcel->chunk,
						    parcel->records.bytes);
		if (error < 0)
			dropped = parcel->chunk.records;
		parcel->records.size = 0;
		memset(&parcel->chunk, 0, sizeof(parcel->chunk));
		pthread_mutex_lock(&recorder->lock);
		recorder->waiting--;
		recorder->error = error;
		recorder->file_bytes = recorder->file.bytes;
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

static void release(struct recorder *recorder)
{
	for (size_t i = 0; i < CHUNK_QUEUE; i++)
		free(recorder->parcels[i].records.bytes);
	side_writer_free(&recorder->texts);
	recorder_file_close(&recorder->file);
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->lock);
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
	int result;

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
	result = recorder_file_open(&recorder->file, path, about);
	recorder->file_bytes = recorder->file.bytes;
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

int recorder_names(struct recorder *recorder, const void *bytes, size_t size)
{
	struct recording_chunk chunk = {
		.type = RECORDING_NAMES,
		.raw_bytes = (uint32_t)size,
		.first_ns = recorder->last_ns,
		.last_ns = recorder->last_ns,
	};

	if (size > RECORDING_CHUNK_MOST)
		return -EFBIG;
	settle(recorder);
	/* The report can do without names, not the file without its end. */
	if (recorder->error == 0 &&
	    (!recorder->max_bytes ||
	     recorder->file.bytes + size + recorder->chunk_bytes < recorder->max_bytes))
		recorder->error = recorder_file_chunk(&recorder->file, &chunk, bytes);
	return 0;
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
	if (recorder->error == 0)
		recorder->error = recorder_file_end(&recorder->file, recorder->last_ns,
						    &(struct recording_end){ .now_ns = now_ns,
									     .duration_ns = duration_ns });
	*ret_total = (struct recorder_total){
		.events = recorder->events - recorder->unwritten,
		.chunks = recorder->file.entry_count,
		.file_bytes = recorder->file.bytes,
		.dropped = recorder->dropped + recorder->unwritten,
		.error = recorder->error,
	};
	release(recorder);
	return ret_total->error;
}
