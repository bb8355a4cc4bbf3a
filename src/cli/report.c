/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive threads, outlive report: trace, then say what is held. */
#include "report/report.h"

#include "cli/cli.h"
#include "cli/live.h"
#include "cli/marks.h"
#include "cli/output.h"
#include "cli/record.h"
#include "cli/replay.h"
#include "cli/view.h"
#include "cli/window.h"

static int render(const struct options *options, enum verb_bit verb, const struct view *view,
		  FILE *file, struct error *error)
{
	const struct report_ops *format = report_find(options->json ? "json" : "text");
	struct report_options how;
	int result;

	view_describe(view, options, verb, &how);
	result = output_begin(options, file);
	if (result == 0)
		result = format->render(file, view->snapshot, &how);
	frames_free(how.frames);
	return output_result(options, result, error);
}

/* Trace, and write the recording if one is wanted. */
static int trace_view(const struct options *options, struct view *view, struct error *error)
{
	struct live_watch watch = { 0 };
	struct error unwritten = { .what = "" };
	struct marks_setter marks;
	struct record record = { .recorder = NULL };
	int result, finished;

	if (options->record)
		record_watch(&record, options, options->record, &watch);
	watch.window = &options->window;
	marks_watch(&marks, options, &watch);
	result = live_run(options, &watch, view, error);
	finished = record_finish(&record, view, &unwritten);
	/* The report can still be shown. */
	if (finished < 0)
		cli_complain(&unwritten);
	view->incomplete = finished < 0;
	return result;
}

/* Trace or read what the options name. */
static int make_view(const struct options *options, struct view *view, struct error *error)
{
	struct live_watch watch = { .window = &options->window };

	return options->file_count ? replay_run(options->files[0], &watch, view, error)
				   : trace_view(options, view, error);
}

/*
 * Is there such a window? A file can be asked again; a trace is over, so all of it is shown
 * then. Returns 0, or -ENOENT when there is no report to be.
 */
static int check_window(struct view *view, struct error *error)
{
	int result = window_check(view->snapshot, error);

	if (result < 0 && !view->recording) {
		cli_complain(error);
		view->incomplete = true;
		result = 0;
	}
	return result;
}

int cli_report(const struct options *options, enum verb_bit verb)
{
	struct error error = { .what = "" };
	struct view view = { 0 };
	FILE *file;
	int result, status;

	if (output_open(options, &file, &error) < 0) {
		cli_complain(&error);
		return EXIT_FAILED;
	}
	result = make_view(options, &view, &error);
	status = view_status(&view, result);
	if (result == 0) {
		result = check_window(&view, &error);
		status = result < 0 ? EXIT_USAGE : view_status(&view, 0);
	}
	if (result == 0) {
		result = render(options, verb, &view, file, &error);
		status = view_status(&view, result);
	}
	if (result < 0)
		cli_complain(&error);
	view_end(&view);
	return output_close(options, file, &error) < 0 && result == 0 ? EXIT_FAILED : status;
}
