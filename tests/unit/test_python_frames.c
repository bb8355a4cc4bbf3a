/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Python frames among native ones. Addresses are return addresses: 'e' lies in the eval
 * function, 'i' elsewhere in the interpreter, 'n' in a file of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "analysis/python_frames.h"

#define EVAL 0x1000ull
#define OWN 0x500ull
#define FOREIGN 0x9000ull

static const struct snapshot_process process = {
	.python = { .version = 0x30b, .eval = { { 0x1000, 0x2000 } }, .own = { { 0x400, 0x3000 } } },
};

/*
 * Lay out one stack. `native` has a letter per native frame; `python` one per Python
 * frame: lower case, upper case for an entry, '?' / '!' for one that could not be read
 * ('!' is an entry), '.' for one of the interpreter's own. Writes what is shown: the
 * letters of Python frames, and of native frames that are not hidden.
 */
static const char *shown(const char *native, const char *python, bool all)
{
	static char names[64][2], text[256];
	struct snapshot_python_frame frames[64];
	struct python_place places[WIRE_MAX_FRAMES];
	uint64_t addresses[64];
	struct snapshot_site site = { .frame_count = strlen(native), .frames = addresses,
				      .python_count = strlen(python), .python = frames };
	size_t length = 0;

	for (size_t i = 0; i < site.frame_count; i++)
		addresses[i] = (native[i] == 'e' ? EVAL : native[i] == 'i' ? OWN : FOREIGN) + 1 + i;
	for (size_t i = 0; i < site.python_count; i++) {
		names[i][0] = python[i];
		frames[i] = (struct snapshot_python_frame){
			.function = strchr("?!", python[i]) ? NULL : names[i],
			.internal = python[i] == '.',
			.entry = (python[i] >= 'A' && python[i] <= 'Z') || python[i] == '!',
		};
	}
	python_frames_place(&process, &site, all, places);
	for (size_t i = 0; i < site.frame_count; i++) {
		for (size_t k = 0; k < places[i].count; k++) {
			struct frame frame;

			assert_true(places[i].first + k < site.python_count);
			if (python_frame_get(&frames[places[i].first + k], addresses[i], &frame)) {
				assert_string_equal(frame.language, "python");
				assert_int_equal(frame.address, addresses[i]);
				text[length++] = frame.symbol[0];
			}
		}
		if (!places[i].hidden)
			text[length++] = native[i];
	}
	text[length] = '\0';
	return text;
}

static void in_place_of_eval_frames(void **state)
{
	(void)state;
	assert_string_equal(shown("nieinn", "abC", false), "nabCnn");
	assert_string_equal(shown("nieineiinn", "abCdE", false), "nabCndEnn");
	assert_string_equal(shown("eee", "ABC", false), "ABC");
	assert_string_equal(shown("nieineiinn", "abCdE", true), "niabCeindEeiinn");
	/* The helper frame of the interpreter's own is not shown, but counts. */
	assert_string_equal(shown("nien", "a.C", false), "naCn");
	assert_string_equal(shown("nien", "a.C", true), "niaCen");
}

static void without_python(void **state)
{
	(void)state;
	assert_string_equal(shown("nieinn", "", false), "nieinn");
	assert_string_equal(shown("", "", false), "");
	assert_string_equal(shown("", "abC", false), "");
	/* Not one could be read: the native stack is all there is. */
	assert_string_equal(shown("nieinn", "?" "?!", false), "nieinn");
}

static void what_could_not_be_read_stays_native(void **state)
{
	(void)state;
	assert_string_equal(shown("nienen", "a!C", false), "naenCn");
	assert_string_equal(shown("nienen", "aB!", false), "naBnen");
}

static void cut_stacks(void **state)
{
	(void)state;
	/* The native part was cut: more Python frames stand at the last eval frame. */
	assert_string_equal(shown("niei", "aBcDeF", false), "naBcDeF");
	assert_string_equal(shown("ni", "aBC", false), "naBC");
	/* More eval frames than Python frames: those stay. */
	assert_string_equal(shown("eniene", "aB", false), "aBnene");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_place_of_eval_frames),
		cmocka_unit_test(without_python),
		cmocka_unit_test(what_could_not_be_read_stays_native),
		cmocka_unit_test(cut_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
