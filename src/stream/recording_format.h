/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recording looks like on disk.
 *
 * A recording is the stream of events that a live report is made of: the records
 * of outlive/wire.h byte for byte as they came out of the ring, and between them,
 * in the order in which they were learnt, *side records* of what user space adds
 * (stream/side_record.h). Replaying them gives the ledger the same life again.
 *
 *   struct recording_header      once
 *   struct recording_chunk       then stored_bytes of payload; again and again
 *   …
 *   chunk of type NAMES          what the addresses are called, so that a report
 *                                needs nothing of the traced machine
 *   chunk of type END            the index of all chunks, and how the trace ended
 *   struct recording_trailer     where the END chunk is
 *
 * Each chunk stands alone: it has a checksum of its own, its payload is compressed
 * by itself, and its header says how many records it holds and of which time. So
 * whatever befalls a file costs the chunks it befalls: the reader goes on at the
 * next one, and says how much is missing. A file without a trailer was not closed:
 * the recorder was killed, or the disk was full.
 *
 * Numbers are little-endian and naturally aligned; hashes are XXH3 (64 bits). A
 * reader refuses a `format` above its own; chunk types and side records that it
 * does not know it skips, so both may be added to without a new format.
 */
#ifndef OUTLIVE_STREAM_RECORDING_FORMAT_H
#define OUTLIVE_STREAM_RECORDING_FORMAT_H

#include <stdint.h>

#define RECORDING_MAGIC "\x7foutlive" /* eight bytes, its NUL not among them */
#define RECORDING_FORMAT 1
#define RECORDING_KERNEL_BYTES 64
#define RECORDING_WORD_BYTES 16

/* All texts end in NUL. */
struct recording_header {
	char magic[8];
	uint32_t format;
	uint32_t header_bytes; /* of this struct: a later one may be longer */
	uint64_t min_size;     /* smaller allocations were not traced; 0 all were */
	uint64_t sample_bytes; /* 0: every block was traced */
	char kernel[RECORDING_KERNEL_BYTES]; /* release of the traced machine's */
	char stacks[RECORDING_WORD_BYTES];   /* how they were taken, as --stacks takes it */
	char program[RECORDING_WORD_BYTES];  /* version of the outlive that wrote it */
	uint64_t hash;			     /* of all before it */
};

enum recording_chunk_type {
	RECORDING_EVENTS = 1, /* wire and side records, one behind the other */
	RECORDING_NAMES = 2,  /* see symbol/recorded_names.h */
	RECORDING_END = 3,    /* struct recording_end, then a struct recording_entry per chunk */
};

enum recording_codec {
	RECORDING_PLAIN = 0,
	RECORDING_ZSTD = 1, /* one frame, RFC 8878 */
};

#define RECORDING_CHUNK_MAGIC 0x6b6e6843u /* "Chnk" */
#define RECORDING_CHUNK_MOST (4u << 20) /* no payload is larger, unpacked or packed */

struct recording_chunk {
	uint32_t magic;
	uint8_t type;  /* enum recording_chunk_type */
	uint8_t codec; /* enum recording_codec */
	uint16_t zero;
	uint32_t raw_bytes, stored_bytes; /* of the payload */
	uint32_t number;  /* counts from 0 */
	uint32_t records; /* events in it; in the stream without the texts they share */
	uint64_t first_ns, last_ns; /* the times of its events lie between them */
	uint64_t payload_hash;	    /* of the stored bytes */
	uint64_t hash;		    /* of this header before it */
};

struct recording_end {
	uint64_t now_ns;      /* the moment that the live report spoke of */
	uint64_t duration_ns; /* traced time */
	uint64_t entries;     /* how many struct recording_entry follow */
};

struct recording_entry {
	uint64_t offset; /* of the chunk's header in the file */
	uint64_t first_ns, last_ns;
	uint32_t records;
	uint32_t type;
};

struct recording_trailer {
	uint64_t end_offset; /* of the END chunk's header */
	uint64_t hash;	     /* of the number before it */
};

_Static_assert(sizeof(struct recording_header) == 136, "recording_header is file format");
_Static_assert(sizeof(struct recording_chunk) == 56, "recording_chunk is file format");
_Static_assert(sizeof(struct recording_end) == 24, "recording_end is file format");
_Static_assert(sizeof(struct recording_entry) == 32, "recording_entry is file format");
_Static_assert(sizeof(struct recording_trailer) == 16, "recording_trailer is file format");

/* What a recording says of itself, apart from its events. */
struct recording_about {
	char kernel[RECORDING_KERNEL_BYTES];
	char stacks[RECORDING_WORD_BYTES];
	char program[RECORDING_WORD_BYTES];
	uint64_t min_size, sample_bytes;
};

#endif
