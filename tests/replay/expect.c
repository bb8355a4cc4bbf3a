/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/expect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What an expect line may name: a field and where it lies in its row. */
struct field {
	const char *scope, *name;
	size_t offset, size;
};

#define FIELD(scope, type, name, member)                                                           \
	{                                                                                          \
		scope, name, offsetof(struct type, member), sizeof(((struct type *)0)->member)     \
	}
#define COUNTS(scope, type)                                                                        \
	FIELD(scope, type, "live_bytes", counts.live_bytes),                                       \
		FIELD(scope, type, "live_blocks", counts.live_blocks),                             \
		FIELD(scope, type, "allocated_bytes", counts.allocated_bytes),                     \
		FIELD(scope, type, "allocated_blocks", counts.allocated_blocks),                   \
		FIELD(scope, type, "freed_bytes", counts.freed_bytes),                             \
		FIELD(scope, type, "freed_blocks", counts.freed_blocks)

static const struct field fields[] = {
	COUNTS("process", snapshot_process),
	FIELD("process", snapshot_process, "failed_calls", failed_calls),
	FIELD("process", snapshot_process, "inherited_blocks", inherited_blocks),
	FIELD("process", snapshot_process, "inherited_bytes", inherited_bytes),
	FIELD("process", snapshot_process, "forked_blocks", forked_blocks),
	FIELD("process", snapshot_process, "forked_bytes", forked_bytes),
	FIELD("process", snapshot_process, "forked_from", forked_from),
	FIELD("process", snapshot_process, "parent_pid", home.parent_pid),
	FIELD("process", snapshot_process, "inner_pid", home.inner_pid),
	FIELD("process", snapshot_process, "uid", home.uid),
	FIELD("process", snapshot_process, "namespaces", home.namespaces),
	FIELD("process", snapshot_process, "modules", module_count),
	FIELD("process", snapshot_process, "exit", exit_ns),
	FIELD("process", snapshot_process, "dropped_blocks", dropped_blocks),
	FIELD("process", snapshot_process, "dropped_bytes", dropped_bytes),
	FIELD("process", snapshot_process, "children", children),
	FIELD("process", snapshot_process, "exited", exited),
	FIELD("process", snapshot_process, "forked", forked),
	FIELD("process", snapshot_process, "thread_count", thread_count),
	FIELD("process", snapshot_process, "site_count", site_count),
	FIELD("mappings", snapshot_process, "live_bytes", mappings.live_bytes),
	FIELD("mappings", snapshot_process, "live_ranges", mappings.live_ranges),
	FIELD("mappings", snapshot_process, "backing_bytes", mappings.allocator_backing_bytes),
	FIELD("mappings", snapshot_process, "brk_bytes", mappings.brk_bytes),
	FIELD("mappings", snapshot_process, "reserved_bytes", mappings.reserved_bytes),
	FIELD("mappings", snapshot_process, "stack_bytes", mappings.stack_bytes),
	FIELD("mappings", snapshot_process, "file_bytes", mappings.file_bytes),
	COUNTS("thread", snapshot_thread),
	FIELD("thread", snapshot_thread, "freed_by_others", freed_by_others_blocks),
	FIELD("thread", snapshot_thread, "exited", exited),
	COUNTS("site", snapshot_site),
	FIELD("site", snapshot_site, "id", id),
	FIELD("site", snapshot_site, "stack_known", stack_known),
	FIELD("site", snapshot_site, "frames", frame_count),
	FIELD("site", snapshot_site, "classes", class_count),
	FIELD("site", snapshot_site, "largest", largest_live_bytes),
	FIELD("site", snapshot_site, "oldest", oldest_live_ns),
	FIELD("site", snapshot_site, "newest", newest_live_ns),
	FIELD("site", snapshot_site, "first", first_ns),
	FIELD("site", snapshot_site, "last", last_ns),
	FIELD("site", snapshot_site, "malloc", calls[1]),
	FIELD("site", snapshot_site, "realloc", calls[3]),
	COUNTS("cell", snapshot_cell),
	FIELD("cell", snapshot_cell, "replaced", replaced_blocks),
	FIELD("cell", snapshot_cell, "refilled", refilled_blocks),
	FIELD("cell", snapshot_cell, "lifetime", lifetime_ns),
	FIELD("quality", snapshot, "events", quality.events),
	FIELD("quality", snapshot, "unknown_frees", quality.unknown_frees),
	FIELD("quality", snapshot, "cache_frees", quality.cache_frees),
	FIELD("quality", snapshot, "alloc_over_live", quality.alloc_over_live),
	FIELD("quality", snapshot, "unknown_stack_events", quality.unknown_stack_events),
	FIELD("quality", snapshot, "stacks", quality.stacks),
	FIELD("quality", snapshot, "senseless", quality.senseless),
	FIELD("quality", snapshot, "ledger_full", quality.ledger_full),
	FIELD("quality", snapshot, "processes", process_count),
};

static const char *nth(const struct expectation *expectation, size_t i)
{
	return i < expectation->word_count ? expectation->words[i] : "";
}

/* The newest process of `pid`: pids are reused. */
static const struct snapshot_process *find_process(const struct snapshot *snapshot, uint32_t pid)
{
	for (size_t i = snapshot->process_count; i-- > 0;)
		if (snapshot->processes[i].pid == pid)
			return &snapshot->processes[i];
	return NULL;
}

static const struct snapshot_site *find_site(const struct snapshot_process *process, uint64_t stack)
{
	for (size_t i = 0; i < process->site_count; i++)
		if (process->sites[i].stack == stack)
			return &process->sites[i];
	return NULL;
}

static const struct snapshot_thread *find_thread(const struct snapshot_process *process,
						 uint32_t tid)
{
	for (size_t i = process->thread_count; i-- > 0;)
		if (process->threads[i].tid == tid)
			return &process->threads[i];
	return NULL;
}

/* All cells of one thread and site, size classes taken together. */
static bool sum_cells(const struct snapshot_process *process, uint32_t tid, uint64_t stack,
		      struct snapshot_cell *ret_sum)
{
	const struct snapshot_site *site = find_site(process, stack);
	bool found = false;

	memset(ret_sum, 0, sizeof(*ret_sum));
	for (size_t i = 0; site && i < site->class_count; i++) {
		for (size_t j = 0; j < site->classes[i].cell_count; j++) {
			const struct snapshot_cell *cell = &site->classes[i].cells[j];

			if (process->threads[cell->thread].tid != tid)
				continue;
			found = true;
			ret_sum->counts.live_bytes += cell->counts.live_bytes;
			ret_sum->counts.live_blocks += cell->counts.live_blocks;
			ret_sum->counts.allocated_bytes += cell->counts.allocated_bytes;
			ret_sum->counts.allocated_blocks += cell->counts.allocated_blocks;
			ret_sum->counts.freed_bytes += cell->counts.freed_bytes;
			ret_sum->counts.freed_blocks += cell->counts.freed_blocks;
			ret_sum->replaced_blocks += cell->replaced_blocks;
			ret_sum->refilled_blocks += cell->refilled_blocks;
			ret_sum->lifetime_ns += cell->lifetime_ns;
		}
	}
	return found;
}

/* The row that an expect line speaks of, or NULL. `sum` is scratch for a cell. */
static const void *find_row(const struct expectation *expectation, const struct snapshot *snapshot,
			    struct snapshot_cell *sum)
{
	const char *scope = nth(expectation, 1);
	const char *slash = strchr(nth(expectation, 2), '/');
	uint32_t pid = (uint32_t)strtoul(nth(expectation, 2), NULL, 0);
	uint32_t tid = slash ? (uint32_t)strtoul(slash + 1, NULL, 0) : pid;
	uint64_t stack = strtoull(nth(expectation, 3), NULL, 0);
	const struct snapshot_process *process;

	if (strcmp(scope, "quality") == 0)
		return snapshot;
	process = find_process(snapshot, pid);
	if (!process || strcmp(scope, "process") == 0 || strcmp(scope, "mappings") == 0)
		return process;
	if (strcmp(scope, "thread") == 0)
		return find_thread(process, tid);
	if (strcmp(scope, "site") == 0)
		return find_site(process, stack);
	if (strcmp(scope, "cell") == 0 && sum_cells(process, tid, stack, sum))
		return sum;
	return NULL;
}

__attribute__((format(printf, 2, 3))) static int mismatch(struct expectation *expectation,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(expectation->fault, sizeof(expectation->fault), format, arguments);
	va_end(arguments);
	return -1;
}

static int check_field(struct expectation *expectation, const void *row, const char *expected)
{
	size_t length = strcspn(expected, "=");
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (strcmp(fields[i].scope, nth(expectation, 1)) ||
		    strncmp(fields[i].name, expected, length) || fields[i].name[length])
			continue;
		/* Little-endian, as everything that this is traced on. */
		memcpy(&value, (const char *)row + fields[i].offset, fields[i].size);
		expectation->checked++;
		if (value != strtoull(expected + length + 1, NULL, 0))
			return mismatch(expectation, "%s %s: expected %s, have %" PRIu64,
				     nth(expectation, 1), nth(expectation, 2), expected, value);
		return 0;
	}
	return mismatch(expectation, "no such field: %s %s", nth(expectation, 1), expected);
}

int expectation_holds(struct expectation *expectation, const struct snapshot *snapshot)
{
	struct snapshot_cell sum;
	const void *row = find_row(expectation, snapshot, &sum);

	if (expectation->key_count == 0)
		return mismatch(expectation, "expects nothing");
	if (strcmp(expectation->keys[0], "none=1") == 0) {
		expectation->checked++;
		return row ? mismatch(expectation, "there is such a %s", nth(expectation, 1)) : 0;
	}
	if (!row)
		return mismatch(expectation, "no such %s", nth(expectation, 1));
	for (size_t i = 0; i < expectation->key_count; i++)
		if (check_field(expectation, row, expectation->keys[i]) < 0)
			return -1;
	return 0;
}
