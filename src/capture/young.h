/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user-space side of pairing (bpf/young.bpf.h): takes out of the kernel what has
 * been there for a while, as the records it would have been.
 *
 * A block that is taken out must not reach the ledger before older news of its address.
 * So its look-out has two steps: young_note() remembers a moment and how far the ring
 * was filled then; when the ring has been emptied that far, young_sweep() takes out what
 * was born before that moment. What is told of such a block later stands further behind
 * in the ring.
 */
#ifndef OUTLIVE_CAPTURE_YOUNG_H
#define OUTLIVE_CAPTURE_YOUNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/young.h"
#include "stream/event.h"

struct outlive_bpf;
struct young_news;

struct young {
	struct young_block *blocks; /* NULL: no pairing */
	struct young_row *rows;
	size_t block_count, row_count;
	uint64_t due_ns;	 /* when to look again */
	uint64_t noted_ns;	 /* 0: nothing is noted */
	uint64_t noted_position; /* of the ring */
	unsigned int bits; /* a process has 2^this places */
	__u64 *marks; /* YOUNG_MARKS of them */
	__u32 *marked;
	uint32_t next_mark;
	struct young_news *news; /* room for one of each place and row */
	size_t news_count;
};

/* Before load: make the maps as large as they are to be, if pairs are wanted. Returns 0 or
 * -errno. */
int young_size(struct outlive_bpf *skeleton, bool pairs);

/* After load: map them. Returns 0 or -errno; release with young_close. */
int young_open(struct young *young, struct outlive_bpf *skeleton);
void young_close(struct young *young);

/* The part of young_open() that is not mapping: makes `news`, to be freed. Returns 0 or
 * -ENOMEM. */
int young_make_room(struct young *young);

/* What is to be taken out. */
enum young_depth {
	YOUNG_OLD,  /* when it is time: what is no longer young */
	YOUNG_PAST, /* now: what was born before now */
	YOUNG_ALL,  /* all that is left: nothing is recorded any more */
};

/* Should it be time, note how far the ring is filled (ring_produced()): true, and the caller
 * is to look into it before young_sweep(). */
bool young_note(struct young *young, uint64_t now_ns, uint64_t produced, enum young_depth depth);

/*
 * If the ring has been emptied as far as was noted (`consumed`: ring_consumed()): deliver, as
 * events, what is no longer young and what pairs were counted. Returns the number of events, what `deliver` returned when
 * negative.
 */
int young_sweep(struct young *young, uint64_t consumed, enum young_depth depth,
		event_fn deliver, void *context);

/*
 * A thread, or with `tid` 0 a whole process, ended at `time_ns`: deliver all that it left,
 * so that it stands before the news of the end. Returns 0 or what `deliver` returned.
 */
int young_ended(struct young *young, uint32_t pid, uint32_t tid, uint64_t time_ns,
		event_fn deliver, void *context);

/*
 * From now on no count spans `time_ns`, which lies ahead: the pairs of blocks born before
 * and of blocks born after it are told apart. Of YOUNG_MARKS such moments the latest set
 * are kept.
 */
void young_mark(struct young *young, uint64_t time_ns);

#endif
