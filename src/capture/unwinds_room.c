/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has room in the pool, and who gives way: unwinds.h says by what rule. */
#include "capture/unwinds_room.h"

#include <errno.h>

#include "base/log.h"
#include "capture/side.h"

#define IDLE_NS 1000000000ull /* a table that no stack went through for so long may give way */
#define GIVE_WAY_PART 16      /* of the pool is freed in one go, as long as nobody misses it */

static void file_evict(struct unwinds *unwinds, struct unwind_file *file)
{
	extents_give(&unwinds->pool, file->first, unwind_file_words(file));
	file->state = UNWIND_NOT_IN;
	unwinds->evicted++;
	log_line("%s: its %u unwind rows give way", file->path, file->rows);
}

/* See which tables stacks went through since the last sweep, and begin to watch anew. */
static int sweep(struct unwinds *unwinds, struct tables *tables, uint64_t now_ns)
{
	int result = 0;

	for (size_t i = 0; i < unwinds->count; i++) {
		struct unwind_file *file = &unwinds->files[i];

		if (file->state == UNWIND_LOADED &&
		    __atomic_exchange_n(tables_word(tables, file->first), 0, __ATOMIC_RELAXED))
			file->used_ns = now_ns;
	}
	for (uint32_t slot = 0; slot < unwinds->cover_count && result == 0; slot++) {
		if (unwinds->covers[slot].count)
			result = tables_refresh(tables, slot);
	}
	unwinds->swept_ns = now_ns;
	return result;
}

/*
 * Is `file` to give way before `other`? The one unused longer. Many are seen in use by the
 * same sweep: of those the one with fewer users, then the one met later, for what a process
 * begins with (the program, the C library) is at the bottom of all its stacks.
 */
static bool gives_way_before(const struct unwind_file *file, const struct unwind_file *other)
{
	if (file->used_ns != other->used_ns)
		return file->used_ns < other->used_ns;
	return file->users <= other->users;
}

/* Is `file` in the pool, and one that nobody maps, or (`mapped`) one that is mapped but idle? */
static bool may_give_way(const struct unwind_file *file, const struct tables *tables, bool mapped,
			 uint64_t now_ns)
{
	if (file->state != UNWIND_LOADED || (file->users > 0) != mapped)
		return false;
	return !mapped || (now_ns - file->used_ns >= IDLE_NS &&
			   !__atomic_load_n(tables_word(tables, file->first), __ATOMIC_RELAXED));
}

/* The table to give way first, of those that leave a gap of at least `gap` words; NULL when
 * there is none. */
static struct unwind_file *find_victim(struct unwinds *unwinds, const struct tables *tables,
				       bool mapped, uint32_t gap, uint64_t now_ns)
{
	struct unwind_file *victim = NULL;

	for (size_t i = 0; i < unwinds->count; i++) {
		struct unwind_file *file = &unwinds->files[i];

		if (may_give_way(file, tables, mapped, now_ns) &&
		    extents_gap_with(&unwinds->pool, file->first, unwind_file_words(file)) >= gap &&
		    (!victim || gives_way_before(file, victim)))
			victim = file;
	}
	return victim;
}

/* Take what was evicted out of the mappings of every process where it is in force. */
static int unpublish(struct unwinds *unwinds, struct tables *tables)
{
	int result = 0;

	for (uint32_t slot = 0; slot < unwinds->cover_count && result == 0; slot++) {
		struct unwind_cover *cover = &unwinds->covers[slot];
		bool changed = false;

		for (size_t i = 0; i < cover->count; i++) {
			struct unwind_mapping *mapping = &cover->mappings[i];

			if (!mapping->index_count ||
			    unwinds->files[cover->files[i]].state == UNWIND_LOADED)
				continue;
			mapping->index_count = 0;
			mapping->index_base = UNWIND_AWAY;
			changed = true;
		}
		if (changed)
			result = tables_publish(tables, slot, cover->mappings, cover->count);
	}
	return result;
}

/* Let idle tables of live processes give way until there is a gap of `words`. Best is
 * one that makes it alone; nothing is gained by taking many, if they come to too little. */
static void evict_mapped(struct unwinds *unwinds, struct tables *tables, uint32_t words,
			 uint64_t now_ns)
{
	struct unwind_file *victim = find_victim(unwinds, tables, true, words, now_ns);
	uint64_t idle = unwinds->pool.limit - unwinds->pool.used;

	if (victim) {
		file_evict(unwinds, victim);
		return;
	}
	for (size_t i = 0; i < unwinds->count; i++) {
		if (may_give_way(&unwinds->files[i], tables, true, now_ns))
			idle += unwind_file_words(&unwinds->files[i]);
	}
	while (idle >= words && extents_largest(&unwinds->pool) < words &&
	       (victim = find_victim(unwinds, tables, true, 0, now_ns)))
		file_evict(unwinds, victim);
}

/*
 * Make a gap of `words` in the pool, if need be (`missed`) at the cost of idle tables of live
 * processes. What is given back may be written over when this returns: no process's
 * mappings lead there any more, and no walk under way is there. Returns 0, -ENOSPC, or a
 * -errno of the kernel's tables.
 */
static int make_room(struct unwinds *unwinds, struct tables *tables, uint32_t words, bool missed)
{
	uint64_t now_ns = side_now_ns(), evicted = unwinds->evicted;
	uint32_t wanted = unwinds->pool.limit / GIVE_WAY_PART;
	struct unwind_file *victim;
	int result = 0;

	if (wanted < words)
		wanted = words;
	if (words > unwinds->pool.limit)
		return -ENOSPC;
	while (extents_largest(&unwinds->pool) < wanted &&
	       (victim = find_victim(unwinds, tables, false, 0, now_ns)))
		file_evict(unwinds, victim);
	if (missed && extents_largest(&unwinds->pool) < words) {
		if (now_ns - unwinds->swept_ns >= IDLE_NS)
			result = sweep(unwinds, tables, now_ns);
		if (result == 0)
			evict_mapped(unwinds, tables, words, now_ns);
	}
	if (unwinds->evicted != evicted) {
		int unpublished = unpublish(unwinds, tables);

		if (unpublished == 0)
			unpublished = tables_wait(tables);
		if (result == 0)
			result = unpublished;
	}
	if (result == 0 && extents_largest(&unwinds->pool) < words)
		result = -ENOSPC;
	return result;
}

int unwinds_take_room(struct unwinds *unwinds, struct tables *tables, struct unwind_file *file,
		     bool missed)
{
	uint32_t words = unwind_file_words(file);
	int result = extents_take(&unwinds->pool, words, &file->first);

	if (result == -ENOSPC) {
		result = make_room(unwinds, tables, words, missed);
		if (result == 0)
			result = extents_take(&unwinds->pool, words, &file->first);
	}
	if (result == 0 && tables_grow(tables, (uint64_t)file->first + words) < 0) {
		extents_give(&unwinds->pool, file->first, words);
		result = -ENOSPC; /* the kernel grants no more than there is */
	}
	return result;
}
