/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_fixture.h"

#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "stream/event.h"

static char *render(const struct snapshot *snapshot, const struct report_options *options)
{
	struct report_options with_names = *options;
	char *text;

	with_names.frames = frames_new();
	assert_non_null(with_names.frames);
	text = fixture_render("text", snapshot, &with_names);
	frames_free(with_names.frames);
	return text;
}

static void check(const char *name, const struct snapshot *snapshot,
		  const struct report_options *options)
{
	char *text = render(snapshot, options);

	fixture_fits(text, options->width ? options->width : 80);
	fixture_golden(name, text);
	free(text);
}

static void test_threads(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f);
	check("threads.txt", &f.snapshot, &fixture_options);
}

static void test_report(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	options.verb = REPORT_SITES;
	options.kind = "recording";
	options.rows = 3;
	check("report.txt", &f.snapshot, &options);
}

static void test_wide_and_verbose(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	options.width = 132;
	options.verbose = true;
	options.rows = 2;
	check("wide.txt", &f.snapshot, &options);
}

static void test_losses(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	for (unsigned int i = 0; i < WIRE_LOSS_COUNT; i++)
		f.snapshot.quality.lost[i] = 1000 + i;
	f.snapshot.quality.alloc_over_live = 7;
	f.snapshot.quality.ledger_full = 9;
	f.snapshot.quality.unknown_stack_events = 5;
	f.snapshot.quality.stacks_by_status[WIRE_STACK_COMPLETE] = 12;
	f.snapshot.quality.stacks_by_status[WIRE_STACK_TRUNCATED] = 3;
	f.snapshot.quality.stacks_by_status[WIRE_STACK_NO_ROW] = 2;
	options.rows = 1;
	check("losses.txt", &f.snapshot, &options);
}

static void test_nothing_seen(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f);
	memset(&f.snapshot.quality, 0, sizeof(f.snapshot.quality));
	memset(&f.processes[0].counts, 0, sizeof(f.processes[0].counts));
	memset(&f.processes[0].mappings, 0, sizeof(f.processes[0].mappings));
	f.processes[0].site_count = 0;
	f.processes[0].thread_count = 0;
	check("nothing-seen.txt", &f.snapshot, &fixture_options);
	f.snapshot.process_count = 0;
	check("no-process.txt", &f.snapshot, &fixture_options);
}

static void test_nothing_held(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f);
	f.processes[0].counts.live_bytes = f.processes[0].counts.live_blocks = 0;
	f.processes[0].exited = true;
	f.processes[0].rss_bytes = 0;
	check("nothing-held.txt", &f.snapshot, &fixture_options);
}

static const struct snapshot_mark marks[] = {
	{ 13 * SECOND + 300000000, "login" },
	{ 15 * SECOND, "logout" },
};

static void test_window(void **state)
{
	struct report_options options = fixture_options;
	struct snapshot_process whole;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	whole = f.processes[0];
	f.processes[0].whole = &whole;
	f.snapshot.marks = marks;
	f.snapshot.mark_count = 2;
	f.snapshot.window = (struct snapshot_window){
		.set = true, .made_known = true, .from_ns = marks[0].time_ns,
		.to_ns = marks[1].time_ns, .from = "login", .to = "logout",
	};
	options.rows = 1;
	check("window.txt", &f.snapshot, &options);
	f.snapshot.window = (struct snapshot_window){
		.set = true, .from_ns = 32 * SECOND, .to_ns = UINT64_MAX,
		.newer_ns = 10 * SECOND, .at_set = true, .at = "logout",
	};
	options.verb = REPORT_SITES;
	check("window-age.txt", &f.snapshot, &options);
}

static char *window_line(const struct snapshot_window *window, uint64_t made)
{
	struct snapshot_process whole;
	struct fixture f;

	fixture_make(&f);
	f.processes[0].counts = (struct snapshot_counts){ .allocated_blocks = made };
	whole = f.processes[0];
	f.processes[0].whole = &whole;
	f.snapshot.window = *window;
	return render(&f.snapshot, &fixture_options);
}

static void test_window_words(void **state)
{
	static const struct {
		struct snapshot_window window;
		uint64_t made;
		const char *first, *then;
	} cases[] = {
		{ { .set = true, .made_known = true, .from_ns = 3 * SECOND, .to_ns = UINT64_MAX }, 7,
		  "Only blocks made since 2.0 s and alive at the end.", "of 7 blocks" },
		{ { .set = true, .made_known = true, .to_ns = 3 * SECOND, .to = "b" }, 0,
		  "Only blocks made before mark b (2.0 s) and alive at the end.",
		  "No block was made in that time." },
		{ { .set = true, .to_ns = 3 * SECOND, .older_ns = 40 * SECOND }, 0,
		  "Only blocks older than 40.0 s and alive at the end.",
		  "No block of that age is alive." },
		{ { .set = true, .older_ns = SECOND, .newer_ns = 9 * SECOND }, 0,
		  "Only blocks 1.0 s to 9.0 s old and alive at the end.", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *text = window_line(&cases[i].window, cases[i].made);

		if (strncmp(text, cases[i].first, strlen(cases[i].first)) != 0 ||
		    !strstr(text, cases[i].then))
			fail_msg("%s", text);
		free(text);
	}
}

struct past {
	uint64_t live[SNAPSHOT_SERIES_POINTS], blocks[SNAPSHOT_SERIES_POINTS];
	uint64_t resident[SNAPSHOT_SERIES_POINTS];
};

/* 40 points, a second apart: up to the half, a fall, up again. */
static void add_past(struct fixture *f, struct past *past)
{
	struct snapshot_process *process = &f->processes[0];

	process->series_start_ns = SECOND;
	process->series_interval_ns = SECOND;
	process->series_count = 40;
	process->live_bytes_series = past->live;
	process->live_blocks_series = past->blocks;
	process->resident_series = past->resident;
	for (uint64_t i = 0; i < 40; i++) {
		past->live[i] = (i < 20 ? i : i - 15) * 10 * MB;
		past->blocks[i] = i * 70;
		past->resident[i] = i < 2 ? 0 : (300 + i * 80) * MB;
	}
	for (size_t i = 0; i < SITES; i++) {
		f->classes[i].series = i == 2 ? NULL : past->live;
		f->classes[i].block_series = i == 2 ? NULL : past->blocks;
	}
	f->sites[3].counts.live_bytes = 300 * MB;
	f->snapshot.marks = marks;
	f->snapshot.mark_count = 2;
}

static void test_timeline(void **state)
{
	struct report_options options = fixture_options;
	struct past past;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	add_past(&f, &past);
	options.timeline = true;
	options.rows = 1;
	check("timeline.txt", &f.snapshot, &options);
	options.width = 60;
	options.verb = REPORT_SITES;
	check("timeline-narrow.txt", &f.snapshot, &options);
	options.width = 500;
	free(render(&f.snapshot, &options));
}

/* What a damaged file may say of times; and more marks than there is room for. */
static void test_hostile_timeline(void **state)
{
	static const uint64_t numbers[] = { 0, 1, SECOND, 41 * SECOND, 1ull << 63, UINT64_MAX };
	static struct snapshot_mark many[1000];
	struct report_options options = fixture_options;
	size_t kinds = ARRAY_LENGTH(numbers);
	struct past past;
	struct fixture f;

	(void)state;
	options.timeline = true;
	options.rows = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++) {
		many[i].time_ns = numbers[i % kinds] + i * SECOND / 24;
		memset(many[i].name, 'm', 1 + i % 62);
	}
	for (size_t i = 0; i < kinds * kinds * kinds; i++) {
		char *text;

		fixture_make(&f);
		add_past(&f, &past);
		f.snapshot.marks = many;
		f.snapshot.mark_count = ARRAY_LENGTH(many);
		f.processes[0].series_start_ns = numbers[i % kinds];
		f.processes[0].series_interval_ns = numbers[i / kinds % kinds];
		f.snapshot.now_ns = numbers[i / kinds / kinds];
		f.processes[0].series_count = i % 3 ? 40 : SIZE_MAX;
		past.live[5] = UINT64_MAX;
		f.processes[0].exited = i % 2;
		text = render(&f.snapshot, &options);
		fixture_fits(text, 80);
		free(text);
		free(fixture_render("json", &f.snapshot, &options));
	}
}

static void test_two_processes(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	f.processes[1] = f.processes[0];
	f.processes[1].pid = 4243;
	f.processes[1].counts.live_bytes *= 2;
	f.processes[1].home = fixture_home;
	f.processes[1].forked_from = 4000;
	f.processes[1].forked_blocks = 1204;
	f.processes[1].forked_bytes = 12 * MB;
	f.processes[1].inherited_blocks = 1201;
	f.processes[1].inherited_bytes = 11 * MB;
	f.processes[1].failed_calls = 1;
	f.snapshot.process_count = 2;
	options.rows = 1;
	options.sample_bytes = 512 * 1024;
	check("two-processes.txt", &f.snapshot, &options);
}

/* With -v the cgroup too, what the target named as no terminal takes it. */
static void test_home(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;
	char *text;

	(void)state;
	fixture_make(&f);
	f.processes[0].home = fixture_home;
	f.processes[0].exited = true;
	f.processes[0].exit_ns = 39 * SECOND;
	options.width = 200;
	text = fixture_render("text", &f.snapshot, &options);
	assert_non_null(strstr(text, "\nended 3.0 s ago · user www-data · pid 7 in its own namespace · "
				     "container 3f1c0a9d5b7e\nlive "));
	free(text);
	f.processes[0].exit_ns = 0;
	f.processes[0].home.container = "";
	f.processes[0].home.user = "";
	f.processes[0].home.inner_pid = 4242;
	f.processes[0].home.cgroup = "/x/\x1b[2Jy";
	text = fixture_render("text", &f.snapshot, &options);
	assert_non_null(strstr(text, "\nuser 33 · cgroup /x/?[2Jy\nlive "));
	free(text);
	f.processes[0].home = fixture_home;
	options.verbose = true;
	text = fixture_render("text", &f.snapshot, &options);
	assert_non_null(strstr(text, "container 3f1c0a9d5b7e · cgroup /system.slice/docker-3f1c"));
	free(text);
}

/* What was given up, and where mappings come from; of sampled blocks it is said how sure the numbers are, where that can be seen. */
static void test_sampled(void **state)
{
	static const struct snapshot_tier tiers[] = {
		{ 2 * SECOND, EVENT_TIER_SAMPLE, false, 512 << 10, 72, 50 },
		{ 3 * SECOND, EVENT_TIER_MMAP, true, 0, 904, 50 },
	};
	const struct snapshot_cell cells[] = {
		{ .thread = 1, .counts = { 12 * MB, 3, 20 * MB, 5, 0, 0 } },
		{ .thread = 2, .counts = { 4 * MB, 1, 4 * MB, 1, 0, 0 } },
	};
	const struct snapshot_class class = { .cell_count = 2, .cells = cells };
	const struct snapshot_site mapped = {
		.id = 1, .counts = { 16 * MB, 4, 24 * MB, 6, 0, 0 }, .class_count = 1,
		.classes = &class,
	};
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	f.processes[0].called_blocks = 4310221;
	f.processes[0].called_bytes = 13 * 1024 * MB;
	f.processes[0].called_frees = 4309118;
	f.processes[0].sampled = (struct snapshot_sampled){
		512 << 10, 17, 70, 211e6, 210e6, 17.0 * (512 << 10) * (512 << 10),
	};
	/* Large blocks, many small ones, one small one. */
	f.sites[0].sampled = (struct snapshot_sampled){
		512 << 10, 10, 20, 220201005, 220201005, 0,
	};
	f.sites[1].sampled = (struct snapshot_sampled){ 8 << 10, 384, 500, 4e5, 1e4, 384.0 * (1 << 26) };
	f.sites[2].sampled = (struct snapshot_sampled){
		512 << 10, 2, 2, 100, 1, 2.0 * (512 << 10) * (512 << 10),
	};
	f.processes[0].tiers = tiers;
	f.processes[0].tier_count = 2;
	f.processes[0].mapped_sites = &mapped;
	f.processes[0].mapped_site_count = 1;
	options.sample_bytes = 512 << 10;
	options.rows = 3;
	check("sampled.txt", &f.snapshot, &options);
}

/* The larger process comes first, and -n counts processes too, but never hides just one. */
static void test_process_order(void **state)
{
	struct snapshot_process many[6];
	struct report_options options = fixture_options;
	struct fixture f;
	char *text;

	(void)state;
	fixture_make(&f);
	for (uint32_t i = 0; i < 6; i++) {
		many[i] = f.processes[0];
		many[i].pid = 100 + i;
		many[i].counts.live_bytes = (i + 1) * MB;
	}
	f.snapshot.processes = many;
	f.snapshot.process_count = 6;
	options.rows = 2;
	options.each = true;
	text = render(&f.snapshot, &options);
	assert_true(strstr(text, "(105)") < strstr(text, "(104)"));
	assert_null(strstr(text, "(103)"));
	assert_non_null(strstr(text, "… and 4 more processes, 10.0 MB\n"));
	free(text);
	/* Those that are alike are one, and its members are as many rows. */
	options.each = false;
	text = render(&f.snapshot, &options);
	assert_non_null(strstr(text, "\nshopd × 6 "));
	assert_non_null(strstr(text, "\n  … and 4 more like it, 10.0 MB\n"));
	assert_non_null(strstr(text, "── shopd, 6 processes ─"));
	free(text);
	/* There is no chart of several. */
	options.timeline = true;
	text = render(&f.snapshot, &options);
	assert_null(strstr(text, "shopd × 6"));
	free(text);
	options.timeline = false;
	/* In another container, it is another service. */
	many[3].home = fixture_home;
	text = render(&f.snapshot, &options);
	assert_non_null(strstr(text, "\nshopd × 5 "));
	free(text);
}

/* Five workers, two that were replaced, and another program. */
static void test_workers(void **state)
{
	static const struct snapshot_tier given_up = { .time_ns = 2 * SECOND, .sample_bytes = 4096 };
	static struct snapshot_process many[8];
	struct report_options options = fixture_options;
	struct fixture f;

	(void)state;
	fixture_make(&f);
	for (uint32_t i = 0; i < 8; i++) {
		many[i] = f.processes[0];
		many[i].pid = 300 + i;
		many[i].home = fixture_home;
		many[i].running_threads = 12;
		many[i].exited = i >= 5 && i < 7;
		many[i].exit_ns = many[i].exited ? 40 * SECOND : 0;
		many[i].forked_from = 4000;
		many[i].forked_blocks = 100;
		many[i].inherited_blocks = 97;
		many[i].forked_bytes = MB;
		many[i].tier_count = i == 2;
		many[i].tiers = &given_up;
	}
	many[7].comm = "redis-server";
	many[7].exe = "/usr/bin/redis-server";
	many[7].counts.live_bytes = 100 * MB;
	many[7].forked_blocks = 0;
	f.snapshot.processes = many;
	f.snapshot.process_count = 8;
	options.rows = 2;
	check("workers.txt", &f.snapshot, &options);
	options.width = 110;
	options.verb = REPORT_SITES;
	check("workers-wide.txt", &f.snapshot, &options);
	/* Of those that held least only the sum was kept. */
	f.snapshot.past.processes = 1234;
	f.snapshot.past.counts.live_bytes = 5 * MB;
	/* When all of a service has ended, it is told of as it was. */
	for (size_t i = 0; i < 5; i++)
		many[i].exited = true;
	options.width = 80;
	check("workers-ended.txt", &f.snapshot, &options);
}

static void test_sort(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;
	char *text;

	(void)state;
	fixture_make(&f);
	options.sort = "allocated";
	options.rows = 2;
	text = render(&f.snapshot, &options);
	/* The site of which nothing is live leads now; threads sort by it too. */
	/* Its column is shown though the screen is too narrow for all. */
	assert_non_null(strstr(text, "ALLOCATED  VERDICT\n 1 (stack not known) "));
	assert_non_null(strstr(text, "   900 MB  unknown\n"));
	free(text);
	options.sort = "tid";
	text = render(&f.snapshot, &options);
	assert_true(strstr(text, "shopd ") < strstr(text, "worker-0 "));
	free(text);
	options.sort = "colour";
	assert_int_equal(report_find("text")->render(stdout, &f.snapshot, &options), -EINVAL);
	assert_int_equal(report_find("json")->render(stdout, &f.snapshot, &options), -EINVAL);
}

static void test_colour(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;
	char *plain, *colour;
	size_t used = 0;

	(void)state;
	fixture_make(&f);
	plain = render(&f.snapshot, &options);
	assert_null(strchr(plain, '\033'));
	options.colour = true;
	colour = render(&f.snapshot, &options);
	assert_non_null(strstr(colour, "\033[1;31mgrowing\033[0m"));
	/* Without its escapes it is the plain report. */
	for (const char *c = colour; *c; c++) {
		if (*c == '\033')
			c = strchr(c, 'm');
		else
			colour[used++] = *c;
	}
	colour[used] = '\0';
	assert_string_equal(colour, plain);
	free(plain);
	free(colour);
}

/* What the target chose its names to be must neither act nor break the layout. */
static void test_hostile_names(void **state)
{
	static char path[6000];
	struct fixture f;
	char *text;

	(void)state;
	fixture_make(&f);
	memset(path, 'm', sizeof(path) - 1);
	path[0] = '/';
	memcpy(path + 10, "\033[2J\x9b\xff", 6);
	f.modules[0].path = path;
	f.modules[0].open_path = "/no/such/file";
	f.modules[1].path = "\033]0;title\a\n\r";
	memset(f.threads[0].comm, 0xff, sizeof(f.threads[0].comm));
	memcpy(f.threads[1].comm, "\033[31m\n\t\"\\", 10);
	f.processes[0].comm = "\033[2J\n\n\xe2\x80\xae evil name that is far longer than a comm "
			      "can ever be, since a recording is a file that anybody may have written";
	for (unsigned int verb = 0; verb < 2; verb++) {
		struct report_options options = fixture_options;

		options.verb = verb;
		options.verbose = true;
		text = render(&f.snapshot, &options);
		fixture_fits(text, 80);
		free(text);
		options.width = 1;
		text = render(&f.snapshot, &options);
		fixture_fits(text, 60);
		free(text);
	}
}

static void test_full_disk(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < report_format_count; i++) {
		FILE *file = fopen("/dev/full", "w");

		assert_non_null(file);
		assert_int_equal(report_formats[i].render(file, &f.snapshot, &fixture_options),
				 -ENOSPC);
		fclose(file);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A million sites: only those shown may cost more than a sort. */
static void test_million_sites(void **state)
{
	size_t count = 1000000;
	struct snapshot_site *sites = calloc(count, sizeof(*sites));
	struct fixture f;
	double start;
	char *text;

	(void)state;
	assert_non_null(sites);
	fixture_make(&f);
	for (size_t i = 0; i < count; i++) {
		sites[i] = f.sites[1];
		sites[i].id = (uint32_t)i + 100;
		sites[i].counts.live_bytes = 1000 + i * 7919 % count;
	}
	f.processes[0].sites = sites;
	f.processes[0].site_count = count;
	start = seconds();
	text = render(&f.snapshot, &fixture_options);
	print_message("a million sites: %.2f s\n", seconds() - start);
	assert_true(seconds() - start < 20);
	assert_non_null(strstr(text, "\n… and 999 990 more sites, 467 GB\n"));
	free(text);
	free(sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_wide_and_verbose),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_nothing_held),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_words),
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_hostile_timeline),
		cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_process_order),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_million_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
