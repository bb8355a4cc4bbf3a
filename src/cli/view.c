/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include <errno.h>
#include <string.h>

#include "capture/capture.h"
#include "cli/cli.h"
#include "symbol/recorded_names.h"

int view_status(const struct view *view, int result)
{
	if (result == 0)
		return view->incomplete ? EXIT_FAILED : EXIT_DONE;
	return view->began || result == -ENOMEM ? EXIT_FAILED : EXIT_IMPOSSIBLE;
}

void view_end(struct view *view)
{
	snapshot_free(view->snapshot);
	capture_close(view->capture);
	recorded_names_free(view->names);
	memset(view, 0, sizeof(*view));
}
