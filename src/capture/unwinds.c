/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/unwinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/vec.h"
#include "capture/side.h"
#include "capture/unwinds_room.h"

struct unwinds *unwinds_new(uint64_t limit_bytes)
{
	struct unwinds *unwinds = calloc(1, sizeof(*unwinds));
	uint64_t words = limit_bytes / sizeof(uint64_t);

	if (!unwinds)
		return NULL;
	if (extents_init(&unwinds->pool, words < UINT32_MAX ? (uint32_t)words : UINT32_MAX) < 0) {
		free(unwinds);
		return NULL;
	}
	return unwinds;
}

void unwinds_free(struct unwinds *unwinds)
{
	if (!unwinds)
		return;
	for (size_t i = 0; i < unwinds->cover_count; i++) {
		free(unwinds->covers[i].mappings);
		free(unwinds->covers[i].files);
	}
	free(unwinds->covers);
	free(unwinds->files);
	extents_free(&unwinds->pool);
	free(unwinds);
}

uint32_t unwinds_words(const struct unwinds *unwinds)
{
	return unwinds->pool.limit;
}

/* --- files --------------------------------------------------------------------- */

static int add_file(struct unwinds *unwinds, const struct unwind_file *file)
{
	int result = VEC_PUSH_ROOM(unwinds->files, unwinds->count, unwinds->capacity);

	if (result < 0)
		return result;
	unwinds->files[unwinds->count] = *file;
	return (int)unwinds->count++;
}

/* Is `other` a file with the same unwind information as the one behind `file->fd`? */
static bool is_same(struct unwind_file *file, struct unwind_file *other)
{
	if (strcmp(other->build_id, file->build_id) != 0)
		return false;
	if (!other->has_print)
		other->has_print = unwind_print_read(other->fd, &other->print) == 0;
	if (!file->has_print)
		file->has_print = unwind_print_read(file->fd, &file->print) == 0;
	if (other->has_print && file->has_print && other->print.low == file->print.low &&
	    other->print.high == file->print.high) {
		log_line("%s: shares the unwind rows of %s", file->path, other->path);
		return true;
	}
	log_line("%s: has the build-id of %s, but is another file", file->path, other->path);
	return false;
}

int unwinds_add(struct unwinds *unwinds, int fd, const char *build_id, const char *path)
{
	struct unwind_file file = { .fd = fd, .path = path };

	if (strlen(build_id) < sizeof(file.build_id))
		strcpy(file.build_id, build_id);
	for (size_t i = 0; i < unwinds->count && file.build_id[0]; i++) {
		if (is_same(&file, &unwinds->files[i]))
			return (int)i;
	}
	return add_file(unwinds, &file);
}

int unwinds_add_memory(struct unwinds *unwinds, const void *image, size_t size, const char *path)
{
	struct unwind_file file = { .fd = -1, .image = image, .image_size = size, .path = path };

	return add_file(unwinds, &file);
}

/*
 * Make the table of `file`, and note what is to be known of it. A file that cannot be read
 * or makes no sense has none; nor has one that was changed since its table was made or
 * promised to other files. Returns 0 or -ENOMEM.
 */
static int build(struct unwinds *unwinds, struct unwind_file *file, struct unwind_table *ret_table)
{
	uint64_t started = side_now_ns();
	int result = file->fd < 0 ?
			     unwind_table_read_memory(file->image, file->image_size, ret_table) :
			     unwind_table_read(file->fd, ret_table);

	unwinds->build_ns += side_now_ns() - started;
	if (result < 0)
		memset(ret_table, 0, sizeof(*ret_table));
	if (result == -ENOMEM)
		return result;
	if (file->has_print && (file->print.low != ret_table->print.low ||
				file->print.high != ret_table->print.high)) {
		log_line("%s: was changed while it was in use", file->path);
		unwind_table_free(ret_table);
	}
	file->print = ret_table->print;
	file->has_print = true;
	file->base = ret_table->base;
	file->rows = (uint32_t)ret_table->row_count;
	file->index_count = (uint32_t)ret_table->bucket_count;
	file->state = file->index_count ? UNWIND_NOT_IN : UNWIND_EMPTY;
	if (file->state == UNWIND_EMPTY)
		log_line("%s: no unwind rows, frame pointers only", file->path);
	else
		log_line("%s: %u unwind rows", file->path, file->rows);
	return 0;
}

/* --- loading ------------------------------------------------------------------- */

static void write_table(struct unwind_file *file, struct tables *tables,
			const struct unwind_table *table)
{
	static const uint64_t unused;
	uint32_t index = file->first + 1, rows = index + file->index_count;

	tables_write(tables, file->first, &unused, 1);
	/* Row numbers in the index become numbers of words: both halves move. */
	for (uint32_t i = 0; i < file->index_count; i++)
		table->buckets[i] += (uint64_t)rows << 32 | rows;
	tables_write(tables, index, table->buckets, file->index_count);
	tables_write(tables, rows, (const uint64_t *)table->rows, file->rows);
}

/* Bring the rows of `file` into the pool; without room they stay away. `missed`: a stack
 * needs them. */
static int load(struct unwinds *unwinds, struct tables *tables, struct unwind_file *file,
		bool missed)
{
	struct unwind_table table = { 0 };
	bool taken = file->state == UNWIND_NOT_IN; /* its size is known: room before work */
	int result = taken ? unwinds_take_room(unwinds, tables, file, missed) : 0;
	uint32_t words = unwind_file_words(file);

	if (result == 0) {
		result = build(unwinds, file, &table);
		if (taken && (result < 0 || file->state != UNWIND_NOT_IN))
			extents_give(&unwinds->pool, file->first, words);
		else if (result == 0 && file->state == UNWIND_NOT_IN && !taken)
			result = unwinds_take_room(unwinds, tables, file, missed);
		if (result == -ENOSPC)
			log_line("%s: no room for its unwind rows", file->path);
	}
	if (result == 0 && file->state == UNWIND_NOT_IN) {
		write_table(file, tables, &table);
		file->state = UNWIND_LOADED;
		file->used_ns = side_now_ns();
	}
	unwind_table_free(&table);
	return result == -ENOSPC ? 0 : result;
}

/* --- processes ----------------------------------------------------------------- */

static void drop_users(struct unwinds *unwinds, const int *files, size_t count)
{
	uint64_t now_ns = side_now_ns();

	for (size_t i = 0; i < count; i++) {
		struct unwind_file *file = files[i] < 0 ? NULL : &unwinds->files[files[i]];

		if (file && --file->users == 0)
			file->used_ns = now_ns;
	}
}

/* What BPF is to know of one mapping. */
static struct unwind_mapping lead_to(const struct unwinds *unwinds,
				     const struct unwinds_mapping *mapping)
{
	struct unwind_mapping lead = { .start = mapping->start, .end = mapping->end,
				       .bias = mapping->bias };
	const struct unwind_file *file;

	if (mapping->table < 0)
		return lead;
	file = &unwinds->files[mapping->table];
	lead.bias += file->base;
	if (file->state == UNWIND_LOADED) {
		lead.index_base = file->first + 1;
		lead.index_count = file->index_count;
	} else if (file->state == UNWIND_NOT_IN) {
		lead.index_base = UNWIND_AWAY;
	}
	return lead;
}

/* Is that what is in force already? Then walks need not be troubled. */
static bool in_force(const struct unwind_cover *cover, const struct tables *tables, uint32_t slot,
		     const struct unwind_mapping *leads, size_t count)
{
	return cover->count == count && tables_intact(tables, slot) &&
	       (!count || memcmp(cover->mappings, leads, count * sizeof(*leads)) == 0);
}

static int load_if_absent(struct unwinds *unwinds, struct tables *tables, int number, bool missed)
{
	struct unwind_file *file = number < 0 ? NULL : &unwinds->files[number];

	return file && (file->state == UNWIND_NOT_MADE || file->state == UNWIND_NOT_IN) ?
		       load(unwinds, tables, file, missed) : 0;
}

/* The one that was missed comes first: room for it may be made, the others take what is left. */
static int load_all(struct unwinds *unwinds, struct tables *tables, uint64_t missed,
		    const struct unwinds_mapping *mappings, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++) {
		if (missed >= mappings[i].start && missed < mappings[i].end)
			result = load_if_absent(unwinds, tables, mappings[i].table, true);
	}
	for (size_t i = 0; i < count && result == 0; i++)
		result = load_if_absent(unwinds, tables, mappings[i].table, false);
	return result;
}

int unwinds_publish(struct unwinds *unwinds, struct tables *tables, uint32_t slot,
		    const struct unwinds_mapping *mappings, size_t count, unwinds_still_fn still,
		    void *context)
{
	CLEANUP_FREE struct unwind_mapping *leads = calloc(count + 1, sizeof(*leads));
	CLEANUP_FREE int *files = calloc(count + 1, sizeof(*files));
	struct unwind_cover *cover;
	uint64_t missed;
	int result = vec_reserve((void **)&unwinds->covers, &unwinds->cover_capacity,
				 (size_t)slot + 1, sizeof(*unwinds->covers));

	if (!leads || !files || result < 0)
		return -ENOMEM;
	if (unwinds->cover_count <= slot)
		unwinds->cover_count = (size_t)slot + 1;
	cover = &unwinds->covers[slot];
	/* First of all they are in use: what is wanted must not give way to what is wanted. */
	for (size_t i = 0; i < count; i++) {
		files[i] = mappings[i].table;
		if (files[i] >= 0)
			unwinds->files[files[i]].users++;
	}
	missed = tables_take_missed(tables, slot);
	result = load_all(unwinds, tables, missed, mappings, count);
	for (size_t i = 0; i < count; i++)
		leads[i] = lead_to(unwinds, &mappings[i]);
	if (result == 0 && in_force(cover, tables, slot, leads, count)) {
		if (!missed) /* else room may be had soon */
			tables_in_vain(tables, slot);
		drop_users(unwinds, files, count);
		return 0;
	}
	if (result == 0)
		result = tables_ready(tables, slot);
	if (result == 0 && !still(context))
		result = -EAGAIN;
	if (result == 0)
		result = tables_publish(tables, slot, leads, count);
	if (result < 0) {
		drop_users(unwinds, files, count);
		return result;
	}
	drop_users(unwinds, cover->files, cover->count);
	free(cover->files);
	free(cover->mappings);
	*cover = (struct unwind_cover){ .mappings = leads, .files = files, .count = count };
	leads = NULL;
	files = NULL;
	return 0;
}

void unwinds_release(struct unwinds *unwinds, struct tables *tables, uint32_t slot)
{
	struct unwind_cover *cover;

	if (slot >= unwinds->cover_count)
		return;
	cover = &unwinds->covers[slot];
	tables_clear(tables, slot);
	drop_users(unwinds, cover->files, cover->count);
	free(cover->files);
	free(cover->mappings);
	*cover = (struct unwind_cover){ 0 };
}

void unwinds_measure(struct unwinds *unwinds)
{
	for (size_t i = 0; i < unwinds->count; i++) {
		struct unwind_table table = { 0 };

		if (unwinds->files[i].state == UNWIND_NOT_MADE &&
		    build(unwinds, &unwinds->files[i], &table) == 0)
			unwind_table_free(&table);
	}
}

struct unwinds_total unwinds_total(const struct unwinds *unwinds, const struct tables *tables)
{
	struct unwinds_total total = {
		.tables = unwinds->count,
		.used_bytes = unwinds->pool.used * sizeof(uint64_t),
		.kernel_bytes = tables ? tables->chunk_count * sizeof(uint64_t) * UNWIND_CHUNK_WORDS :
					 0,
		.limit_bytes = unwinds->pool.limit * sizeof(uint64_t),
		.evicted = unwinds->evicted,
		.build_ns = unwinds->build_ns,
	};

	for (size_t i = 0; i < unwinds->count; i++) {
		const struct unwind_file *file = &unwinds->files[i];

		total.rows += file->rows;
		total.without_rows += file->state == UNWIND_EMPTY;
		total.away += file->state == UNWIND_NOT_IN;
		if (file->state == UNWIND_NOT_IN || file->state == UNWIND_LOADED)
			total.bytes += unwind_file_words(file) * sizeof(uint64_t);
	}
	return total;
}
