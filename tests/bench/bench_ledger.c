/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast does the aggregator go? Wire records made beforehand are decoded and
 * applied, as a replay from memory would do it, and events per second and bytes
 * per live block are printed.
 *
 *   bench_ledger [LIVE_BLOCKS [EVENTS]]     default: 1M live, 10M events
 *
 * The mix: every round frees a live block (one in eight of them by realloc) and
 * makes a new one. 16 threads take turns of 32 records; of 1000 stacks the lower
 * numbers come more often, and each asks for sizes of its own magnitude, 16
 * bytes to 64 KB. Two rows:
 *
 *   usual   as programs do: three of four blocks die young (among the last 1000),
 *           and allocators hand out again what was freed last
 *   worst   every victim is any of the live blocks, every address is new: nothing
 *           that is needed is ever in the cache
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "ledger/ledger.h"
#include "stream/decode.h"

#define PID 1000
#define THREADS 16
#define STACKS 1000
#define BATCH 256
#define YOUNG 1000

static uint64_t random_state;

static uint64_t next_random(void)
{
	return hash_mix(random_state += 0x9e3779b97f4a7c15ull);
}

/* Processor time: other work on the machine does not count. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct stream {
	char *bytes;
	size_t used, capacity;
	uint64_t now_ns;
};

static struct wire_header header(struct stream *stream, uint16_t kind, size_t length)
{
	stream->now_ns += 100;
	return (struct wire_header){
		.kind = kind,
		.length = (uint16_t)length,
		.function = 1,
		.pid = PID,
		.tid = PID + (uint32_t)(stream->now_ns / 3200) % THREADS,
		.time_ns = stream->now_ns,
	};
}

static void put(struct stream *stream, const void *record, size_t length)
{
	if (stream->used + length > stream->capacity)
		abort();
	memcpy(stream->bytes + stream->used, record, length);
	stream->used += length;
}

static uint64_t random_stack(void)
{
	uint64_t a = next_random() % STACKS;
	uint64_t b = next_random() % STACKS;

	return 1 + a * b / STACKS;
}

static uint64_t random_size(uint64_t stack)
{
	return (16ull << stack % 12) + next_random() % 16;
}

static void put_alloc(struct stream *stream, uint64_t address)
{
	struct wire_alloc record = {
		.header = header(stream, WIRE_ALLOC, sizeof(record)),
		.address = address,
		.stack = random_stack(),
	};

	record.size = random_size(record.stack);
	put(stream, &record, sizeof(record));
}

static void put_free(struct stream *stream, uint64_t address)
{
	struct wire_free record = {
		.header = header(stream, WIRE_FREE, sizeof(record)),
		.address = address,
	};

	put(stream, &record, sizeof(record));
}

static void put_realloc(struct stream *stream, uint64_t old, uint64_t address)
{
	struct wire_realloc record = {
		.header = header(stream, WIRE_REALLOC, sizeof(record)),
		.old_address = old,
		.address = address,
		.stack = random_stack(),
	};

	record.size = random_size(record.stack);
	record.enter_ns = record.header.time_ns - 50;
	put(stream, &record, sizeof(record));
}

static void put_stacks(struct stream *stream)
{
	uint64_t frames[20];

	for (uint64_t id = 1; id <= STACKS; id++) {
		struct wire_stack record = {
			.header = header(stream, WIRE_STACK, sizeof(record) + sizeof(frames)),
			.id = id,
			.count = ARRAY_LENGTH(frames),
		};

		for (uint64_t i = 0; i < ARRAY_LENGTH(frames); i++)
			frames[i] = id * 100 + i;
		put(stream, &record, sizeof(record));
		put(stream, frames, sizeof(frames));
	}
}

/* Apply all of a stream; returns events per second. */
static double apply_all(struct ledger *ledger, const struct stream *stream)
{
	struct event batch[BATCH];
	double start = seconds();
	size_t events = 0, waiting = 0;

	for (size_t at = 0; at < stream->used; events++) {
		int length =
			decode_record(stream->bytes + at, stream->used - at, &batch[waiting++]);

		if (length < 0)
			abort();
		at += (size_t)length;
		if (waiting == BATCH || at == stream->used) {
			if (ledger_apply_batch(ledger, batch, waiting) < 0)
				abort();
			waiting = 0;
		}
	}
	return (double)events / (seconds() - start);
}

static uint64_t resident_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}

static void fill(struct ledger *ledger, struct stream *stream, uint64_t *live, size_t count)
{
	uint64_t before = resident_bytes();
	uint64_t bytes, blocks;
	double worst = 0, rate = 0;

	put_stacks(stream);
	for (size_t i = 0; i < count; i++) {
		live[i] = 0x7f0000000000ull + i * 48;
		put_alloc(stream, live[i]);
		if (stream->capacity - stream->used > 4096 && i + 1 < count)
			continue;
		rate = apply_all(ledger, stream);
		stream->used = 0;
		ledger_footprint(ledger, &bytes, &blocks);
		if (blocks >= 1000 && (double)bytes / (double)blocks > worst)
			worst = (double)bytes / (double)blocks;
	}
	ledger_footprint(ledger, &bytes, &blocks);
	printf("fill     %9zu blocks    %6.2f M events/s  %5.1f bytes per live block "
	       "(at most %.1f; resident +%.1f)\n",
	       count, rate / 1e6, (double)bytes / (double)blocks, worst,
	       (double)(resident_bytes() - before) / (double)blocks);
}

struct mix {
	const char *name;
	uint64_t young_of_4; /* how many of four victims are among the last YOUNG made */
	bool reuse;	     /* an address freed is the next one given out */
};

/* A place of `live`: `newest` is the one written last. */
static size_t victim(const struct mix *mix, size_t count, size_t newest)
{
	if (count > YOUNG && next_random() % 4 < mix->young_of_4)
		return (newest + count - next_random() % YOUNG) % count;
	return next_random() % count;
}

static size_t put_round(struct stream *stream, const struct mix *mix, uint64_t *live, size_t i)
{
	static uint64_t fresh = 0x7f8000000000ull;
	static uint64_t spare = 0x7e0000000000ull; /* freed last, not given out yet */
	uint64_t old = live[i];
	uint64_t address = mix->reuse ? spare : (fresh += 48);

	live[i] = address;
	spare = old;
	if (next_random() % 8 == 0) {
		put_realloc(stream, old, address);
		return 1;
	}
	put_free(stream, old);
	put_alloc(stream, address);
	return 2;
}

static void churn(struct ledger *ledger, struct stream *stream, const struct mix *mix,
		  uint64_t *live, size_t count, size_t events)
{
	size_t newest = count - 1, made = 0, applied = 0;
	uint64_t bytes, blocks;
	double spent = 0;

	while (made < events) {
		size_t before = made;

		stream->used = 0;
		while (made < events && stream->capacity - stream->used > 4096) {
			size_t i = victim(mix, count, newest);
			uint64_t kept = live[newest = (newest + 1) % count];

			/* The new block becomes the newest; the one that stood there moves. */
			live[newest] = live[i];
			live[i] = kept;
			made += put_round(stream, mix, live, newest);
		}
		spent += (double)(made - before) / apply_all(ledger, stream);
		applied += made - before;
	}
	ledger_footprint(ledger, &bytes, &blocks);
	printf("%-8s %9zu events    %6.2f M events/s  %5.1f bytes per live block\n", mix->name,
	       applied, (double)applied / spent / 1e6, (double)bytes / (double)blocks);
}

int main(int argc, char **argv)
{
	static const struct mix mixes[] = { { "usual", 3, true }, { "worst", 0, false } };
	size_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
	size_t events = argc > 2 ? strtoull(argv[2], NULL, 0) : 10000000;
	CLEANUP_FREE uint64_t *live = calloc(count ? count : 1, sizeof(*live));
	struct stream stream = { .capacity = 4u << 20 };
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot;
	double start;

	stream.bytes = malloc(stream.capacity);
	if (!live || !stream.bytes || !ledger || !count || !events)
		return 2;
	memset(live, 1, count * sizeof(*live));
	memset(stream.bytes, 1, stream.capacity);
	stream.now_ns = 1000000000;
	fill(ledger, &stream, live, count);
	for (size_t i = 0; i < ARRAY_LENGTH(mixes); i++)
		churn(ledger, &stream, &mixes[i], live, count, events);
	start = seconds();
	if (ledger_snapshot(ledger, stream.now_ns, &snapshot) < 0)
		return 1;
	printf("snapshot %9" PRIu64 " blocks    %6.1f ms\n",
	       snapshot->processes[0].counts.live_blocks, (seconds() - start) * 1e3);
	snapshot_free(snapshot);
	ledger_free(ledger);
	free(stream.bytes);
	return 0;
}
