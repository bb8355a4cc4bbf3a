/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The diff as people and programs see it. */
#include "report_fixture.h"

#include "base/cleanup.h"
#include "report/diff.h"

struct past {
	uint64_t live[SNAPSHOT_SERIES_POINTS];
};

/* Two runs of the shop: without and with a leak, a larger page, a part that went. */
struct runs {
	struct fixture before, after;
	struct past pasts[DIFF_SIDES];
	struct diff_report report;
};

static void add_past(struct fixture *f, struct past *past, uint64_t points, uint64_t slope)
{
	struct snapshot_process *process = &f->processes[0];

	process->series_start_ns = SECOND;
	process->series_interval_ns = SECOND;
	process->series_count = points;
	process->live_bytes_series = past->live;
	for (uint64_t i = 0; i < points; i++)
		past->live[i] = (20 + i * slope) * MB;
	f->snapshot.now_ns = (points + 1) * SECOND;
}

static void set_live(struct fixture *f, size_t site, uint64_t bytes, uint64_t blocks)
{
	struct snapshot_counts *counts = &f->sites[site].counts;

	f->processes[0].counts.live_bytes += bytes - counts->live_bytes;
	f->processes[0].counts.live_blocks += blocks - counts->live_blocks;
	counts->live_bytes = bytes;
	counts->live_blocks = blocks;
}

static void make(struct runs *runs)
{
	memset(runs, 0, sizeof(*runs));
	fixture_make(&runs->before);
	fixture_make(&runs->after);
	runs->after.processes[0].pid = 5151;
	runs->after.processes[0].rss_bytes += 300 * MB;
	runs->after.processes[0].counts.allocated_bytes += 33 * MB;
	/* The page is larger, sessions leak, and the configuration is not kept any more. */
	set_live(&runs->before, 1, 0, 0);
	set_live(&runs->after, 0, WORKERS * 24 * MB, WORKERS);
	set_live(&runs->after, 1, 70 * MB, 71234);
	set_live(&runs->after, 2, 0, 0);
	add_past(&runs->before, &runs->pasts[0], 40, 1);
	add_past(&runs->after, &runs->pasts[1], 48, 6);
	runs->report.files[DIFF_BEFORE] = "old.outlive";
	runs->report.files[DIFF_AFTER] = "new.outlive";
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		runs->report.sides[side] = fixture_options;
		runs->report.sides[side].kind = "recording";
		runs->report.sides[side].duration_ns =
			(side ? &runs->after : &runs->before)->snapshot.now_ns - SECOND;
		runs->report.sides[side].frames = frames_new();
		assert_non_null(runs->report.sides[side].frames);
	}
}

static struct report_options *look(struct runs *runs)
{
	return &runs->report.sides[DIFF_AFTER];
}

/* Rendered; the runs are gone then. */
static char *render(struct runs *runs, bool one_trace, const char *order,
		    int (*renderer)(FILE *, const struct diff_report *))
{
	struct diff_side sides[DIFF_SIDES];
	struct diff *diff;
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		sides[side] = (struct diff_side){
			.snapshot = side ? &runs->after.snapshot : &runs->before.snapshot,
			.frames = runs->report.sides[side].frames,
			.duration_ns = runs->report.sides[side].duration_ns,
		};
	assert_int_equal(diff_make(sides, one_trace, &diff), 0);
	if (order)
		diff_sort(diff, diff_order_find(order));
	runs->report.diff = diff;
	assert_int_equal(renderer(file, &runs->report), 0);
	assert_int_equal(fclose(file), 0);
	diff_free(diff);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		frames_free(runs->report.sides[side].frames);
	return text;
}

static void check(const char *name, struct runs *runs, bool one_trace, const char *order)
{
	size_t width = look(runs)->width ? look(runs)->width : 80;
	char *text = render(runs, one_trace, order, diff_text);

	fixture_fits(text, width);
	fixture_golden(name, text);
	free(text);
}

static void test_runs(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	check("diff.txt", &runs, false, NULL);
}

static void test_wide_and_verbose(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	look(&runs)->width = 110;
	look(&runs)->verbose = true;
	look(&runs)->rows = 1;
	check("diff-wide.txt", &runs, false, "loss");
}

static void test_narrow(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	look(&runs)->width = 60;
	/* Of unlike length, and not exact. */
	runs.report.sides[DIFF_BEFORE].duration_ns = 10 * SECOND;
	runs.after.snapshot.quality.lost[0] = 1;
	check("diff-narrow.txt", &runs, false, "blocks");
}

static void test_marks(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	runs.after.processes[0].pid = runs.before.processes[0].pid;
	runs.report.files[DIFF_AFTER] = runs.report.files[DIFF_BEFORE];
	runs.before.snapshot.window =
		(struct snapshot_window){ .at_set = true, .at = "login" };
	runs.before.snapshot.now_ns = 13 * SECOND;
	look(&runs)->rows = 2;
	check("diff-marks.txt", &runs, true, NULL);
}

static void test_same(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	frames_free(runs.report.sides[0].frames);
	frames_free(runs.report.sides[1].frames);
	make(&runs);
	runs.after = runs.before;
	fixture_make(&runs.after);
	fixture_make(&runs.before);
	check("diff-same.txt", &runs, false, NULL);
}

static void test_verdict_alone(void **state)
{
	static struct runs runs;
	char *text;

	(void)state;
	make(&runs);
	fixture_make(&runs.after);
	fixture_make(&runs.before);
	/* The fixture's verdicts go by id: 1 a slot, 2 growing, 3 static. */
	runs.after.sites[0].id = 2;
	text = render(&runs, false, NULL, diff_text);
	assert_non_null(strstr(text, "Live memory is the same, 214 MB.\n"));
	assert_non_null(strstr(text, "same · per-thread slot → growing by 50.0 KB/s\n"));
	free(text);
	make(&runs);
	fixture_make(&runs.after);
	fixture_make(&runs.before);
	runs.after.sites[0].id = 3;
	text = render(&runs, false, NULL, diff_text);
	assert_null(strstr(text, "WHAT CHANGED"));
	free(text);
}

static void add_second(struct fixture *f, const char *exe, uint32_t pid, uint64_t bytes)
{
	f->processes[1] = (struct snapshot_process){
		.pid = pid,
		.comm = "helper",
		.exe = exe,
		.counts = { .live_bytes = bytes, .live_blocks = 3 },
		.site_count = bytes ? 1 : 0,
		.sites = &f->sites[3],
	};
	f->snapshot.process_count = 2;
}

static void test_processes(void **state)
{
	static struct runs runs;

	(void)state;
	make(&runs);
	add_second(&runs.before, "/bin/\033[2Jhelper", 7, 5000);
	add_second(&runs.after, "/bin/other", 8, 0);
	look(&runs)->rows = 1;
	check("diff-processes.txt", &runs, false, NULL);
	make(&runs);
	add_second(&runs.before, "/bin/helper", 7, 5000);
	add_second(&runs.after, "/bin/helper", 8, 5000);
	look(&runs)->rows = 1;
	look(&runs)->verbose = false;
	check("diff-processes-same.txt", &runs, false, NULL);
}

static void test_sampled(void **state)
{
	static struct runs runs;
	char *text;

	(void)state;
	make(&runs);
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		struct fixture *f = side ? &runs.after : &runs.before;

		/* Large blocks are all there; of small ones some. */
		for (size_t i = 0; i < SITES; i++)
			f->sites[i].sampled = (struct snapshot_sampled){
				.bytes = 512 << 10,
				.live_bytes = (double)f->sites[i].counts.live_bytes,
				.certain_bytes = (double)f->sites[i].counts.live_bytes,
			};
		f->processes[0].sampled = (struct snapshot_sampled){
			.bytes = 512 << 10, .live_blocks = 40, .variance = 1e14,
		};
		f->sites[1].sampled = f->processes[0].sampled;
		runs.report.sides[side].sample_bytes = 512 << 10;
	}
	text = render(&runs, false, NULL, diff_text);
	fixture_fits(text, 80);
	assert_non_null(strstr(text, "Blocks were sampled: the change lies between +72.1 MB and"));
	assert_non_null(strstr(text, "appeared · +52.6 MB to +90.4 MB · growing"));
	/* Of few blocks, and against so much that was not seen. */
	assert_non_null(strstr(text, "grew · +28.2 MB to +31.8 MB · per-thread slot"));
	assert_non_null(strstr(text, "vanished · -2.84 MB to +865 KB, may be chance"));
	free(text);
}

static void test_nothing(void **state)
{
	static struct runs runs;
	char *text;

	(void)state;
	make(&runs);
	runs.before.snapshot.process_count = runs.after.snapshot.process_count = 0;
	text = render(&runs, false, NULL, diff_text);
	assert_non_null(strstr(text, "0 processes"));
	free(text);
}

static void test_json(void **state)
{
	static struct runs runs;
	char *text;

	(void)state;
	make(&runs);
	look(&runs)->rows = 2;
	/* The addresses of this very program are nothing to compare with. */
	frames_free(runs.report.sides[0].frames);
	frames_free(runs.report.sides[1].frames);
	runs.report.sides[0].frames = runs.report.sides[1].frames = NULL;
	for (size_t i = 0; i < 3; i++)
		runs.before.sites[i].stack_known = runs.after.sites[i].stack_known = i == 1;
	runs.before.sites[1].frame_count = runs.after.sites[1].frame_count = 1;
	runs.before.frames[1][0] = runs.after.frames[1][0] = LIBC_BASE + 0x1234;
	text = render(&runs, false, NULL, diff_json);
	fixture_golden("diff.json", text);
	free(text);
}

/* What a damaged file may make of numbers. */
static void test_hostile(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 1ull << 62, 1ull << 63, UINT64_MAX };
	size_t kinds = ARRAY_LENGTH(numbers);
	static struct runs runs;

	(void)state;
	for (size_t i = 0; i < kinds * kinds * kinds; i++) {
		uint64_t a = numbers[i % kinds], b = numbers[i / kinds % kinds];
		uint64_t c = numbers[i / kinds / kinds];
		char *text;

		make(&runs);
		runs.before.sites[1].counts = (struct snapshot_counts){ a, b, c, a, b, c };
		runs.after.sites[1].counts = (struct snapshot_counts){ c, a, b, b, a, c };
		runs.before.processes[0].counts = runs.before.sites[1].counts;
		runs.after.processes[0].counts = runs.after.sites[1].counts;
		runs.after.processes[0].series_start_ns = a;
		runs.after.processes[0].series_interval_ns = b;
		runs.after.processes[0].series_count = i % 2 ? SIZE_MAX : 40;
		runs.after.snapshot.now_ns = c;
		runs.before.processes[0].rss_bytes = c;
		runs.report.sides[DIFF_BEFORE].duration_ns = a;
		runs.report.files[DIFF_BEFORE] = "\033]0;title\a\n\xff";
		look(&runs)->rows = 1;
		text = render(&runs, i % 3 == 0, i % 5 ? "loss" : "growth",
			      i % 7 ? diff_text : diff_json);
		if (i % 7)
			fixture_fits(text, 80);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),	      cmocka_unit_test(test_wide_and_verbose),
		cmocka_unit_test(test_narrow),	      cmocka_unit_test(test_marks),
		cmocka_unit_test(test_same),	      cmocka_unit_test(test_verdict_alone),
		cmocka_unit_test(test_processes),     cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_json),	      cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
