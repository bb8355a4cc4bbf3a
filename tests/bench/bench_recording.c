/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a recording keep up? Events are made at a steady rate and go the way they go in a
 * live trace: decoded, recorded, applied to the ledger.
 *
 *   bench_recording FILE [SECONDS [EVENTS_PER_SECOND]]     default: 60 s of 1M
 *
 * The ring of a live trace is simulated: what is due but not yet taken waits in it, and
 * when it is full (of its default size, with records of this mix) events are lost. The
 * time spent making the records is the benchmark's own and is taken off.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/feed.h"
#include "event_mix.h"
#include "stream/decode.h"
#include "stream/recorder.h"

#define LIVE_BLOCKS 200000
#define RING_BYTES (24u << 20) /* of 32 MB, what allocations may fill */
#define RECORD_BYTES 52	       /* in the middle, of this mix */
#define SLICE 4000	       /* events made in one go */

struct bench {
	struct stream stream;
	struct feed feed;
	struct recorder *recorder;
	uint64_t *live;
	size_t newest;
	uint64_t made, lost, waiting_most;
	double making; /* seconds of processor time */
};

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Everything in the stream, as the ring's reader delivers it. */
static void deliver(struct bench *bench)
{
	struct stream *stream = &bench->stream;
	struct event event;

	for (size_t at = 0; at < stream->used;) {
		int length = decode_record(stream->bytes + at, stream->used - at, &event);

		if (length < 0 || feed_event(&event, &bench->feed) < 0)
			abort();
		at += (size_t)length;
	}
	if (feed_flush(&bench->feed) < 0)
		abort();
	stream->used = 0;
}

static void begin(struct bench *bench)
{
	put_stacks(&bench->stream);
	for (size_t i = 0; i < LIVE_BLOCKS; i++) {
		bench->live[i] = 0x7f0000000000ull + i * 48;
		put_alloc(&bench->stream, bench->live[i]);
		if (bench->stream.capacity - bench->stream.used < MIX_ROOM)
			deliver(bench);
	}
	deliver(bench);
}

static void slice(struct bench *bench)
{
	static const struct mix usual = { "usual", 3, true };
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (size_t made = 0; made < SLICE;) {
		size_t round = put_mix(&bench->stream, &usual, bench->live, LIVE_BLOCKS,
				       &bench->newest);

		made += round;
		bench->made += round;
	}
	bench->making += seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	deliver(bench);
}

static void run(struct bench *bench, double duration, double rate)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	double start = seconds(CLOCK_MONOTONIC), now = start;

	while (now - start < duration) {
		uint64_t due = (uint64_t)((now - start) * rate), taken = bench->made + bench->lost;
		uint64_t waiting = due > taken ? due - taken : 0;

		if (waiting > bench->waiting_most)
			bench->waiting_most = waiting;
		if (waiting > RING_BYTES / RECORD_BYTES)
			bench->lost += waiting - RING_BYTES / RECORD_BYTES;
		if (waiting >= SLICE)
			slice(bench);
		else
			nanosleep(&pause, NULL);
		now = seconds(CLOCK_MONOTONIC);
	}
}

int main(int argc, char **argv)
{
	double duration = argc > 2 ? strtod(argv[2], NULL) : 60;
	double rate = argc > 3 ? strtod(argv[3], NULL) : 1e6;
	struct recording_about about = { .kernel = "bench", .stacks = "auto", .program = "bench" };
	struct bench bench = { .stream = { .capacity = 4u << 20 } };
	struct recorder_total total;
	double start;
	int result;

	if (argc < 2 || duration <= 0 || rate <= 0)
		return 2;
	bench.stream.bytes = malloc(bench.stream.capacity);
	bench.stream.now_ns = 1000000000;
	bench.stream.step_ns = (uint64_t)(1e9 / rate);
	bench.live = calloc(LIVE_BLOCKS, sizeof(*bench.live));
	bench.feed.ledger = ledger_new();
	if (!bench.stream.bytes || !bench.live || !bench.feed.ledger)
		return 1;
	result = recorder_open(argv[1], &about, 0, &bench.recorder);
	if (result < 0) {
		fprintf(stderr, "bench_recording: %s: %s\n", argv[1], strerror(-result));
		return 1;
	}
	bench.feed.listen = recorder_event;
	bench.feed.listen_context = bench.recorder;
	begin(&bench);
	start = seconds(CLOCK_PROCESS_CPUTIME_ID);
	run(&bench, duration, rate);
	result = recorder_close(bench.recorder, bench.stream.now_ns, (uint64_t)(duration * 1e9),
				&total);
	printf("record   %9" PRIu64 " events in %.0f s  lost %" PRIu64 "  not recorded %" PRIu64
	       "  %.0f MB, %.1f bytes per event  %.0f%% of one processor, ledger included  "
	       "at most %" PRIu64 " waited\n",
	       bench.made, duration, bench.lost, total.dropped, (double)total.file_bytes / 1e6,
	       (double)total.file_bytes / (double)total.events,
	       100 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - start - bench.making) / duration,
	       bench.waiting_most);
	ledger_free(bench.feed.ledger);
	free(bench.live);
	free(bench.stream.bytes);
	return result < 0;
}
