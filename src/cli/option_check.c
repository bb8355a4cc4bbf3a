/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/option_check.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"

/* What a verb works on beside a live target: how many recordings. */
static const struct verb_input {
	enum verb_bit verb;
	size_t least_files, most_files;
} inputs[] = {
	{ VERB_THREADS, 0, 1 },
	{ VERB_REPORT, 0, 1 },
	{ VERB_TOP, 0, 1 },
	{ VERB_DIFF, 1, 2 },
};

static const struct verb_input *input_of(enum verb_bit verb)
{
	static const struct verb_input nothing;

	for (size_t i = 0; i < ARRAY_LENGTH(inputs); i++) {
		if (inputs[i].verb == verb)
			return &inputs[i];
	}
	return &nothing;
}

size_t options_most_files(enum verb_bit verb)
{
	return input_of(verb)->most_files;
}

/* Do the options about marks and windows go together? */
static int check_window(const struct options *options, struct error *error)
{
	if (options->window.newer_ns && options->window.newer_ns <= options->window.older_ns)
		return error_set(error, -EINVAL, "",
				 "nothing is newer than --newer-than and older than --older-than");
	if ((options->window.newer_ns || options->window.older_ns) &&
	    (options->window.from.kind || options->window.to.kind))
		return error_set(error, -EINVAL, "",
				 "either blocks between --from and --to, or those of an age");
	if (options->window.at.kind && options->record)
		return error_set(
			error, -EINVAL, "",
			"--at leaves out what comes later, --record keeps it: record, then ask "
			"the recording");
	if (options->mark_fd >= 0 && fcntl(options->mark_fd, F_GETFD) < 0)
		return error_set(error, -EINVAL, "", "--mark-fd: descriptor %d is not open",
				 options->mark_fd);
	return 0;
}

/* Two recordings, or two moments of one? */
static int check_diff(const struct options *options, struct error *error)
{
	const struct window_wish *window = &options->window;

	if (options->file_count == 1 && !window->from.kind)
		return error_set(error, -EINVAL, "",
				 "what is %s to be compared with? A second recording; or its own "
				 "state at a mark, --from MARK", options->files[0]);
	if (options->file_count == 1 && window->at.kind)
		return error_set(error, -EINVAL, "",
				 "--at is for two recordings; two moments of one are --from and --to");
	if (options->file_count == 2 && (window->from.kind || window->to.kind))
		return error_set(error, -EINVAL, "",
				 "--from and --to are two moments of one recording; of two, --at is "
				 "the same moment of both");
	return 0;
}

/* Do the options of how much is traced go together? */
static int check_tier(const struct options *options, struct error *error)
{
	if (options->tier == EVENT_TIER_MMAP &&
	    (options->sample_bytes || options->min_size || options->max_overhead > 0))
		return error_set(error, -EINVAL, "",
				 "--tier mmap traces no blocks: there is nothing to sample, leave out "
				 "or limit");
	if (options->tier == EVENT_TIER_MMAP && options->no_mmap)
		return error_set(error, -EINVAL, "", "--tier mmap and --no-mmap leave nothing to trace");
	return 0;
}

/* One way of saying what is to be traced, and what goes with it. */
static int check_target(const struct options *options, struct error *error)
{
	int ways = (options->command != NULL) + (options->pid_count > 0) + options->all +
		   (options->cgroup != NULL);

	if (options->command && !options->command[0])
		return error_set(error, -EINVAL, "", "there is no command behind '--'");
	if (ways > 1)
		return error_set(error, -EINVAL, "",
				 "one of -p, -a, --cgroup and a command behind '--', not several");
	if (!options->all && !options->cgroup &&
	    (options->name_count || options->not_name_count || options->user_count))
		return error_set(error, -EINVAL, "",
				 "--comm, --exclude and --user choose among the processes of -a or "
				 "--cgroup");
	return 0;
}

int options_check(const struct options *options, enum verb_bit verb, const char *live,
		  struct error *error)
{
	const struct verb_input *input = input_of(verb);
	bool target = options->command || options->pid_count || options->all || options->cgroup;
	int result = check_target(options, error);

	if (result < 0)
		return result;
	if (options->file_count && options->command)
		return error_set(error, -EINVAL, "", "either a recording or a command, not both");
	if (options->file_count && live)
		return error_set(error, -EINVAL, "", "%s says how to trace; %s is a recording",
				 live, options->files[0]);
	if (options->file_count < input->least_files)
		return error_set(error, -EINVAL, "", "which recordings are to be compared? BEFORE AFTER; or one and --from MARK");
	if (verb == VERB_DIFF)
		return check_diff(options, error);
	if ((verb & VERBS_TRACING) && !target && !options->file_count)
		return error_set(error, -EINVAL, "",
				 "what is to be traced? -p PID, -a, --cgroup PATH, or -- COMMAND%s",
				 input->most_files ? "; or a recording to be read" : "");
	if (verb == VERB_RECORD && !options->output)
		return error_set(error, -EINVAL, "", "where is the recording to go? -o FILE");
	if (options->max_file && verb != VERB_RECORD && !options->record)
		return error_set(error, -EINVAL, "",
				 "--max-file limits a recording: --record FILE");
	if (check_tier(options, error) < 0)
		return -EINVAL;
	return check_window(options, error);
}
