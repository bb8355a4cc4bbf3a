/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind tables where BPF reads them: the pool of rows, and the mapping tables
 * of each traced process (outlive/unwind.h). User space writes them while programs
 * run. Two rules keep a walk that is under way from ever reading one thing for
 * another:
 *
 *  - what is written becomes visible by one store, after it is whole;
 *  - nothing that a walk may still be reading is written over: before that,
 *    tables_wait() waits until every program that ran has ended. This holds for
 *    words of the pool that change hands, and for the one of a process's two mapping
 *    tables that was in force before. It also bounds how late a walk may put a rule of
 *    an old table into the rule cache: the next change of that process clears it, long
 *    before its epoch comes round.
 */
#ifndef OUTLIVE_CAPTURE_TABLES_H
#define OUTLIVE_CAPTURE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/unwind.h"

struct outlive_bpf;

struct tables {
	int pool_fd, chunk_fd; /* the map of chunks; the first chunk */
	uint64_t **chunks;     /* mapped; as many as were needed */
	size_t chunk_count, chunk_limit;
	struct unwind_process *processes; /* by slot */
	struct tables_slot {
		uint64_t changed;  /* value of `waits` + 1 at the last change; 0: none since idle */
		uint32_t published; /* times since it was cleared, up to 2 */
		uint64_t stale_ns; /* when tables_take_stale last said yes */
		uint64_t patience_ns; /* … and how long it will not say so again */
		uint32_t emptied;  /* unwind_process.emptied when the table was put in force */
		uint32_t unmaps;   /* tables_unmaps when its mappings were last compared */
	} *slots;
	uint64_t waits;	 /* times that all programs were waited for */
	uint64_t *cache; /* rules found, UNWIND_CACHE_ROWS of each slot */
	size_t cache_capacity;
	size_t slot_count;
	int mappings_fd;
};

/* Before load: room for at most `words` words in the pool (they cost memory only when they
 * are used), and for `slots` processes. Returns 0 or -errno. */
int tables_size(struct outlive_bpf *skeleton, uint32_t words, size_t slots);

/* After load: map them. Returns 0 or -errno; release with tables_close. */
int tables_open(struct tables *tables, struct outlive_bpf *skeleton);
void tables_close(struct tables *tables);

/* Make the pool so large that it holds words [0, end). Returns 0, -ENOSPC beyond the limit
 * given before load, or the -errno of the kernel's refusal. */
int tables_grow(struct tables *tables, uint64_t end);

/* Write words [first, first + count), which the pool must hold, and which no walk may be
 * reading. */
void tables_write(struct tables *tables, uint32_t first, const uint64_t *words, size_t count);

/* Word `number`, which the pool must hold. */
uint64_t *tables_word(const struct tables *tables, uint32_t number);

/* Do now what waiting a change of `slot` may take. Returns 0 or -errno. */
int tables_ready(struct tables *tables, uint32_t slot);

/*
 * Make `count` mappings (sorted by start; those beyond UNWIND_MAX_MAPPINGS are
 * left out) the ones in force for `slot`. Waits for running programs if the table to be
 * replaced may still be in use. Returns 0 or -errno of the map update.
 */
int tables_publish(struct tables *tables, uint32_t slot, const struct unwind_mapping *mappings,
		   size_t count);

/* Forget the rules found so far for `slot`, so that its walks look rows up again. Returns 0
 * or -errno. */
int tables_refresh(struct tables *tables, uint32_t slot);

/* What is in force for `slot` may be wrong: have its walks find no mapping, at once. */
void tables_void(struct tables *tables, uint32_t slot);

/* The process in `slot` is gone: nothing is in force there any more. */
void tables_clear(struct tables *tables, uint32_t slot);

/* Wait until every program that is running now has ended. Takes some 10 ms. Returns 0 or
 * -errno; then they may still run. */
int tables_wait(struct tables *tables);

/* No program is running, nor will one before the next call here: the traced program is held,
 * or nothing is traced yet. Saves tables_publish the wait. */
void tables_idle(struct tables *tables);

/*
 * Has BPF met an address of `slot` in no mapping, or in one whose rows are away, since the last
 * call that said so? A process full of generated code always has such addresses: so it is
 * said at most every 50 ms, and more seldom, up to every 0.8 s, the more often it was in vain
 * (tables_in_vain).
 */
bool tables_take_stale(struct tables *tables, uint32_t slot, uint64_t now_ns);

/*
 * How often the processes of `slot` may have unmapped code so far. What BPF finds unmapped it
 * takes out of the table in force; but a table made of mappings that were read before,
 * and put in force afterwards, may have it still: then this number is another one.
 */
uint32_t tables_unmaps(const struct tables *tables, uint32_t slot);

/* Is what was last put in force for `slot` still all there? */
bool tables_intact(const struct tables *tables, uint32_t slot);

/* There was nothing new for `slot`: be more patient with it. */
void tables_in_vain(struct tables *tables, uint32_t slot);

/* The address of `slot` whose rows were missed last since the last call; 0 none. */
uint64_t tables_take_missed(struct tables *tables, uint32_t slot);

#endif
