/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/option_row.h"
#include "outlive/sample.h"

#define SAMPLE_DEFAULT (512u << 10) /* jemalloc's */
#define MAX_FILE_LEAST (256u << 10)

int option_set_pids(struct options *options, const char *value, struct error *error)
{
	while (*value) {
		char word[32];
		size_t length = strcspn(value, ",");
		uint64_t pid;

		if (length == 0 || length >= sizeof(word))
			return error_set(error, -EINVAL, "",
					 "-p takes process ids, as in -p 4242 or -p 4242,4243");
		memcpy(word, value, length);
		word[length] = '\0';
		if (units_parse_number(word, 1, INT32_MAX, &pid) < 0)
			return error_set(error, -EINVAL, "", "'%s' is no process id", word);
		for (size_t i = 0; i < options->pid_count; i++) {
			if (options->pids[i] == pid)
				return error_set(error, -EINVAL, "", "process %s is named twice",
						 word);
		}
		if (options->pid_count == CAPTURE_MAX_PIDS)
			return error_set(error, -EINVAL, "", "-p takes at most %d processes",
					 CAPTURE_MAX_PIDS);
		options->pids[options->pid_count++] = (uint32_t)pid;
		value += length + (value[length] == ',' && value[length + 1]);
		if (*value == ',')
			return error_set(error, -EINVAL, "",
					 "-p takes process ids, as in -p 4242 or -p 4242,4243");
	}
	return 0;
}

int option_set_cgroup(struct options *options, const char *value, struct error *error)
{
	if (!*value || options->cgroup)
		return error_set(error, -EINVAL, "", "--cgroup takes one path, as system.slice");
	options->cgroup = value;
	return 0;
}

static int add_word(const char **words, size_t *count, const char *option, const char *value,
		    struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "", "%s takes a name, or a pattern as 'php*'",
				 option);
	if (*count == CAPTURE_MAX_WORDS)
		return error_set(error, -EINVAL, "", "%s can be given %d times", option,
				 CAPTURE_MAX_WORDS);
	words[(*count)++] = value;
	return 0;
}

int option_set_comm(struct options *options, const char *value, struct error *error)
{
	return add_word(options->names, &options->name_count, "--comm", value, error);
}

int option_set_exclude(struct options *options, const char *value, struct error *error)
{
	return add_word(options->not_names, &options->not_name_count, "--exclude", value, error);
}

int option_set_user(struct options *options, const char *value, struct error *error)
{
	const struct passwd *entry = *value ? getpwnam(value) : NULL;
	uint64_t user;

	if (entry)
		user = entry->pw_uid;
	else if (units_parse_number(value, 0, UINT32_MAX - 1, &user) < 0)
		return error_set(error, -EINVAL, "", "--user takes a user's name or number; there is "
				 "no user '%.80s'", value);
	if (options->user_count == SCOPE_USERS_MOST)
		return error_set(error, -EINVAL, "", "--user can be given %d times",
				 SCOPE_USERS_MOST);
	options->users[options->user_count++] = (uint32_t)user;
	return 0;
}

int option_set_duration(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->duration_ns) < 0 || !options->duration_ns)
		return error_set(error, -EINVAL, "",
				 "--for takes a duration as 10s, 500ms or 5m, not '%s'", value);
	return 0;
}

int option_set_stacks(struct options *options, const char *value, struct error *error)
{
	static const struct {
		const char *name;
		enum stack_mode stacks;
	} modes[] = {
		{ "auto", STACK_AUTO },
		{ "dwarf", STACK_ROWS },
		{ "fp", STACK_FP },
		{ "none", STACK_NONE },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		if (strcmp(value, modes[i].name) == 0) {
			options->stacks = modes[i].stacks;
			options->stacks_name = modes[i].name;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "", "--stacks takes auto, dwarf, fp or none, not '%s'",
			 value);
}

int option_set_buffer(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->buffer_bytes) < 0 ||
	    options->buffer_bytes < CAPTURE_BUFFER_LEAST ||
	    options->buffer_bytes > CAPTURE_BUFFER_MOST)
		return error_set(error, -EINVAL, "",
				 "--buffer takes a size from 64K to 1G, not '%s'", value);
	return 0;
}

int option_set_unwind_memory(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->unwind_bytes) < 0 ||
	    options->unwind_bytes < UNWIND_MEMORY_LEAST ||
	    options->unwind_bytes > UNWIND_MEMORY_MOST)
		return error_set(error, -EINVAL, "",
				 "--unwind-memory takes a size from 4K to 16G, not '%s'", value);
	return 0;
}

int option_set_min_size(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->min_size) < 0)
		return error_set(error, -EINVAL, "",
				 "--min-size takes a size as 4096, 64K or 1.5M, not '%s'", value);
	return 0;
}

int option_set_tier(struct options *options, const char *value, struct error *error)
{
	static const char *const names[] = { "exact", "sample", "mmap" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			options->tier = (enum event_tier)i;
			if (options->tier == EVENT_TIER_SAMPLE && !options->sample_bytes)
				options->sample_bytes = SAMPLE_DEFAULT;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "", "--tier takes exact, sample or mmap, not '%s'", value);
}

int option_set_max_overhead(struct options *options, const char *value, struct error *error)
{
	char *end;
	double percent = strtod(value, &end);

	if (*end == '%')
		end++;
	/* As !(>=), for what is no number. */
	if (end == value || *end || !(percent >= 0.1) || percent > 100)
		return error_set(error, -EINVAL, "",
				 "--max-overhead takes a percentage from 0.1 to 100, not '%s'", value);
	options->max_overhead = percent / 100;
	return 0;
}

int option_set_sample(struct options *options, const char *value, struct error *error)
{
	uint64_t bytes;

	if (units_parse_size(value, &bytes) < 0 || bytes > SAMPLE_MOST)
		return error_set(error, -EINVAL, "",
				 "--sample takes a size up to 1G as 64K or 512K, or 0 for every "
				 "block, not '%s'", value);
	options->sample_bytes = sample_bytes(sample_code(bytes));
	return 0;
}

int option_set_record(struct options *options, const char *value, struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "", "--record takes a file name");
	options->record = value;
	return 0;
}

int option_set_max_file(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->max_file) < 0 || options->max_file < MAX_FILE_LEAST)
		return error_set(error, -EINVAL, "",
				 "--max-file takes a size of 256K or more, not '%s'", value);
	return 0;
}
