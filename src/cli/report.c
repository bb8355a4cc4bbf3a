/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive threads, outlive report: trace, then say what is held. */
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/live.h"
#include "cli/marks.h"
#include "cli/record.h"
#include "cli/replay.h"
#include "cli/window.h"

#define WIDTH_LEAST 60
#define WIDTH_MOST 110

/* As wide as the terminal, within reason; 80 columns where there is none. */
static unsigned int screen_width(const struct options *options)
{
	struct winsize size;

	if (options->output || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return 80;
	return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col > WIDTH_MOST ? WIDTH_MOST
										     : size.ws_col;
}

/* NO_COLOR: https://no-color.org */
static bool wants_colour(const struct options *options)
{
	const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	return !options->output && isatty(STDOUT_FILENO) && terminal &&
	       strcmp(terminal, "dumb") != 0 && !(no_colour && *no_colour);
}

/* Opened before tracing, so that a typing error does not cost a trace; what the file
 * held is given up only when there is something to put in its place. */
static int open_output(const struct options *options, FILE **ret_file, struct error *error)
{
	int fd;

	*ret_file = stdout;
	if (!options->output)
		return 0;
	fd = open(options->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	*ret_file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!*ret_file)
		return error_set(error, -errno, "choose a file that can be written with -o",
				 "cannot write %.200s: %s", options->output, strerror(errno));
	return 0;
}

static int render(const struct options *options, enum verb_bit verb, const struct view *view,
		  FILE *file, struct error *error)
{
	const struct report_ops *format = report_find(options->json ? "json" : "text");
	struct report_options how = {
		.verb = verb == VERB_THREADS ? REPORT_THREADS : REPORT_SITES,
		.kind = view->recording ? "recording" : "live",
		.kernel = view->kernel[0] ? view->kernel : NULL,
		.duration_ns = view->duration_ns,
		.min_size = view->min_size,
		.stacks = view->stacks,
		.rows = options->rows,
		.sort = options->sort,
		.width = screen_width(options),
		.colour = wants_colour(options),
		.verbose = options->verbose,
		.native = options->native,
		.timeline = options->timeline,
		.frames = frames_new(),
	};
	int result = 0;

	if (how.frames) {
		frames_set_sources(how.frames, !view->recording, options->debuginfod);
		frames_set_recorded(how.frames, view->names);
	}
	if (options->output && ftruncate(fileno(file), 0) < 0 && errno != EINVAL)
		result = -errno;
	if (result == 0)
		result = format->render(file, view->snapshot, &how);
	frames_free(how.frames);
	/* A reader that has seen enough (`| head`) is no failure. */
	if (result < 0 && result != -EPIPE)
		return error_set(error, result, "", "cannot write the report to %.200s: %s",
				 options->output ? options->output : "standard output",
				 strerror(-result));
	return 0;
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

	if (open_output(options, &file, &error) < 0) {
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
	if (file != stdout && fclose(file) != 0 && result == 0) {
		error_set(&error, -errno, "", "cannot write %.200s: %s", options->output, strerror(errno));
		cli_complain(&error);
		return EXIT_FAILED;
	}
	return status;
}
