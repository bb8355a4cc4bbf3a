/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot made by hand for the tests of reports: a web shop whose ten workers
 * each keep a page, with a leak and a few more sites beside. Its "program" is the
 * test itself, so that frames have real names and lines (fixture_program.h). Verdicts are this file's, not
 * analysis': a report's test must not depend on how a verdict is worded.
 */
#ifndef OUTLIVE_TESTS_REPORT_FIXTURE_H
#define OUTLIVE_TESTS_REPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/pattern.h"
#include "analysis/reconcile.h"
#include "base/text.h"
#include "ledger/snapshot.h"
#include "report/report.h"

/* --- verdicts by site id -------------------------------------------------- */

static const struct pattern fixture_patterns[] = {
	[1] = { PATTERN_PER_THREAD_SLOT, 10, 1, 4, 0, false, 0, 0, -1,
		"10 threads each keep one block of about 21.2 MB; a thread's next block replaces its "
		"last (14 made, 4 replaced). Bounded by threads × block size." },
	[2] = { PATTERN_GROWING, 1, 0, 0, 51234.5, true, 50000, 52469, 9, "Grows by 50.0 KB per second." },
	[3] = { PATTERN_STATIC, 1, 0, 0, 0, false, 0, 0, -1, "Made at the start and quiet since." },
};

void pattern_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		  const struct snapshot_site *site, struct pattern *ret_pattern)
{
	(void)snapshot;
	(void)process;
	*ret_pattern = (struct pattern){ .size_class = -1, .text = "Too little to go on." };
	if (site->id < sizeof(fixture_patterns) / sizeof(*fixture_patterns))
		*ret_pattern = fixture_patterns[site->id];
}

const char *pattern_name(enum pattern_name name)
{
	static const char *const names[] = { "unknown", "per-thread-slot", "growing",
					     "bounded", "static", "short-lived" };

	return names[name];
}

const char *pattern_title(enum pattern_name name)
{
	return name == PATTERN_PER_THREAD_SLOT ? "per-thread slot" : pattern_name(name);
}

void reconcile_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		    struct reconcile *ret_reconcile)
{
	(void)snapshot;
	*ret_reconcile = (struct reconcile){
		.name = process->rss_bytes ? RECONCILE_GAP : RECONCILE_UNKNOWN,
		.peak_live_bytes = process->counts.live_bytes,
		.gap_bytes = 12345,
		.text = "Resident is above live, for reasons that this sentence goes on to explain "
			"at a length that does not fit one line of the screen.",
	};
}

/* --- functions of the traced program -------------------------------------- */

#include "fixture_program.h"

extern const char __executable_start;

#define FIXTURE_BASE ((uint64_t)(uintptr_t)&__executable_start)
#define LIBC_BASE 0x7f0000000000ull
#define AT(function) ((uint64_t)(uintptr_t)(function) + 5)
#define LIBC(offset) (LIBC_BASE + (offset))

#define SECOND 1000000000ull
#define MB (1024 * 1024ull)
#define WORKERS 10
#define SMALL_SITES 12
#define SITES (5 + SMALL_SITES)

struct fixture {
	struct snapshot snapshot;
	struct snapshot_process processes[2];
	struct snapshot_module modules[2];
	struct snapshot_thread threads[WORKERS + 2];
	struct snapshot_site sites[SITES];
	struct snapshot_class classes[SITES];
	struct snapshot_cell cells[WORKERS + SITES];
	uint64_t frames[3][40];
};

static inline void fixture_site(struct fixture *f, size_t index, uint64_t bytes, uint64_t blocks,
				const struct snapshot_cell *cells, size_t cell_count)
{
	struct snapshot_site *site = &f->sites[index];

	f->classes[index] = (struct snapshot_class){
		.counts = { .live_bytes = bytes, .live_blocks = blocks },
		.cell_count = cell_count,
		.cells = cells,
	};
	*site = (struct snapshot_site){
		.id = (uint32_t)index + 1,
		.counts = { bytes, blocks, bytes * 2, blocks * 2, bytes, blocks },
		.largest_live_bytes = blocks ? bytes / blocks : 0,
		.oldest_live_ns = blocks ? 11 * SECOND : 0,
		.newest_live_ns = blocks ? 40 * SECOND : 0,
		.calls = { [1] = blocks * 2 },
		.class_count = 1,
		.classes = &f->classes[index],
	};
}

static inline void fixture_cell(struct fixture *f, size_t index, uint32_t thread, uint64_t bytes,
				uint64_t blocks)
{
	f->cells[index].thread = thread;
	f->cells[index].counts.live_bytes = bytes;
	f->cells[index].counts.live_blocks = blocks;
}

/* A site all of whose blocks the main thread holds. */
static inline void fixture_main_site(struct fixture *f, size_t index, uint64_t bytes,
				     uint64_t blocks)
{
	struct snapshot_cell *cell = &f->cells[WORKERS + index];

	fixture_cell(f, WORKERS + index, WORKERS, bytes, blocks);
	fixture_site(f, index, bytes, blocks, cell, 1);
}

static inline void fixture_stack(struct fixture *f, size_t site, size_t which, size_t count,
				 uint8_t status)
{
	f->sites[site].stack_known = true;
	f->sites[site].stack = site + 1;
	f->sites[site].stack_status = status;
	f->sites[site].frame_count = count;
	f->sites[site].frames = f->frames[which];
}

static inline void fixture_threads(struct fixture *f)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct snapshot_thread *thread = &f->threads[i];

		thread->tid = 4250 + i;
		snprintf(thread->comm, sizeof(thread->comm), "worker-%u", i);
		thread->counts = (struct snapshot_counts){ 21 * MB + i, 118, 84 * MB, 500, 63 * MB, 382 };
	}
	f->threads[WORKERS] = (struct snapshot_thread){
		.tid = 4242, .comm = "shopd", .counts = { 4 * MB, 520, 9 * MB, 1000, 5 * MB, 480 },
	};
	f->threads[WORKERS + 1] = (struct snapshot_thread){ .tid = 4300, .comm = "idle", .exited = true };
}

static inline void fixture_stacks(struct fixture *f)
{
	const uint64_t page[] = { LIBC(0x9d000), AT(g_malloc_wrapper_of_this_test), AT(render_page),
				  AT(handle_request), AT(worker_loop), LIBC(0x89134), LIBC(0x109000) };
	const uint64_t config[] = { AT(config_load), AT(worker_loop), LIBC(0x2724a), 0x10 };

	memcpy(f->frames[0], page, sizeof(page));
	f->frames[1][0] = AT(session_add);
	for (size_t i = 1; i < 32; i++)
		f->frames[1][i] = AT(walk_tree);
	for (size_t i = 32; i < 40; i++)
		f->frames[1][i] = i % 2 ? AT(handle_request) : AT(worker_loop);
	memcpy(f->frames[2], config, sizeof(config));
	fixture_stack(f, 0, 0, 7, WIRE_STACK_COMPLETE);
	fixture_stack(f, 1, 1, 40, WIRE_STACK_COMPLETE);
	fixture_stack(f, 2, 2, 4, WIRE_STACK_NO_ROW);
}

static inline void fixture_sites(struct fixture *f)
{
	for (uint32_t i = 0; i < WORKERS; i++)
		fixture_cell(f, i, i, 21 * MB + i, 1);
	fixture_site(f, 0, WORKERS * 21 * MB + 45, WORKERS, f->cells, WORKERS);
	fixture_main_site(f, 1, 3 * MB, 3000);
	fixture_main_site(f, 2, MB, 7);
	fixture_main_site(f, 3, 5000, 2);
	fixture_site(f, 4, 0, 0, NULL, 0);
	f->sites[4].counts.allocated_bytes = 900 * MB;
	f->sites[0].calls[3] = 3;
	for (uint32_t i = 5; i < SITES; i++)
		fixture_main_site(f, i, 100 * i, 1);
	/* One site of two threads that hold unlike amounts. */
	fixture_cell(f, WORKERS + 3, WORKERS, 4000, 1);
	fixture_cell(f, WORKERS + 4, 3, 1000, 1);
	f->classes[3].cell_count = 2;
}

/* Fill `f`; nothing in it is on the heap. */
static inline void fixture_make(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->modules[0] = (struct snapshot_module){
		FIXTURE_BASE, FIXTURE_BASE + 64 * MB, FIXTURE_BASE, "/srv/shop/bin/shopd", "/proc/self/exe", "",
	};
	f->modules[1] = (struct snapshot_module){
		LIBC_BASE, LIBC_BASE + 2 * MB, LIBC_BASE, "/lib/x86_64-linux-gnu/libc.so.6", "/no/such/file", "",
	};
	fixture_threads(f);
	fixture_sites(f);
	fixture_stacks(f);
	f->processes[0] = (struct snapshot_process){
		.pid = 4242, .comm = "shopd", .exe = "/srv/shop/bin/shopd",
		.counts = { 214 * MB, 3031, 900 * MB, 184213, 686 * MB, 181182 },
		.rss_bytes = 3420 * MB, .peak_rss_bytes = 3430 * MB,
		.mappings = { .live_bytes = 12 * MB, .live_ranges = 3,
			      .allocator_backing_bytes = 3360 * MB, .brk_bytes = MB },
		.thread_count = WORKERS + 2, .threads = f->threads,
		.site_count = SITES, .sites = f->sites,
		.module_count = 2, .modules = f->modules,
	};
	f->snapshot = (struct snapshot){
		.start_ns = SECOND, .now_ns = 42 * SECOND,
		.quality = { .events = 184213, .unknown_frees = 812, .stacks = 17,
			     .stacks_by_status = { [WIRE_STACK_COMPLETE] = 17 } },
		.process_count = 1, .processes = f->processes,
	};
}

/* A container, the process in it numbered anew. */
static const struct snapshot_home fixture_home = {
	.known = true, .parent_pid = 4000, .inner_pid = 7, .uid = 33, .namespaces = 1 << 0 | 1 << 1,
	.user = "www-data",
	.cgroup = "/system.slice/docker-3f1c0a9d5b7e2f4486a1c3e5d7092b4f6a8c0e2d4f618395b7a9cbedf0123456"
		  ".scope",
	.container = "3f1c0a9d5b7e2f4486a1c3e5d7092b4f6a8c0e2d4f618395b7a9cbedf0123456",
};

static const struct report_options fixture_options = {
	.verb = REPORT_THREADS, .kind = "live", .kernel = "6.18.4",
	.duration_ns = 41200000000ull, .stacks = "dwarf",
};

/* The report as a string; free() it. */
static inline char *fixture_render(const char *format, const struct snapshot *snapshot,
				   const struct report_options *options)
{
	size_t length;
	char *text = NULL;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	assert_int_equal(report_find(format)->render(file, snapshot, options), 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

/* Every line fits; nothing on it that a terminal would act on. */
static inline void fixture_fits(const char *text, size_t width)
{
	for (const char *line = text, *end; *line; line = end + 1) {
		char copy[1024];

		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true((size_t)(end - line) < sizeof(copy));
		memcpy(copy, line, (size_t)(end - line));
		copy[end - line] = '\0';
		if (text_width(copy) > width)
			fail_msg("wider than %zu columns: %s", width, copy);
		for (const char *c = copy; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		assert_true(end == line || end[-1] != ' ');
	}
}

/* Compare with tests/report/`name`; with UPDATE=1 in the environment, make it so. */
static inline void fixture_golden(const char *name, const char *text)
{
	char path[512], *expected;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/report/%s", TEST_DATA, name);
	if (getenv("UPDATE")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "r");
	assert_non_null(file);
	expected = calloc(1, 1 << 20);
	length = fread(expected, 1, (1 << 20) - 1, file);
	fclose(file);
	assert_true(length > 0);
	assert_string_equal(text, expected);
	free(expected);
}

#endif
