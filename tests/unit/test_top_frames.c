/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole frames of the screen, compared with tests/report/top-*.txt; UPDATE=1 rewrites them. */
#include "top_fixture.h"

#include <time.h>

#include "bench/many_sites.h"

/* A frame of 10 000 sites is to take 20 ms (make bench prints what it takes); other work
 * on the machine, and sanitizers, may cost more. */
#ifdef __SANITIZE_ADDRESS__
#define FRAME_LIMIT_MS 1000
#else
#define FRAME_LIMIT_MS 100
#endif

static void check(struct shop *shop, const char *name, size_t width, size_t height, bool ascii)
{
	char *text = shop_frame(shop, width, height, ascii);

	fixture_golden(name, text);
	free(text);
}

static void frame(const char *keys, const char *name, size_t width, size_t height, bool ascii)
{
	struct shop shop;

	shop_open(&shop);
	shop_keys(&shop, keys);
	check(&shop, name, width, height, ascii);
	shop_close(&shop);
}

static void test_lists(void **state)
{
	(void)state;
	frame("", "top-sites.txt", 80, 24, false);
	frame("t", "top-threads.txt", 80, 24, false);
	frame("p", "top-processes.txt", 80, 24, false);
	frame("tjj\r", "top-sites-of-thread.txt", 80, 24, false);
}

#define HOSTED 40

/* A host: workers of one service in a container, some of them ended, and a few others. */
static void make_host(struct snapshot_process *processes, struct fixture *f, uint64_t ago)
{
	for (uint32_t i = 0; i < HOSTED; i++) {
		processes[i] = f->processes[0];
		processes[i].pid = 1000 + i;
		processes[i].start_ns = i + 1;
		processes[i].running_threads = 12;
		processes[i].counts.live_bytes = (10 + i * 7 % HOSTED) * MB - i * ago;
		processes[i].rss_bytes = processes[i].counts.live_bytes * 3 / 2;
		processes[i].home = fixture_home;
		processes[i].home.inner_pid = i + 1;
		if (i % 10 == 3) {
			processes[i].comm = "redis-server";
			processes[i].home = (struct snapshot_home){
				.known = true, .uid = 107, .user = "redis", .container = "",
				.cgroup = "/system.slice/redis-server.service",
			};
		}
		processes[i].exited = i % 8 == 5;
		processes[i].exit_ns = processes[i].exited ? 40 * SECOND : 0;
		if (processes[i].exited)
			processes[i].running_threads = processes[i].rss_bytes = 0;
	}
	f->snapshot.processes = processes;
	f->snapshot.process_count = HOSTED;
}

static void host_frame(const char *keys, const char *name, size_t width, size_t height)
{
	static struct snapshot_process now[HOSTED], before[HOSTED];
	struct shop shop;

	shop_open(&shop);
	make_host(now, &shop.now, 0);
	make_host(before, &shop.before, MB / 100);
	shop.now.snapshot.past = (struct snapshot_past){ .processes = 1234 };
	shop.model.snapshot = NULL;
	rates_clear(&shop.model.rates);
	model_take(&shop.model, shop_shell(&shop.before.snapshot));
	model_take(&shop.model, &shop.now.snapshot);
	shop_keys(&shop, keys);
	check(&shop, name, width, height, false);
	shop_close(&shop);
}

static void test_many_processes(void **state)
{
	(void)state;
	host_frame("p", "top-many.txt", 80, 24);
	host_frame("pG", "top-many-wide.txt", 132, 24); /* those that ended come last */
	host_frame("px>", "top-many-running.txt", 132, 48);
	host_frame("p/redis\r", "top-many-filter.txt", 132, 14);
	/* There and back again: the filter of the list is the list's. */
	host_frame("p/redis\r\r/worker\r\x1b\x1b", "top-many-filter.txt", 132, 14);
	host_frame("p/3F1C0A\rxj\r", "top-many-process.txt", 110, 14);
}

static void test_site(void **state)
{
	(void)state;
	frame("\r", "top-site.txt", 80, 32, false);
	frame("j\r", "top-site-deep.txt", 80, 24, false);
	frame("jjjjj\r", "top-site-unknown.txt", 80, 24, false);
}

static void test_help(void **state)
{
	(void)state;
	frame("h", "top-help.txt", 80, 76, false);
}

static void test_sizes(void **state)
{
	(void)state;
	frame("", "top-narrow.txt", 40, 12, false);
	frame("\r", "top-narrow-site.txt", 40, 12, false);
	frame("", "top-wide.txt", 132, 43, false);
	frame("", "top-ascii.txt", 80, 24, true);
}

static void test_filter(void **state)
{
	(void)state;
	frame("/WALK\r", "top-filter.txt", 80, 14, false);
	frame("/no such name", "top-filter-typed.txt", 80, 14, false);
}

static void test_losses(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	shop.now.snapshot.quality.lost[WIRE_LOSS_FREE_RING] = 1234;
	shop.now.snapshot.quality.lost[WIRE_LOSS_STACK_RING] = 5;
	shop.now.snapshot.quality.alloc_over_live = 7;
	shop.model.paused = true;
	shop_keys(&shop, "f");
	check(&shop, "top-losses.txt", 80, 24, false);
	shop_close(&shop);
}

static void test_before_the_first(void **state)
{
	struct top_model model = { 0 };
	struct canvas canvas = { 0 };
	char line[CANVAS_LINE(80)];

	(void)state;
	assert_int_equal(model_begin(&model), 0);
	assert_int_equal(canvas_resize(&canvas, 80, 24), 0);
	for (const char *key = "pts\r\x1bjk/x\rh"; *key; key++) {
		model_key(&model, (unsigned char)*key);
		draw_frame(&model, &canvas);
	}
	assert_string_equal(canvas_line(&canvas, 0, line), "outlive: waiting for the first picture");
	canvas_free(&canvas);
	model_end(&model);
}

/* Any size, any view: no crash, nothing beyond the edge (the sanitizers watch). */
static void test_every_size(void **state)
{
	static const char *const views[] = { "", "t", "p", "\r", "h", "/a", "tj\r" };

	(void)state;
	for (size_t v = 0; v < sizeof(views) / sizeof(*views); v++) {
		struct shop shop;

		shop_open(&shop);
		shop.now.snapshot.quality.lost[WIRE_LOSS_FREE_RING] = 1234;
		shop_keys(&shop, views[v]);
		for (size_t width = 1; width < 140; width += width < 20 ? 1 : 13) {
			for (size_t height = 1; height < 30; height += 1 + height / 5)
				free(shop_frame(&shop, width, height, width % 2));
		}
		shop_close(&shop);
	}
}

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_ten_thousand_sites(void **state)
{
	struct ledger *ledger = ledger_new();
	struct top_model model = { 0 };
	struct canvas canvas = { 0 };
	double begin;

	(void)state;
	assert_non_null(ledger);
	assert_int_equal(model_begin(&model), 0);
	assert_int_equal(canvas_resize(&canvas, 132, 43), 0);
	many_begin(ledger, 10000);
	for (uint64_t round = 0; round < 3; round++) {
		struct snapshot *snapshot;

		many_round(ledger, 10000, round);
		snapshot = many_snapshot(ledger, round);
		assert_non_null(snapshot);
		begin = milliseconds();
		model_take(&model, snapshot);
		draw_frame(&model, &canvas);
		assert_true(milliseconds() - begin < FRAME_LIMIT_MS);
		assert_int_equal(model.entry_count, 10000);
	}
	/* A filter looks at all names, some at a time: each drawing stays as short. */
	for (const char *key = "/0x4100"; *key; key++)
		model_key(&model, (unsigned char)*key);
	for (unsigned int drawings = 0; drawings == 0 || model.stale; drawings++) {
		begin = milliseconds();
		draw_frame(&model, &canvas);
		assert_true(milliseconds() - begin < FRAME_LIMIT_MS);
		assert_true(drawings < 100);
	}
	/* The sites 0x1000 to 0x100f. */
	assert_int_equal(model.entry_count, 16);
	canvas_free(&canvas);
	model_end(&model);
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_many_processes),  cmocka_unit_test(test_site),
		cmocka_unit_test(test_help),   cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_filter), cmocka_unit_test(test_losses),
		cmocka_unit_test(test_before_the_first), cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_ten_thousand_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
