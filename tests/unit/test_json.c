/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_fixture.h"

#include <errno.h>
#include <math.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/json_writer.h"

/* The document that `write` makes; free() it. */
static char *document(void (*write)(struct json *))
{
	struct json json = { .inline_depth = 2 };
	char *text = NULL;
	size_t length;

	json.output.file = open_memstream(&text, &length);
	assert_non_null(json.output.file);
	write(&json);
	assert_int_equal(output_finish(&json.output), 0);
	fclose(json.output.file);
	return text;
}

static void write_everything(struct json *json)
{
	json_object(json, NULL);
	json_string(json, "text", "a\"b\\c\n\t\r\x01\x7f/é");
	json_string(json, "none", NULL);
	json_number(json, "largest", UINT64_MAX);
	json_double(json, "half", 0.5);
	json_double(json, "not finite", INFINITY);
	json_bool(json, "yes", true);
	json_null(json, "nothing");
	json_address(json, "where", 0x7f001234ull);
	json_array(json, "empty");
	json_end_array(json);
	json_array(json, "list");
	json_number(json, NULL, 1);
	json_object(json, NULL);
	json_number(json, "a", 1);
	json_number(json, "b", 2);
	json_end_object(json);
	json_end_array(json);
	json_end_object(json);
}

static void test_syntax(void **state)
{
	char *text = document(write_everything);

	(void)state;
	assert_string_equal(text, "{\n"
				  " \"text\": \"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u007f/é\",\n"
				  " \"none\": null,\n"
				  " \"largest\": 18446744073709551615,\n"
				  " \"half\": 0.5,\n"
				  " \"not finite\": null,\n"
				  " \"yes\": true,\n"
				  " \"nothing\": null,\n"
				  " \"where\": \"0x7f001234\",\n"
				  " \"empty\": [],\n"
				  " \"list\": [\n"
				  "  1,\n"
				  "  {\"a\": 1, \"b\": 2}\n"
				  " ]\n"
				  "}\n");
	free(text);
}

static void write_broken_text(struct json *json)
{
	json_array(json, NULL);
	json_string(json, NULL, "\xff");		 /* no lead byte */
	json_string(json, NULL, "\xc0\xaf");		 /* overlong '/' */
	json_string(json, NULL, "a\xe2\x82");		 /* ends early */
	json_string(json, NULL, "\xed\xa0\x80");	 /* a surrogate */
	json_string(json, NULL, "\xf4\x90\x80\x80");	 /* beyond U+10FFFF */
	json_string(json, NULL, "\xc2\x9b" "31m");	 /* C1: CSI */
	json_string(json, NULL, "\xf0\x9f\x90\x8c\xe2\x82\xac"); /* well-formed */
	json_end_array(json);
}

static void test_broken_text(void **state)
{
	char *text = document(write_broken_text);

	(void)state;
	assert_string_equal(text, "[\n"
				  " \"\\ufffd\",\n"
				  " \"\\ufffd\\ufffd\",\n"
				  " \"a\\ufffd\\ufffd\",\n"
				  " \"\\ufffd\\ufffd\\ufffd\",\n"
				  " \"\\ufffd\\ufffd\\ufffd\\ufffd\",\n"
				  " \"\\ufffd\\ufffd31m\",\n"
				  " \"🐌€\"\n"
				  "]\n");
	free(text);
}

static char pair[3];

static void write_pair(struct json *json)
{
	json_string(json, NULL, pair);
}

/* Any two bytes come out as clean UTF-8 with balanced quotes. */
static void test_all_pairs(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < 0x10000; i++) {
		char *text, clean[64];
		size_t length;

		pair[0] = (char)(i >> 8 ? i >> 8 : 'x');
		pair[1] = (char)(i & 0xff);
		text = document(write_pair);
		length = strlen(text);
		assert_true(length >= 2 && text[0] == '"' && text[length - 1] == '"');
		assert_int_equal(text_clean(clean, sizeof(clean), text, length), length);
		assert_string_equal(clean, text);
		free(text);
	}
}

/* Fixed addresses, so that the whole report can be compared. */
static void make_fixed(struct fixture *f)
{
	fixture_make(f);
	f->modules[0].start = f->modules[0].bias = 0x400000;
	f->modules[0].end = 0x800000;
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 40; j++) {
			if (f->frames[i][j] >= FIXTURE_BASE && f->frames[i][j] < LIBC_BASE)
				f->frames[i][j] = 0x401000 + i * 0x100 + j;
		}
	}
	f->snapshot.quality.lost[WIRE_LOSS_FREE_RING] = 3;
	f->snapshot.quality.stacks_by_status[WIRE_STACK_COMPLETE] = 14;
	f->snapshot.quality.stacks_by_status[WIRE_STACK_TRUNCATED] = 1;
	f->snapshot.quality.stacks_by_status[WIRE_STACK_NO_ROW] = 2;
	f->sites[1].calls[SNAPSHOT_FUNCTIONS - 1] = 4;
	f->sites[1].calls[0] = 1;
}

static void test_whole_report(void **state)
{
	struct report_options options = fixture_options;
	struct fixture f;
	char *text;

	(void)state;
	make_fixed(&f);
	f.processes[1] = f.processes[0];
	f.processes[1].exited = true;
	f.processes[1].start_ns = 5 * SECOND;
	f.processes[1].exit_ns = 40 * SECOND;
	f.processes[1].home = fixture_home;
	f.processes[1].forked_bytes = 3 * MB;
	f.processes[1].forked_from = 4000;
	f.processes[1].forked_blocks = 17;
	f.processes[1].rss_bytes = f.processes[1].peak_rss_bytes = 0;
	f.processes[1].site_count = f.processes[1].thread_count = 0;
	f.snapshot.process_count = 2;
	options.verb = REPORT_SITES;
	options.rows = 4;
	text = fixture_render("json", &f.snapshot, &options);
	fixture_golden("report.json", text);
	free(text);
}

static size_t occurrences(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		count++;
	return count;
}

/* Unless -n says otherwise, a program gets every thread and every site. */
static void test_all_rows(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	make_fixed(&f);
	text = fixture_render("json", &f.snapshot, &fixture_options);
	assert_int_equal(occurrences(text, "\"pattern\": "), SITES);
	assert_int_equal(occurrences(text, "\"freed_by_others_blocks\": "), WORKERS + 2);
	assert_int_equal(occurrences(text, "\"more_sites\": {\n    \"count\": 0,"), 1);
	free(text);
}

/* Of processes that are alike: what they hold together, and each its part. */
static void test_groups(void **state)
{
	static const char *const parts[] = {
		"\"running\": 2,", "\"pids\": [\n    4242,\n    4243\n   ],",
		"\"live_bytes\": 440402010,\n     \"live_blocks\": 20,", /* of render_page() */
		"\"holding_processes\": 2,",
		"{\"pid\": 4243, \"site\": 1, \"live_bytes\": 220201005, \"live_blocks\": 10}",
	};
	struct fixture f;
	char *text;

	(void)state;
	make_fixed(&f);
	f.processes[1] = f.processes[0];
	f.processes[1].pid = 4243;
	f.snapshot.process_count = 2;
	text = fixture_render("json", &f.snapshot, &fixture_options);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (!strstr(text, parts[i]))
			fail_msg("no %s in %s", parts[i], strstr(text, "\"groups\""));
	}
	free(text);
}

static void test_formats(void **state)
{
	(void)state;
	assert_null(report_find("svg"));
	assert_string_equal(report_find("json")->extension, "json");
	assert_string_equal(report_verb_name(REPORT_THREADS), "threads");
	assert_string_equal(report_verb_name(REPORT_SITES), "report");
}

/* Of a window by age, what was made and freed is not known. */
static void test_window(void **state)
{
	static const char *const parts[] = {
		"\"window\": {\n   \"from_ns\": 9000000000,\n   \"from\": null,\n   \"to_ns\": null,"
		"\n   \"to\": null,\n   \"at_ns\": 41000000000,\n   \"at\": \"stop\"\n  }",
		"\"marks\": [\n   {\n    \"name\": \"stop\",\n    \"time_ns\": 41000000000\n   }\n  ]",
		"\"more_marks\": 5",
		"\"recorded_live_blocks\": 0,\n   \"allocated_bytes\": null,",
		"\"freed_by_others_blocks\": null",
	};
	const struct snapshot_mark mark = { 42 * SECOND, "stop" };
	struct snapshot_process whole;
	struct fixture f;
	char *text;

	(void)state;
	fixture_make(&f);
	whole = f.processes[0];
	f.processes[0].whole = &whole;
	f.snapshot.marks = &mark;
	f.snapshot.mark_count = 1;
	f.snapshot.marks_left_out = 5;
	f.snapshot.window = (struct snapshot_window){
		.set = true, .from_ns = 10 * SECOND, .to_ns = UINT64_MAX,
		.newer_ns = 32 * SECOND, .at_set = true, .at = "stop",
	};
	text = fixture_render("json", &f.snapshot, &fixture_options);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (!strstr(text, parts[i]))
			fail_msg("no %s in %.1500s", parts[i], text);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),	    cmocka_unit_test(test_broken_text),
		cmocka_unit_test(test_all_pairs),   cmocka_unit_test(test_whole_report),
		cmocka_unit_test(test_all_rows),    cmocka_unit_test(test_formats),
		cmocka_unit_test(test_window), cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
