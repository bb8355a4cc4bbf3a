/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast does the aggregator go? Wire records made beforehand are decoded and
 * applied, as a replay from memory would do it, and events per second and bytes
 * per live block are printed.
 *
 *   bench_ledger [LIVE_BLOCKS [EVENTS]]     default: 1M live, 10M events
 *
 * The mix is that of event_mix.h. Two rows:
 *
 *   usual   as programs do: three of four blocks die young (among the last 1000),
 *           and allocators hand out again what was freed last
 *   worst   every victim is any of the live blocks, every address is new: nothing
 *           that is needed is ever in the cache
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "event_mix.h"
#include "ledger/ledger.h"
#include "stream/decode.h"

#define BATCH 256

/* Processor time: other work on the machine does not count. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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
		if (stream->capacity - stream->used > MIX_ROOM && i + 1 < count)
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

static void churn(struct ledger *ledger, struct stream *stream, const struct mix *mix,
		  uint64_t *live, size_t count, size_t events)
{
	size_t newest = count - 1, made = 0, applied = 0;
	uint64_t bytes, blocks;
	double spent = 0;

	while (made < events) {
		size_t before = made;

		stream->used = 0;
		while (made < events && stream->capacity - stream->used > MIX_ROOM)
			made += put_mix(stream, mix, live, count, &newest);
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
	struct stream stream = { .capacity = 4u << 20, .step_ns = 100 };
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
