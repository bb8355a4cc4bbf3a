/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where Python frames stand among the native ones.
 *
 * A stack comes as two lists: machine addresses, and Python frames. Each call of
 * CPython's eval function is one native frame and runs one Python frame or, from
 * 3.11 on, several; the outermost of them is marked as entry. So both lists are
 * gone through together, and the Python frames take the place of "their" native
 * frame of the eval function.
 */
#ifndef OUTLIVE_ANALYSIS_PYTHON_FRAMES_H
#define OUTLIVE_ANALYSIS_PYTHON_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/frames.h"
#include "ledger/snapshot.h"

/* What to show at one native frame. */
struct python_place {
	uint16_t first, count; /* Python frames (indices into site->python), shown before it */
	bool hidden;	       /* the native frame itself is the interpreter's: not shown */
};

/*
 * Decide for each of the site's native frames; `ret_places` has room for
 * WIRE_MAX_FRAMES. With `native` none is hidden. A Python frame that could not be
 * read stays with its native frame, which is then shown. Python frames that find no
 * eval frame (the native stack was cut) stand at the last one.
 */
void python_frames_place(const struct snapshot_process *process, const struct snapshot_site *site,
			 bool native, struct python_place *ret_places);

/* A Python frame as any other one; `address` is that of the native frame it stands at.
 * Returns false for one that could not be read or is the interpreter's own. */
bool python_frame_get(const struct snapshot_python_frame *from, uint64_t address,
		      struct frame *ret_frame);

#endif
