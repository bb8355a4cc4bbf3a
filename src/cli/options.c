/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "cli/option_check.h"
#include "cli/option_row.h"

#define INTERVAL_DEFAULT_NS 1000000000ull

/* The row that `word` names, "--name", "--name=value", "-x" or "-xvalue"; *ret_value is
 * the value in the same word, or NULL. */
static const struct option_row *row_find(const char *word, enum verb_bit verb,
					 const char **ret_value)
{
	for (const struct option_row *row = option_rows; row < option_rows + option_row_count; row++) {
		size_t length = strlen(row->name);

		if (!(row->verbs & verb))
			continue;
		*ret_value = NULL;
		if (strncmp(word, row->name, length) == 0 &&
		    (word[length] == '\0' || word[length] == '=')) {
			if (word[length] == '=')
				*ret_value = word + length + 1;
			return row;
		}
		if (row->letter && word[0] == '-' && word[1] == row->letter &&
		    (row->value || !word[2])) {
			if (word[2])
				*ret_value = word + 2;
			return row;
		}
	}
	return NULL;
}

static int take_file(struct options *options, const char *word, enum verb_bit verb,
		     struct error *error)
{
	size_t most = options_most_files(verb);

	if (most == 0)
		return error_set(error, -EINVAL, "",
				 "'%s' is not understood; a command to run goes behind '--'", word);
	if (options->file_count == most)
		return error_set(error, -EINVAL, "", "'%s' is one recording too many", word);
	options->files[options->file_count++] = word;
	return 0;
}

/* `ret_live` becomes an option that says how to trace. */
static int parse_word(int argc, char *const argv[], int *index, enum verb_bit verb,
		      struct options *options, const char **ret_live, struct error *error)
{
	const char *word = argv[*index], *value;
	const struct option_row *row = word[0] == '-' && word[1] ? row_find(word, verb, &value) : NULL;

	if (!row && word[0] == '-' && word[1])
		return error_set(error, -EINVAL, "", "unknown option '%s'", word);
	if (!row)
		return take_file(options, word, verb, error);
	if (!row->value && value)
		return error_set(error, -EINVAL, "", "%s takes no value", row->name);
	if (row->value && !value) {
		if (++*index >= argc)
			return error_set(error, -EINVAL, "", "%s needs a value: %s", word, row->value);
		value = argv[*index];
	}
	if (row->live)
		*ret_live = row->name;
	if (row->set)
		return row->set(options, value, error);
	*(bool *)((char *)options + row->flag) = true;
	return 0;
}

int options_parse(int argc, char *const argv[], enum verb_bit verb, struct options *ret_options,
		  struct error *error)
{
	struct options options = { .buffer_bytes = CAPTURE_BUFFER_DEFAULT,
				   .unwind_bytes = UNWIND_MEMORY_DEFAULT,
				   .interval_ns = INTERVAL_DEFAULT_NS,
				   .stacks = STACK_AUTO,
				   .stacks_name = "auto",
				   .mark_fd = -1 };
	const char *live = NULL;
	int result = 0;

	for (int i = 1; i < argc && result == 0; i++) {
		if (strcmp(argv[i], "--") == 0) {
			if (!(verb & VERBS_TRACING))
				return error_set(error, -EINVAL, "", "this verb takes no command");
			options.command = argv + i + 1;
			break;
		}
		result = parse_word(argc, argv, &i, verb, &options, &live, error);
	}
	if (result == 0 && !options.help)
		result = options_check(&options, verb, live, error);
	if (result < 0)
		return result;
	*ret_options = options;
	return 0;
}
