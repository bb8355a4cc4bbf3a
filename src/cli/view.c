/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include <errno.h>
#include <string.h>

#include "capture/capture.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "symbol/recorded_names.h"

int view_status(const struct view *view, int result)
{
	if (result == 0)
		return view->incomplete ? EXIT_FAILED : EXIT_DONE;
	return view->began || result == -ENOMEM ? EXIT_FAILED : EXIT_IMPOSSIBLE;
}

void view_describe(const struct view *view, const struct options *options, enum verb_bit verb,
		   struct report_options *ret_how)
{
	*ret_how = (struct report_options){
		.verb = verb == VERB_THREADS ? REPORT_THREADS : REPORT_SITES,
		.kind = view->recording ? "recording" : "live",
		.kernel = view->kernel[0] ? view->kernel : NULL,
		.duration_ns = view->duration_ns,
		.min_size = view->min_size,
		.sample_bytes = view->sample_bytes,
		.stacks = view->stacks,
		.rows = options->rows,
		.sort = options->sort,
		.width = output_width(options),
		.colour = output_colour(options),
		.verbose = options->verbose,
		.native = options->native,
		.each = options->each,
		.timeline = options->timeline,
		.frames = frames_new(),
	};
	if (ret_how->frames) {
		frames_set_sources(ret_how->frames, !view->recording, options->debuginfod);
		frames_set_recorded(ret_how->frames, view->names);
	}
}

void view_end(struct view *view)
{
	snapshot_free(view->snapshot);
	capture_close(view->capture);
	recorded_names_free(view->names);
	memset(view, 0, sizeof(*view));
}
