/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_path.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"

/* A diff in the making. */
struct making {
	struct diff *diff;
	struct call_paths paths;
	struct map process_at; /* key of a process -> diff->processes */
	struct map row_at;     /* key of process and site -> its rows */
	size_t process_room;
	size_t *row_rooms; /* of each process */
	size_t row_rooms_room;
};

int64_t diff_of(uint64_t before, uint64_t after)
{
	uint64_t size = after > before ? after - before : before - after;
	int64_t change = size > INT64_MAX ? INT64_MAX : (int64_t)size;

	return after > before ? change : -change;
}

static const char *program_name(const struct snapshot_process *process)
{
	if (process->exe && process->exe[0])
		return path_base(process->exe);
	return process->comm ? process->comm : "";
}

/* In one trace processes are in the order of their coming: the nth of a pid stays that. */
static uint64_t process_key(const struct making *making, const struct snapshot *snapshot,
			    const struct snapshot_process *process)
{
	const struct diff_side *sides = making->diff->sides;
	uint64_t nth = 0;

	if (making->diff->one_trace) {
		for (const struct snapshot_process *p = snapshot->processes; p < process; p++)
			nth += p->pid == process->pid;
		return hash_mix((uint64_t)process->pid << 32 | nth);
	}
	/* Of one program each nobody asks what it is called. */
	if (sides[DIFF_BEFORE].snapshot->process_count == 1 &&
	    sides[DIFF_AFTER].snapshot->process_count == 1)
		return 0;
	return hash_text(HASH_TEXT, program_name(process));
}

static void add_counts(struct snapshot_counts *sum, const struct snapshot_counts *counts)
{
	sum->live_bytes += counts->live_bytes;
	sum->live_blocks += counts->live_blocks;
	sum->allocated_bytes += counts->allocated_bytes;
	sum->allocated_blocks += counts->allocated_blocks;
	sum->freed_bytes += counts->freed_bytes;
	sum->freed_blocks += counts->freed_blocks;
}

/* The row for `key` in an array, which may have to be made: 1 when it is new. */
static int find_or_add(struct map *map, uint64_t key, size_t count, uint32_t *ret_index)
{
	if (map_get(map, key, ret_index))
		return 0;
	*ret_index = (uint32_t)count;
	return map_set(map, key, *ret_index) < 0 ? -ENOMEM : 1;
}

static int find_process(struct making *making, unsigned int side,
			const struct snapshot_process *process, uint32_t *ret_index)
{
	const struct snapshot *snapshot = making->diff->sides[side].snapshot;
	struct diff *diff = making->diff;
	int r;

	if (VEC_PUSH_ROOM(diff->processes, diff->process_count, making->process_room) < 0 ||
	    VEC_PUSH_ROOM(making->row_rooms, diff->process_count, making->row_rooms_room) < 0)
		return -ENOMEM;
	r = find_or_add(&making->process_at, process_key(making, snapshot, process),
			diff->process_count, ret_index);
	if (r > 0)
		diff->process_count++;
	/* What it is called after counts more. */
	if (r >= 0)
		diff->processes[*ret_index].name = program_name(process);
	return r;
}

static void add_process(struct diff_program *program, const struct snapshot_process *process)
{
	bool known = process->rss_bytes && (program->rss_bytes || !program->process_count);

	add_counts(&program->counts, &process->counts);
	snapshot_add_sampled(&program->sampled, &process->sampled);
	program->rss_bytes = known ? program->rss_bytes + process->rss_bytes : 0;
	program->peak_rss_bytes = known ? program->peak_rss_bytes + process->peak_rss_bytes : 0;
	if (!program->process_count++ ||
	    process->counts.live_bytes > program->process->counts.live_bytes)
		program->process = process;
}

static bool holds_more(const struct snapshot_counts *a, const struct snapshot_counts *b)
{
	return a->live_bytes != b->live_bytes ? a->live_bytes > b->live_bytes
					      : a->allocated_bytes > b->allocated_bytes;
}

static int add_site(struct making *making, unsigned int side, uint32_t index,
		    const struct snapshot_process *process, const struct snapshot_site *site)
{
	struct diff_process *rows = &making->diff->processes[index];
	uint64_t key = making->diff->one_trace ?
			       site->stack :
			       call_path_key(&making->paths, side, making->diff->sides[side].frames,
					     process, site);
	struct diff_part *part;
	uint32_t row;
	int r;

	if (VEC_PUSH_ROOM(rows->rows, rows->row_count, making->row_rooms[index]) < 0)
		return -ENOMEM;
	r = find_or_add(&making->row_at, hash_mix(hash_mix(index + 1) ^ key), rows->row_count, &row);
	if (r < 0)
		return r;
	rows->row_count += (size_t)r;
	part = &rows->rows[row].parts[side];
	add_counts(&part->counts, &site->counts);
	snapshot_add_sampled(&part->sampled, &site->sampled);
	if (!part->site_count++ || holds_more(&site->counts, &part->site->counts)) {
		part->process = process;
		part->site = site;
	}
	return 0;
}

static int add_side(struct making *making, unsigned int side)
{
	const struct snapshot *snapshot = making->diff->sides[side].snapshot;

	for (size_t p = 0; p < snapshot->process_count; p++) {
		const struct snapshot_process *process = &snapshot->processes[p];
		uint32_t index;
		int r = find_process(making, side, process, &index);

		if (r < 0)
			return r;
		add_process(&making->diff->processes[index].sides[side], process);
		for (size_t i = 0; i < process->site_count; i++) {
			r = add_site(making, side, index, process, &process->sites[i]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static enum diff_change change_of(const struct snapshot_counts *before,
				  const struct snapshot_counts *after)
{
	if (before->live_bytes == after->live_bytes && before->live_blocks == after->live_blocks)
		return DIFF_SAME;
	if (!before->live_blocks)
		return DIFF_APPEARED;
	if (!after->live_blocks)
		return DIFF_VANISHED;
	if (before->live_bytes != after->live_bytes)
		return after->live_bytes > before->live_bytes ? DIFF_GREW : DIFF_SHRANK;
	return after->live_blocks > before->live_blocks ? DIFF_GREW : DIFF_SHRANK;
}

static void judge(const struct diff *diff, const struct diff_process *process,
		  struct diff_row *row)
{
	struct diff_part *before = &row->parts[DIFF_BEFORE], *after = &row->parts[DIFF_AFTER];

	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		struct diff_part *part = &row->parts[side];
		struct pattern pattern;

		/* Where nothing was seen something may be all the same. */
		part->sampled.bytes = process->sides[side].sampled.bytes;
		if (!part->site)
			continue;
		pattern_find(diff->sides[side].snapshot, part->process, part->site, &pattern);
		part->verdict = pattern.name;
	}
	row->change = change_of(&before->counts, &after->counts);
	row->verdict_changed = before->counts.live_blocks && after->counts.live_blocks &&
			       before->verdict != after->verdict && before->verdict && after->verdict;
}

static int64_t process_change(const struct diff_process *process)
{
	int64_t change = diff_of(process->sides[DIFF_BEFORE].counts.live_bytes,
				 process->sides[DIFF_AFTER].counts.live_bytes);

	return change < 0 ? -change : change;
}

static int by_change(const void *left, const void *right)
{
	const struct diff_process *a = left, *b = right;
	int64_t changed_a = process_change(a), changed_b = process_change(b);

	if (changed_a != changed_b)
		return changed_a > changed_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void finish(struct diff *diff)
{
	for (size_t p = 0; p < diff->process_count; p++) {
		struct diff_process *process = &diff->processes[p];

		for (size_t i = 0; i < process->row_count; i++) {
			judge(diff, process, &process->rows[i]);
			process->changes[process->rows[i].change]++;
		}
	}
	if (diff->process_count)
		qsort(diff->processes, diff->process_count, sizeof(*diff->processes), by_change);
	diff_sort(diff, &diff_orders[0]);
}

int diff_make(const struct diff_side sides[DIFF_SIDES], bool one_trace, struct diff **ret_diff)
{
	CLEANUP_FREE struct making *making = calloc(1, sizeof(*making));
	struct diff *diff = calloc(1, sizeof(*diff));
	int r = making && diff ? 0 : -ENOMEM;

	if (r == 0) {
		making->diff = diff;
		diff->one_trace = one_trace;
	}
	for (unsigned int side = 0; side < DIFF_SIDES && r == 0; side++) {
		diff->sides[side] = sides[side];
		r = call_paths_add(&making->paths, side, sides[side].snapshot);
	}
	for (unsigned int side = 0; side < DIFF_SIDES && r == 0; side++)
		r = add_side(making, side);
	if (making) {
		call_paths_free(&making->paths);
		map_free(&making->process_at);
		map_free(&making->row_at);
		free(making->row_rooms);
	}
	if (r < 0) {
		diff_free(diff);
		return r;
	}
	finish(diff);
	*ret_diff = diff;
	return 0;
}

void diff_free(struct diff *diff)
{
	if (!diff)
		return;
	for (size_t i = 0; i < diff->process_count; i++)
		free(diff->processes[i].rows);
	free(diff->processes);
	free(diff);
}

const char *diff_change_name(enum diff_change change)
{
	static const char *const names[DIFF_CHANGES] = {
		[DIFF_SAME] = "same",	    [DIFF_APPEARED] = "appeared", [DIFF_GREW] = "grew",
		[DIFF_SHRANK] = "shrank",   [DIFF_VANISHED] = "vanished",
	};

	return names[change];
}

unsigned int diff_row_side(const struct diff_row *row)
{
	const struct diff_part *before = &row->parts[DIFF_BEFORE], *after = &row->parts[DIFF_AFTER];

	return !before->site || (after->site && after->counts.live_blocks) ? DIFF_AFTER : DIFF_BEFORE;
}
