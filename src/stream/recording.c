/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "stream/decode.h"
#include "stream/recording_chunks.h"
#include "stream/side_record.h"

#define AHEAD 3 /* chunks read and unpacked beside the one that is being delivered */

/* A chunk of events, unpacked; or one that could not be. */
struct loaded {
	struct chunk_room room;
	struct recording_chunk chunk;
	const char *payload;
	int error;
};

struct recording {
	struct source source; /* first: a struct source * is cast back */
	int fd;
	struct recording_about about;
	struct chunk_list list;
	struct side_reader texts;
	struct recording_damage damage;
	uint64_t losses[WIRE_LOSS_COUNT]; /* as recorded; our own are added on the way out */
	size_t next;			  /* entry to be delivered */

	/* The loading thread; entries go round in `loaded` by their number. */
	bool started;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct loaded loaded[AHEAD + 1];
	/* Guarded by `lock`: entries [taken, filled) are loaded. */
	size_t taken, filled;
	bool closing;
};

/* --- opening ---------------------------------------------------------------- */

static bool ends_in_nul(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* `got` bytes of the header were there, the rest is zeroes. */
static int check_header(const struct recording_header *header, size_t got, const char *path,
			struct error *error)
{
	if (memcmp(header->magic, RECORDING_MAGIC, sizeof(header->magic)) != 0)
		return error_set(error, -EINVAL, "'outlive record -o FILE' makes one",
				 "%.200s is no recording of outlive", path);
	/* The format comes before all that may differ between formats. */
	if (header->format > RECORDING_FORMAT)
		return error_set(error, -EPROTONOSUPPORT, "use the outlive that wrote it, or a later one",
				 "%.200s is a recording of format %u; this outlive reads up to %u",
				 path, header->format, RECORDING_FORMAT);
	if (got < sizeof(*header))
		return error_set(error, -EBADMSG, "", "%.200s: the recording is cut off in its header",
				 path);
	if (header->header_bytes != sizeof(*header) ||
	    header->hash != XXH3_64bits(header, offsetof(struct recording_header, hash)) ||
	    !ends_in_nul(header->kernel, sizeof(header->kernel)) ||
	    !ends_in_nul(header->stacks, sizeof(header->stacks)) ||
	    !ends_in_nul(header->program, sizeof(header->program)))
		return error_set(error, -EBADMSG, "", "%.200s: the recording's header is damaged", path);
	return 0;
}

static int read_header(struct recording *recording, const char *path, struct error *error)
{
	struct recording_header header = { .format = 0 };
	ssize_t got = pread(recording->fd, &header, sizeof(header), 0);
	int result;

	if (got < 0)
		return error_set(error, -errno, "", "cannot read %.200s: %s", path, strerror(errno));
	result = check_header(&header, (size_t)got, path, error);
	if (result < 0)
		return result;
	memcpy(recording->about.kernel, header.kernel, sizeof(header.kernel));
	memcpy(recording->about.stacks, header.stacks, sizeof(header.stacks));
	memcpy(recording->about.program, header.program, sizeof(header.program));
	recording->about.min_size = header.min_size;
	recording->about.sample_bytes = header.sample_bytes;
	return 0;
}

static int poll_recording(struct source *source, event_fn deliver, void *context, int timeout_ms);

static void close_source(struct source *source)
{
	recording_close((struct recording *)source);
}

int recording_open(const char *path, struct recording **ret_recording, struct error *error)
{
	struct recording *recording = calloc(1, sizeof(*recording));
	int result;

	if (!recording)
		return error_set(error, -ENOMEM, "", "out of memory");
	recording->source.poll = poll_recording;
	recording->source.close = close_source;
	pthread_mutex_init(&recording->lock, NULL);
	pthread_cond_init(&recording->changed, NULL);
	/* Without waiting: the path may name a FIFO. */
	recording->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (recording->fd < 0)
		result = error_set(error, -errno, "", "cannot open %.200s: %s", path, strerror(errno));
	else
		result = read_header(recording, path, error);
	if (result == 0) {
		result = chunk_list_read(recording->fd, sizeof(struct recording_header),
					 &recording->list);
		if (result < 0)
			error_set(error, result, "", "cannot read %.200s: %s", path,
				  strerror(-result));
	}
	if (result < 0) {
		recording_close(recording);
		return result;
	}
	recording->damage.incomplete = !recording->list.complete;
	recording->damage.chunks = recording->list.chunks_missing;
	*ret_recording = recording;
	return 0;
}

void recording_close(struct recording *recording)
{
	if (!recording)
		return;
	if (recording->started) {
		pthread_mutex_lock(&recording->lock);
		recording->closing = true;
		pthread_cond_signal(&recording->changed);
		pthread_mutex_unlock(&recording->lock);
		pthread_join(recording->thread, NULL);
	}
	for (size_t i = 0; i <= AHEAD; i++)
		chunk_room_free(&recording->loaded[i].room);
	chunk_list_free(&recording->list);
	side_reader_free(&recording->texts);
	pthread_cond_destroy(&recording->changed);
	pthread_mutex_destroy(&recording->lock);
	if (recording->fd >= 0)
		close(recording->fd);
	free(recording);
}

/* --- the loading thread ------------------------------------------------------- */

static bool wait_for_room(struct recording *recording)
{
	bool closing;

	pthread_mutex_lock(&recording->lock);
	while (recording->filled - recording->taken > AHEAD && !recording->closing)
		pthread_cond_wait(&recording->changed, &recording->lock);
	closing = recording->closing;
	pthread_mutex_unlock(&recording->lock);
	return !closing;
}

static void *load_chunks(void *context)
{
	struct recording *recording = context;

	for (size_t i = 0; i < recording->list.count && wait_for_room(recording); i++) {
		struct loaded *loaded = &recording->loaded[i % (AHEAD + 1)];
		const struct recording_entry *entry = &recording->list.entries[i];

		loaded->error = 0;
		loaded->payload = NULL;
		if (entry->type == RECORDING_EVENTS)
			loaded->error = chunk_read(recording->fd, entry->offset, &loaded->room,
						   &loaded->chunk, &loaded->payload);
		if (loaded->error == 0 && loaded->payload &&
		    loaded->chunk.type != RECORDING_EVENTS)
			loaded->error = -EBADMSG;
		pthread_mutex_lock(&recording->lock);
		recording->filled++;
		pthread_cond_signal(&recording->changed);
		pthread_mutex_unlock(&recording->lock);
	}
	return NULL;
}

/* Signals are for the thread that polls. */
static int start_thread(struct recording *recording)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = -pthread_create(&recording->thread, NULL, load_chunks, recording);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	recording->started = result == 0;
	return result;
}

static struct loaded *take(struct recording *recording)
{
	pthread_mutex_lock(&recording->lock);
	while (recording->filled == recording->next)
		pthread_cond_wait(&recording->changed, &recording->lock);
	pthread_mutex_unlock(&recording->lock);
	return &recording->loaded[recording->next % (AHEAD + 1)];
}

static void give_back(struct recording *recording)
{
	pthread_mutex_lock(&recording->lock);
	recording->taken = ++recording->next;
	pthread_cond_signal(&recording->changed);
	pthread_mutex_unlock(&recording->lock);
}

/* --- delivering --------------------------------------------------------------- */

static int deliver_losses(struct recording *recording, struct event *event, event_fn deliver,
			  void *context)
{
	memcpy(recording->losses, event->loss.totals, sizeof(recording->losses));
	event->loss.totals[WIRE_LOSS_RECORDING] += recording->damage.records;
	return deliver(event, context);
}

/* Count what the entry held and nobody will see, and say so to whoever listens. */
static int lose(struct recording *recording, const struct recording_entry *entry, uint64_t records,
		event_fn deliver, void *context)
{
	struct recording_damage *damage = &recording->damage;
	struct event event = { .kind = EVENT_LOSS, .time_ns = entry->last_ns };

	damage->chunks++;
	damage->records += records;
	if (!damage->first_ns || entry->first_ns < damage->first_ns)
		damage->first_ns = entry->first_ns;
	if (entry->last_ns > damage->last_ns)
		damage->last_ns = entry->last_ns;
	memcpy(event.loss.totals, recording->losses, sizeof(recording->losses));
	return deliver_losses(recording, &event, deliver, context);
}

/* Deliver the events of one payload. Returns how many, or what the receiver said. */
static int deliver_payload(struct recording *recording, const struct recording_entry *entry,
			   const struct loaded *loaded, event_fn deliver, void *context)
{
	const char *at = loaded->payload, *end = at + loaded->chunk.raw_bytes;
	uint32_t delivered = 0;
	int result = 0;

	while (at < end && result == 0) {
		struct event event;
		uint16_t kind = 0;
		int length;

		memcpy(&kind, at, end - at < (ptrdiff_t)sizeof(kind) ? 1 : sizeof(kind));
		length = kind >= SIDE_FIRST ?
				 side_decode(&recording->texts, at, (size_t)(end - at), &event) :
				 decode_record(at, (size_t)(end - at), &event);
		if (length == -ENOMEM)
			return length;
		if (length < 0)
			break;
		at += length;
		if (event.kind == EVENT_NONE)
			continue;
		delivered++;
		result = event.kind == EVENT_LOSS ?
				 deliver_losses(recording, &event, deliver, context) :
				 deliver(&event, context);
	}
	/* Its checksum is right and its content is not: written so, by mistake or by malice. */
	if (result == 0 && at < end)
		result = lose(recording, entry,
			      loaded->chunk.records > delivered ? loaded->chunk.records - delivered : 1,
			      deliver, context);
	return result < 0 ? result : (int)delivered;
}

static int poll_recording(struct source *source, event_fn deliver, void *context, int timeout_ms)
{
	struct recording *recording = (struct recording *)source;
	const struct recording_entry *entry;
	const struct loaded *loaded;
	int result = 0;

	(void)timeout_ms;
	if (recording->next >= recording->list.count)
		return -EPIPE;
	if (!recording->started)
		result = start_thread(recording);
	if (result < 0)
		return result;
	entry = &recording->list.entries[recording->next];
	loaded = take(recording);
	if (loaded->error == -EBADMSG)
		result = lose(recording, entry, entry->records, deliver, context);
	else if (loaded->error < 0)
		result = loaded->error;
	else if (loaded->payload)
		result = deliver_payload(recording, entry, loaded, deliver, context);
	give_back(recording);
	return result;
}

/* --- what it says of itself --------------------------------------------------- */

const struct recording_about *recording_about(const struct recording *recording)
{
	return &recording->about;
}

struct source *recording_source(struct recording *recording)
{
	return &recording->source;
}

uint64_t recording_start_ns(const struct recording *recording)
{
	return recording->list.count ? recording->list.entries[0].first_ns : 0;
}

uint64_t recording_records(const struct recording *recording)
{
	uint64_t records = 0;

	for (size_t i = 0; i < recording->list.count; i++) {
		if (recording->list.entries[i].type == RECORDING_EVENTS)
			records += recording->list.entries[i].records;
	}
	return records;
}

bool recording_end(const struct recording *recording, uint64_t *ret_now_ns,
		   uint64_t *ret_duration_ns)
{
	uint64_t last_ns = 0;

	for (size_t i = 0; i < recording->list.count; i++) {
		if (recording->list.entries[i].last_ns > last_ns)
			last_ns = recording->list.entries[i].last_ns;
	}
	*ret_now_ns = last_ns;
	*ret_duration_ns = last_ns - recording_start_ns(recording);
	if (!recording->list.complete)
		return false;
	*ret_now_ns = recording->list.end.now_ns;
	*ret_duration_ns = recording->list.end.duration_ns;
	return true;
}

int recording_names(struct recording *recording,
		    int (*take_names)(const void *bytes, size_t size, void *context), void *context)
{
	struct chunk_room room = { 0 };
	int result = 0;

	for (size_t i = 0; i < recording->list.count && result == 0; i++) {
		const struct recording_entry *entry = &recording->list.entries[i];
		struct recording_chunk chunk;
		const char *payload;

		if (entry->type != RECORDING_NAMES)
			continue;
		result = chunk_read(recording->fd, entry->offset, &room, &chunk, &payload);
		if (result == 0)
			result = take_names(payload, chunk.raw_bytes, context);
		else if (result == -EBADMSG)
			result = 0;
	}
	chunk_room_free(&room);
	return result;
}

const struct recording_damage *recording_damage(const struct recording *recording)
{
	return &recording->damage;
}
