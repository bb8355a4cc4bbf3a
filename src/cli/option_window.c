/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/units.h"
#include "cli/option_row.h"

#define MARK_EVERY_LEAST_NS 10000000u /* a poll may take longer */
#define MARK_FD_MOST 1048575	      /* of fs.nr_open, proc(5) */

static int set_moment(struct moment *moment, const char *option, const char *value,
		      struct error *error)
{
	if (moment_parse(value, moment) < 0)
		return error_set(error, -EINVAL, "",
				 "%s takes a mark's name of at most %d bytes, or a time since the "
				 "trace began as 10s, not '%.80s'",
				 option, SNAPSHOT_MARK_BYTES - 1, value);
	return 0;
}

int option_set_from(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.from, "--from", value, error);
}

int option_set_to(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.to, "--to", value, error);
}

int option_set_at(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.at, "--at", value, error);
}

static int set_age(uint64_t *age_ns, const char *option, const char *value, struct error *error)
{
	if (units_parse_duration(value, age_ns) < 0 || !*age_ns)
		return error_set(error, -EINVAL, "",
				 "%s takes an age as 10s, 500ms or 5m, not '%s'", option, value);
	return 0;
}

int option_set_older_than(struct options *options, const char *value, struct error *error)
{
	return set_age(&options->window.older_ns, "--older-than", value, error);
}

int option_set_newer_than(struct options *options, const char *value, struct error *error)
{
	return set_age(&options->window.newer_ns, "--newer-than", value, error);
}

int option_set_mark_every(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->mark_every_ns) < 0 ||
	    options->mark_every_ns < MARK_EVERY_LEAST_NS)
		return error_set(error, -EINVAL, "",
				 "--mark-every takes a time of 10ms or more, as 10s, not '%s'",
				 value);
	return 0;
}

int option_set_mark_fd(struct options *options, const char *value, struct error *error)
{
	uint64_t fd;

	if (units_parse_number(value, 0, MARK_FD_MOST, &fd) < 0)
		return error_set(error, -EINVAL, "",
				 "--mark-fd takes the number of an open descriptor, "
				 "not '%s'",
				 value);
	options->mark_fd = (int)fd;
	return 0;
}
