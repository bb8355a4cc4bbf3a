/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/vec.h"
#include "outlive.skel.h"
#include "stream/decode.h"

struct late_free {
	struct overflow_key key;
	struct overflow_value value;
};

struct ring {
	struct outlive_bpf *skeleton;
	struct ring_buffer *buffer;
	/* The ring's positions, first word of its first and second page
	 * (include/linux/bpf.h: bpf_ringbuf_map_mmap; Documentation/bpf/ringbuf.rst). */
	void *consumer, *producer;
	uint64_t overflow_seen;
	struct late_free *late; /* taken from the overflow map, not yet delivered */
	size_t late_count, late_capacity;
	uint64_t late_after; /* ring position that must have been consumed before them */
	/* Of the poll under way. */
	event_fn deliver;
	void *context;
	int delivered, error;
};

static int deliver_record(struct ring *ring, const void *data, size_t size)
{
	struct event event;
	int result = decode_record(data, size, &event);

	if (result < 0) {
		log_line("a record of %zu bytes makes no sense: skipped", size);
		return 0;
	}
	if (event.kind == EVENT_NONE)
		return 0;
	ring->delivered++;
	return ring->deliver(&event, ring->context);
}

/* libbpf's callback: a negative value ends the round, the record counts as consumed. */
static int on_record(void *context, void *data, size_t size)
{
	struct ring *ring = context;

	ring->error = deliver_record(ring, data, size);
	if (ring->error < 0)
		return ring->error;
	return ring->delivered >= RING_BATCH ? -EAGAIN : 0;
}

static void *map_page(struct outlive_bpf *skeleton, off_t number)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton->maps.ring),
			    number * (off_t)page);

	return memory == MAP_FAILED ? NULL : memory;
}

int ring_open(struct outlive_bpf *skeleton, struct ring **ret_ring)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	ring->skeleton = skeleton;
	ring->buffer = ring_buffer__new(bpf_map__fd(skeleton->maps.ring), on_record, ring, NULL);
	ring->consumer = map_page(skeleton, 0);
	ring->producer = map_page(skeleton, 1);
	if (!ring->buffer || !ring->consumer || !ring->producer) {
		int result = -errno;

		ring_close(ring);
		return result;
	}
	*ret_ring = ring;
	return 0;
}

void ring_close(struct ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!ring)
		return;
	if (ring->consumer)
		munmap(ring->consumer, page);
	if (ring->producer)
		munmap(ring->producer, page);
	if (ring->buffer)
		ring_buffer__free(ring->buffer);
	free(ring->late);
	free(ring);
}

static uint64_t position(const void *page)
{
	return __atomic_load_n((const uint64_t *)page, __ATOMIC_ACQUIRE);
}

uint64_t ring_produced(const struct ring *ring)
{
	return position(ring->producer);
}

uint64_t ring_consumed(const struct ring *ring)
{
	return position(ring->consumer);
}

/*
 * Take the frees out of the overflow map. They must not be delivered before the
 * allocations they end, and those may still be in the ring, even behind a record
 * that its producer has not finished: so the ring's end is noted here, and they
 * wait until everything up to it has been consumed.
 */
static int take_overflow(struct ring *ring)
{
	int map = bpf_map__fd(ring->skeleton->maps.overflow);
	uint64_t put = __atomic_load_n(&ring->skeleton->bss->overflow_frees, __ATOMIC_ACQUIRE);
	struct overflow_key key, next;
	int more;

	if (put == ring->overflow_seen || ring->late_count)
		return 0;
	ring->overflow_seen = put;
	more = bpf_map_get_next_key(map, NULL, &next) == 0;
	while (more && ring->late_count < bpf_map__max_entries(ring->skeleton->maps.overflow)) {
		struct late_free *late;
		int result = VEC_PUSH_ROOM(ring->late, ring->late_count, ring->late_capacity);

		if (result < 0)
			return result;
		key = next;
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		late = &ring->late[ring->late_count];
		late->key = key;
		if (bpf_map_lookup_and_delete_elem(map, &key, &late->value) == 0)
			ring->late_count++;
	}
	ring->late_after = position(ring->producer);
	return 0;
}

/* The frees taken, as the records they would have been: late, but their time says
 * which block they meant. */
static int deliver_late(struct ring *ring)
{
	int result = 0;

	if (!ring->late_count || position(ring->consumer) < ring->late_after)
		return 0;
	for (size_t i = 0; i < ring->late_count && result == 0; i++) {
		const struct late_free *late = &ring->late[i];
		struct wire_free record = {
			.header = { .kind = WIRE_FREE,
				    .length = sizeof(record),
				    .pid = (uint32_t)late->key.pid,
				    .tid = late->value.tid,
				    .time_ns = late->value.time_ns },
			.address = late->key.address,
		};

		result = deliver_record(ring, &record, sizeof(record));
	}
	ring->late_count = 0;
	return result;
}

static int consume(struct ring *ring)
{
	int result = ring_buffer__consume(ring->buffer);

	if (ring->error < 0)
		return ring->error;
	return result < 0 && result != -EAGAIN ? result : 0;
}

int ring_poll(struct ring *ring, event_fn deliver, void *context, int timeout_ms)
{
	struct epoll_event ready;
	int result;

	ring->deliver = deliver;
	ring->context = context;
	ring->delivered = 0;
	ring->error = 0;
	result = take_overflow(ring);
	if (result == 0)
		result = consume(ring);
	if (result == 0 && ring->delivered == 0 && timeout_ms > 0) {
		/* Nothing wakes us but a ring that fills, or news that cannot wait. */
		__atomic_store_n(&ring->skeleton->bss->wake_wanted, 1, __ATOMIC_RELEASE);
		epoll_wait(ring_buffer__epoll_fd(ring->buffer), &ready, 1, timeout_ms);
		__atomic_store_n(&ring->skeleton->bss->wake_wanted, 0, __ATOMIC_RELEASE);
		result = consume(ring);
	}
	if (result == 0)
		result = deliver_late(ring);
	return result < 0 ? result : ring->delivered;
}
