/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mapping ledger of one process: which parts of the address space were
 * mapped since the trace began, by whom, as what.
 *
 * Calls race: a range given back by munmap may be mapped again by another
 * thread whose record arrives first. Every change therefore touches only what
 * was born at or before `enter_ns`, the entry of its call, and puts new ranges
 * only where nothing younger lies.
 */
#ifndef OUTLIVE_LEDGER_RANGES_H
#define OUTLIVE_LEDGER_RANGES_H

#include <stdint.h>

#include "base/map.h"
#include "ledger/range_tree.h"

#define RANGES_MAX (1u << 20) /* ranges of one process; vm.max_map_count is 65530 as shipped */

enum range_kind {
	RANGE_BEFORE = 0, /* from before the trace, or of unknown making */
	RANGE_ANONYMOUS,  /* the program's own */
	RANGE_BACKING,	  /* made inside an allocator call */
	RANGE_RESERVED,	  /* PROT_NONE: address space, not memory */
	RANGE_STACK,	  /* of a thread */
	RANGE_FILE,
	RANGE_KIND_COUNT
};

/* What one thread mapped with one stack, of RANGE_ANONYMOUS. Times are ns since the
 * ledger's start. */
struct range_owner {
	uint64_t stack; /* wire_stack.id */
	uint32_t thread; /* row of the process' threads */
	uint64_t live_bytes, live_ranges, made_bytes, made_ranges;
	uint64_t first_ns, last_ns;
};

#define RANGES_MAX_OWNERS 65536 /* what further ones map is nobody's */

/* All zeroes is an empty ledger. */
struct ranges {
	struct range_tree tree;
	struct range_owner *owners;
	size_t owner_count, owner_capacity;
	struct map by_owner; /* hash of stack and thread -> row */
	uint64_t bytes[RANGE_KIND_COUNT];
	uint64_t counts[RANGE_KIND_COUNT];
};

void ranges_free(struct ranges *ranges);

/*
 * What an mmap made, from its arguments as the kernel has them (prot, flags and
 * fd) and the record's flags (enum wire_flag). Stack before file before
 * reserved before backing: an arena that malloc reserves is address space too.
 */
enum range_kind range_kind_of(uint32_t prot, uint32_t map_flags, int32_t fd, uint8_t wire_flags);

/*
 * mmap: [start, start + length) is `kind` from `born_ns` on. Returns 0, -EINVAL
 * for a range that is empty or wraps, -ENOSPC beyond RANGES_MAX, -ENOMEM; the
 * ledger is unchanged then.
 */
int ranges_map(struct ranges *ranges, uint64_t start, uint64_t length, uint64_t enter_ns,
	       uint64_t born_ns, enum range_kind kind, uint32_t owner);

/*
 * The owner of what `thread` (row) maps with `stack` at `now_ns`, for ranges_map(): a row + 1;
 * 0, nobody, beyond RANGES_MAX_OWNERS or without memory.
 */
uint32_t ranges_owner(struct ranges *ranges, uint64_t stack, uint32_t thread, uint64_t length,
		      uint64_t now_ns);

/* munmap; a range in the middle of another leaves two. Errors as ranges_map. */
int ranges_unmap(struct ranges *ranges, uint64_t start, uint64_t length, uint64_t enter_ns);

/*
 * mremap: what lay in the old range lies in the new one, of the same kinds, cut
 * or extended to `length`. `keep_old`: MREMAP_DONTUNMAP. Where nothing was
 * known of the old range the new one is RANGE_BEFORE. Errors as ranges_map.
 */
int ranges_remap(struct ranges *ranges, uint64_t old_start, uint64_t old_length, uint64_t start,
		 uint64_t length, uint64_t enter_ns, uint64_t born_ns, bool keep_old);

#endif
