/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks set while a trace runs: by SIGUSR1, by the clock, by lines on a descriptor. */
#ifndef OUTLIVE_CLI_MARKS_H
#define OUTLIVE_CLI_MARKS_H

#include "cli/live.h"
#include "cli/options.h"

#define MARKS_LINE_BYTES 4096 /* read between two polls at most */

struct marks_setter {
	const struct options *options;
	struct live_watch inner; /* what was watching before */
	unsigned int signals;	 /* set so far */
	uint64_t next_ns;	 /* of --mark-every, since the trace's first event */
	bool ended;		 /* nothing more comes by --mark-fd */
	char line[SNAPSHOT_MARK_BYTES]; /* as far as it has come; the rest of a long one is left out */
	size_t length;
};

/* Have `watch` set marks as `options` say; what watches already goes on. SIGUSR1 sets one
 * from here on. */
void marks_watch(struct marks_setter *setter, const struct options *options,
		 struct live_watch *watch);

#endif
