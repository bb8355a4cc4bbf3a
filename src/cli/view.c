/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include <string.h>

#include "capture/capture.h"

void view_end(struct view *view)
{
	snapshot_free(view->snapshot);
	capture_close(view->capture);
	memset(view, 0, sizeof(*view));
}
