/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive diff A B, outlive diff FILE --from MARK --to MARK: what changed in between. */
#include "report/diff.h"

#include <errno.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/view.h"
#include "cli/window.h"

/* Everything as of which moment: of two recordings --at, of one --from and --to. */
static struct window_wish wish_of(const struct options *options, unsigned int side)
{
	const struct window_wish *wish = &options->window;

	if (options->file_count == DIFF_SIDES)
		return (struct window_wish){ .at = wish->at };
	return (struct window_wish){ .at = side == DIFF_BEFORE ? wish->from : wish->to };
}

static const char *file_of(const struct options *options, unsigned int side)
{
	return options->files[side < options->file_count ? side : 0];
}

static int read_sides(const struct options *options, struct view *views, struct error *error)
{
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		const struct window_wish wish = wish_of(options, side);
		struct live_watch watch = { .window = &wish };
		int result = replay_run(file_of(options, side), &watch, &views[side], error);

		if (result < 0)
			return result;
	}
	return 0;
}

/* Are there such marks, the first before the second? */
static int check_moments(const struct options *options, const struct view *views,
			 struct error *error)
{
	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		int result = window_check(views[side].snapshot, error);

		if (result < 0)
			return result;
	}
	if (options->file_count == 1 &&
	    views[DIFF_BEFORE].snapshot->now_ns >= views[DIFF_AFTER].snapshot->now_ns)
		return error_set(error, -EINVAL, "turn them round",
				 "--from is to be the earlier moment, --to the later one");
	return 0;
}

/* Traced until the moment that is looked at. */
static uint64_t duration_of(const struct view *view)
{
	const struct snapshot *snapshot = view->snapshot;

	return snapshot->window.at_set ? snapshot->now_ns - snapshot->start_ns : view->duration_ns;
}

static int render(const struct options *options, const struct view *views, FILE *file,
		  struct error *error)
{
	struct diff_report report = { .diff = NULL };
	struct diff_side sides[DIFF_SIDES];
	struct diff *diff = NULL;
	int result;

	for (unsigned int side = 0; side < DIFF_SIDES; side++) {
		view_describe(&views[side], options, VERB_DIFF, &report.sides[side]);
		report.files[side] = file_of(options, side);
		sides[side] = (struct diff_side){
			.snapshot = views[side].snapshot,
			.frames = report.sides[side].frames,
			.duration_ns = duration_of(&views[side]),
		};
	}
	result = diff_make(sides, options->file_count == 1, &diff);
	if (result == 0) {
		if (options->sort)
			diff_sort(diff, diff_order_find(options->sort));
		report.diff = diff;
		result = output_begin(options, file);
	}
	if (result == 0)
		result = options->json ? diff_json(file, &report) : diff_text(file, &report);
	diff_free(diff);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		frames_free(report.sides[side].frames);
	return output_result(options, result, error);
}

int cli_diff(const struct options *options, enum verb_bit verb)
{
	struct view views[DIFF_SIDES] = { { 0 }, { 0 } };
	struct error error = { .what = "" };
	int result, status = EXIT_IMPOSSIBLE;
	FILE *file;

	(void)verb;
	if (output_open(options, &file, &error) < 0) {
		cli_complain(&error);
		return EXIT_FAILED;
	}
	result = read_sides(options, views, &error);
	if (result == 0) {
		status = EXIT_USAGE;
		result = check_moments(options, views, &error);
	}
	if (result == 0) {
		result = render(options, views, file, &error);
		status = result < 0 ? EXIT_FAILED : EXIT_DONE;
	}
	if (result < 0)
		cli_complain(&error);
	for (unsigned int side = 0; side < DIFF_SIDES; side++)
		view_end(&views[side]);
	return output_close(options, file, &error) < 0 && result == 0 ? EXIT_FAILED : status;
}
