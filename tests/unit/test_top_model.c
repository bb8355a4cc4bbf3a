/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keys do to the model: places, cursor, order, filter. */
#include "top_fixture.h"

#include "ledger/ledger.h"

#define KEY(shop, key) model_key(&(shop)->model, key)

static const struct snapshot_site *site_at(struct shop *shop, size_t row)
{
	return &shop->model.snapshot->processes[0].sites[shop->model.entries[row].index];
}

static void draw(struct shop *shop)
{
	free(shop_frame(shop, 80, 24, false));
}

static void test_begins_with_sites(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	/* One of the seventeen never made a block. */
	assert_int_equal(shop.model.entry_count, SITES - 1);
	assert_int_equal(site_at(&shop, 0)->id, 1);
	shop_close(&shop);
}

static void test_begins_with_processes(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	shop.now.processes[1] = shop.now.processes[0];
	shop.now.processes[1].pid = 99;
	shop.now.processes[1].counts.live_bytes *= 2;
	shop.now.snapshot.process_count = 2;
	shop.model.snapshot = NULL;
	rates_clear(&shop.model.rates);
	model_take(&shop.model, &shop.now.snapshot);
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_PROCESSES);
	assert_int_equal(shop.model.entry_count, 2);
	KEY(&shop, '\r');
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_THREADS);
	assert_int_equal(model_process(&shop.model)->pid, 99);
	KEY(&shop, TOP_KEY_ESCAPE);
	KEY(&shop, 'j');
	KEY(&shop, 's');
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	assert_int_equal(model_process(&shop.model)->pid, 4242);
	shop_close(&shop);
}

static void test_drill_down_and_back(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	KEY(&shop, 't');
	KEY(&shop, TOP_KEY_END);
	draw(&shop);
	KEY(&shop, '\r');
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	assert_int_equal(model_thread(&shop.model), WORKERS);
	/* Without the pages of the workers. */
	assert_int_equal(site_at(&shop, 0)->id, 2);
	KEY(&shop, '\r');
	draw(&shop);
	assert_int_equal(model_site(&shop.model)->id, 2);
	KEY(&shop, TOP_KEY_ESCAPE);
	assert_int_equal(model_thread(&shop.model), WORKERS);
	KEY(&shop, TOP_KEY_ESCAPE);
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_THREADS);
	assert_int_equal(model_cursor(&shop.model), 10);
	KEY(&shop, TOP_KEY_ESCAPE);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	KEY(&shop, TOP_KEY_ESCAPE);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	shop_close(&shop);
}

/* Back from a hundred places is still somewhere. */
static void test_path_is_bounded(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	for (int i = 0; i < 100; i++) {
		KEY(&shop, 't');
		KEY(&shop, 's');
	}
	for (int i = 0; i < 100; i++)
		KEY(&shop, TOP_KEY_ESCAPE);
	assert_int_equal(shop.model.depth, 0);
	draw(&shop);
	shop_close(&shop);
}

static void test_cursor_stays_on_its_row(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	KEY(&shop, TOP_KEY_DOWN);
	assert_int_equal(site_at(&shop, model_cursor(&shop.model))->id, 2);
	/* What was second becomes first. */
	shop.now.sites[1].counts.live_bytes = 1ull << 40;
	shop.model.stale = true;
	draw(&shop);
	assert_int_equal(model_cursor(&shop.model), 0);
	assert_int_equal(site_at(&shop, 0)->id, 2);
	/* On the first row it stays on the first row. */
	KEY(&shop, TOP_KEY_HOME);
	shop.now.sites[1].counts.live_bytes = 1;
	shop.model.stale = true;
	draw(&shop);
	assert_int_equal(model_cursor(&shop.model), 0);
	assert_int_equal(site_at(&shop, 0)->id, 1);
	shop_close(&shop);
}

static void test_moves_and_scrolls(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	free(shop_frame(&shop, 80, 12, false));
	assert_int_equal(shop.model.page, 6);
	KEY(&shop, TOP_KEY_PAGE_DOWN);
	assert_int_equal(model_cursor(&shop.model), 5);
	KEY(&shop, TOP_KEY_PAGE_DOWN);
	KEY(&shop, TOP_KEY_PAGE_DOWN);
	KEY(&shop, TOP_KEY_PAGE_DOWN);
	KEY(&shop, TOP_KEY_DOWN);
	assert_int_equal(model_cursor(&shop.model), 15);
	free(shop_frame(&shop, 80, 12, false));
	assert_int_equal(shop.model.place.scroll, 10);
	KEY(&shop, TOP_KEY_PAGE_UP);
	KEY(&shop, 'k');
	assert_int_equal(model_cursor(&shop.model), 9);
	KEY(&shop, 'G');
	KEY(&shop, 'g');
	assert_int_equal(model_cursor(&shop.model), 0);
	/* A text scrolls by lines, and not beyond its last page. */
	KEY(&shop, '\r');
	free(shop_frame(&shop, 80, 12, false));
	KEY(&shop, 'j');
	assert_int_equal(shop.model.place.scroll, 1);
	KEY(&shop, 'G');
	free(shop_frame(&shop, 80, 12, false));
	assert_int_equal(shop.model.place.scroll, shop.model.lines - shop.model.page);
	shop_close(&shop);
}

static void test_sorts_by_every_column(void **state)
{
	const struct column *columns[FIELDS_MOST];
	size_t count = fields_of(FIELDS_SITES, columns);
	struct shop shop;

	(void)state;
	shop_open(&shop);
	for (size_t i = 0; i < 2 * count; i++) {
		uint64_t before = UINT64_MAX;

		draw(&shop);
		assert_ptr_equal(shop.model.sort[VIEW_SITES].column, columns[i % count]);
		for (size_t row = 0; row < shop.model.entry_count; row++) {
			struct list_row each;
			uint64_t value;

			list_select(&shop.model, &shop.model.entries[row], &each);
			value = columns[i % count]->get(&each.row);
			if (value != COLUMN_NONE)
				assert_true(value <= before);
			before = value == COLUMN_NONE ? 0 : value;
		}
		KEY(&shop, TOP_KEY_RIGHT);
	}
	KEY(&shop, TOP_KEY_LEFT);
	assert_ptr_equal(shop.model.sort[VIEW_SITES].column, columns[count - 1]);
	shop_close(&shop);
}

static void test_reverses(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	KEY(&shop, 'r');
	draw(&shop);
	assert_int_equal(site_at(&shop, shop.model.entry_count - 1)->id, 1);
	KEY(&shop, 'r');
	draw(&shop);
	assert_int_equal(site_at(&shop, 0)->id, 1);
	shop_close(&shop);
}

static void test_frozen_order(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	draw(&shop);
	KEY(&shop, 'f');
	shop.now.sites[2].counts.live_bytes = 1ull << 40;
	shop.model.stale = true;
	draw(&shop);
	assert_int_equal(site_at(&shop, 0)->id, 1);
	assert_int_equal(site_at(&shop, 2)->id, 3);
	KEY(&shop, 'f');
	draw(&shop);
	assert_int_equal(site_at(&shop, 0)->id, 3);
	shop_close(&shop);
}

/* The next picture has two processes, and knows when the first one began. */
static void show_two(struct shop *shop)
{
	struct fixture *now = &shop->now;

	now->processes[0].start_ns = 77;
	now->processes[1] = now->processes[0];
	now->processes[1].pid = 4243;
	now->snapshot.process_count = 2;
	model_take(&shop->model, &now->snapshot);
}

static void open_one(struct shop *shop)
{
	shop_open(shop);
	shop->model.snapshot = NULL;
	rates_clear(&shop->model.rates);
	shop->model.place = (struct top_place){ .view = VIEW_SITES };
	model_take(&shop->model, shop_shell(&shop->before.snapshot));
}

/* Who has looked at one process goes on looking at it; who has not gets the choice. */
static void test_one_becomes_two(void **state)
{
	struct shop shop;

	(void)state;
	open_one(&shop);
	show_two(&shop);
	assert_int_equal(shop.model.place.view, VIEW_PROCESSES);
	shop_close(&shop);
	open_one(&shop);
	shop_keys(&shop, "t\r");
	show_two(&shop);
	assert_int_equal(shop.model.place.view, VIEW_SITES);
	assert_ptr_equal(model_process(&shop.model), &shop.now.processes[0]);
	shop_keys(&shop, "\x1b");
	assert_int_equal(shop.model.place.view, VIEW_THREADS);
	assert_ptr_equal(model_process(&shop.model), &shop.now.processes[0]);
	shop_close(&shop);
}

static void test_filter(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	shop_keys(&shop, "/session_adds");
	draw(&shop);
	assert_int_equal(shop.model.entry_count, 0);
	KEY(&shop, TOP_KEY_BACKSPACE);
	draw(&shop);
	assert_int_equal(shop.model.entry_count, 1);
	/* Keys are text while it is typed; then they are keys again. */
	KEY(&shop, '\r');
	KEY(&shop, 't');
	assert_int_equal(shop.model.place.view, VIEW_THREADS);
	draw(&shop);
	assert_int_equal(shop.model.entry_count, 0);
	KEY(&shop, TOP_KEY_ESCAPE);
	draw(&shop);
	assert_int_equal(shop.model.place.view, VIEW_THREADS);
	assert_int_equal(shop.model.entry_count, 11);
	shop_keys(&shop, "/worker-3\r");
	draw(&shop);
	assert_int_equal(shop.model.entry_count, 1);
	/* A name beyond ASCII, taken back by the character; and no end of one. */
	shop_keys(&shop, "/");
	KEY(&shop, 0x65e5);
	KEY(&shop, 0x1f600);
	KEY(&shop, TOP_KEY_BACKSPACE);
	assert_string_equal(shop.model.filter, "worker-3日");
	for (int i = 0; i < 200; i++)
		KEY(&shop, 'x');
	assert_true(strlen(shop.model.filter) < TOP_FILTER);
	KEY(&shop, TOP_KEY_ESCAPE);
	assert_string_equal(shop.model.filter, "");
	shop_close(&shop);
}

static void test_process_goes_and_another_comes(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	KEY(&shop, '\r');
	shop.now.processes[0].start_ns = 12345;
	shop.now.snapshot.now_ns += SECOND;
	shop.model.snapshot = shop_shell(&shop.before.snapshot);
	rates_clear(&shop.model.rates);
	model_take(&shop.model, &shop.now.snapshot);
	draw(&shop);
	assert_non_null(model_process(&shop.model));
	KEY(&shop, TOP_KEY_ESCAPE);
	draw(&shop);
	assert_int_equal(shop.model.entry_count, SITES - 1);
	/* None is left: nothing to show, nothing to open. */
	shop.now.snapshot.process_count = 0;
	shop.model.stale = true;
	draw(&shop);
	KEY(&shop, '\r');
	KEY(&shop, TOP_KEY_DOWN);
	draw(&shop);
	assert_int_equal(shop.model.entry_count, 0);
	shop_close(&shop);
}

/* A recording held still gives the same moment again and again: rates stay. */
static void test_rates_of_a_moment(void **state)
{
	static const struct {
		uint64_t now_ns;
		size_t kept;
	} pictures[] = { { 1, 0 }, { 2, 1 }, { 2, 1 }, { 3, 2 }, { 3, 2 }, { 1, 0 }, { 1, 0 } };
	struct ledger *ledger = ledger_new();
	struct top_model model = { 0 };

	(void)state;
	assert_non_null(ledger);
	assert_int_equal(model_begin(&model), 0);
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		struct snapshot *snapshot;

		assert_int_equal(ledger_snapshot(ledger, pictures[i].now_ns * SECOND, &snapshot), 0);
		model_take(&model, snapshot);
		assert_int_equal(model.rates.count, pictures[i].kept);
	}
	model_end(&model);
	ledger_free(ledger);
}

/* The picture after a mark: of site 2 alone something is newer. */
static void test_newer_than_the_mark(void **state)
{
	struct snapshot_process whole;
	struct snapshot_site narrow;
	struct shop shop;
	char *text;

	(void)state;
	shop_open(&shop);
	KEY(&shop, 'n');
	assert_false(shop.model.newer);
	assert_non_null(strstr(shop.model.message, "m sets one"));
	whole = shop.now.processes[0];
	narrow = shop.now.sites[1];
	narrow.whole = &shop.now.sites[1];
	narrow.counts.live_bytes = 5000;
	shop.now.processes[0].whole = &whole;
	shop.now.processes[0].sites = &narrow;
	shop.now.processes[0].site_count = 1;
	shop.now.processes[0].counts.live_bytes = 5000;
	shop.model.marked = true;
	shop.now.snapshot.window.set = true;
	shop.now.snapshot.window.made_known = true;
	shop.now.snapshot.window.from_ns = 21 * SECOND;
	shop.model.stale = true;
	text = shop_frame(&shop, 80, 24, false);
	assert_int_equal(shop.model.entry_count, SITES - 1);
	assert_non_null(strstr(text, "mark at 20.0 s"));
	free(text);
	KEY(&shop, 'n');
	text = shop_frame(&shop, 132, 24, false);
	assert_int_equal(shop.model.entry_count, 1);
	assert_non_null(strstr(text, "only newer than the mark at 20.0 s"));
	assert_non_null(strstr(text, "session_add (shop.c:92)         4.88 KB"));
	/* The header is about all of it, and so are rates. */
	assert_non_null(strstr(text, "live 214 MB"));
	assert_non_null(strstr(text, "+512 KB/s"));
	free(text);
	KEY(&shop, '\r');
	assert_ptr_equal(model_site(&shop.model), &narrow);
	draw(&shop);
	KEY(&shop, 'n');
	assert_ptr_equal(model_site(&shop.model), &shop.now.sites[1]);
	KEY(&shop, TOP_KEY_ESCAPE);
	KEY(&shop, TOP_KEY_HOME);
	KEY(&shop, '\r');
	KEY(&shop, 'n');
	text = shop_frame(&shop, 80, 24, false);
	assert_non_null(strstr(text, "Nothing of this site is newer than the mark"));
	free(text);
	shop_close(&shop);
}

static void test_every_key_is_in_the_table_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_row_count; i++) {
		assert_true(key_rows[i].name[0] && key_rows[i].help[0]);
		assert_int_equal(keys_action(key_rows[i].keys[0], key_rows[i].recording),
				 key_rows[i].action);
		for (size_t k = 0; k < 3 && key_rows[i].keys[k]; k++)
			assert_int_equal(keys_action(key_rows[i].keys[k], key_rows[i].recording),
					 key_rows[i].action);
	}
	/* Speed and seeking are of recordings alone. */
	assert_int_equal(keys_action('+', false), ACTION_NONE);
	assert_int_equal(keys_action('+', true), ACTION_FASTER);
	assert_int_equal(keys_action(0, true), ACTION_NONE);
}

static void test_actions_for_the_driver(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	assert_int_equal(KEY(&shop, 'q'), ACTION_QUIT);
	assert_int_equal(KEY(&shop, ' '), ACTION_PAUSE);
	assert_true(shop.model.paused);
	KEY(&shop, ' ');
	assert_false(shop.model.paused);
	shop_close(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_with_sites),
		cmocka_unit_test(test_begins_with_processes),
		cmocka_unit_test(test_drill_down_and_back),
		cmocka_unit_test(test_path_is_bounded),
		cmocka_unit_test(test_cursor_stays_on_its_row),
		cmocka_unit_test(test_moves_and_scrolls),
		cmocka_unit_test(test_sorts_by_every_column),
		cmocka_unit_test(test_reverses),
		cmocka_unit_test(test_frozen_order),
		cmocka_unit_test(test_one_becomes_two),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_process_goes_and_another_comes),
		cmocka_unit_test(test_rates_of_a_moment),
		cmocka_unit_test(test_newer_than_the_mark),
		cmocka_unit_test(test_every_key_is_in_the_table_once),
		cmocka_unit_test(test_actions_for_the_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
