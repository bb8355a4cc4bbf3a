/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a process lives and whose it is, in a line. */
#include <string.h>

#include "analysis/where.h"
#include "base/text.h"
#include "base/units.h"
#include "report/text.h"

#define CGROUP_TEXT 512

/* "ended 3.0 s ago": what it still holds is a matter of the past. */
static void put_end(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	uint64_t now_ns = text->row.snapshot->now_ns;
	char time[UNITS_BUFFER];

	if (!process->exit_ns)
		return;
	units_format_duration(time, sizeof(time),
			      now_ns > process->exit_ns ? now_ns - process->exit_ns : 0);
	layout_item(&text->layout, STYLE_NOTICE, "ended %s ago", time);
}

/* The id of a container says more than the long name that it is in. */
static void put_place(struct text *text)
{
	const struct snapshot_home *home = &text->row.process->home;
	char place[WHERE_BUFFER], cgroup[CGROUP_TEXT];
	const char *path = home->cgroup ? home->cgroup : "";

	where_short(home, place);
	if (home->container && home->container[0])
		layout_item(&text->layout, STYLE_NAME, "container %s", place);
	if (path[0] && strcmp(path, "/") != 0 && (text->options->verbose || !home->container ||
						  !home->container[0])) {
		text_clean(cgroup, sizeof(cgroup), path, strlen(path));
		layout_item(&text->layout, STYLE_PLAIN, "cgroup %s", cgroup);
	}
}

void text_home(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	char user[WHERE_BUFFER];

	layout_begin_list(&text->layout, 0);
	put_end(text);
	if (where_user(&process->home, user)[0])
		layout_item(&text->layout, STYLE_PLAIN, "user %s", user);
	if (where_renumbered(process))
		layout_item(&text->layout, STYLE_PLAIN, "pid %u in its own namespace",
			    process->home.inner_pid);
	put_place(text);
	layout_end_list(&text->layout);
}
