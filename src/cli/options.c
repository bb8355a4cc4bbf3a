/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "report/columns.h"

struct option_row {
	const char *name; /* "--name" */
	char letter;	  /* "-x"; 0 none */
	const char *value; /* what its value is called in help; NULL: takes none */
	unsigned int verbs;
	const char *help;
	int (*set)(struct options *options, const char *value, struct error *error);
};

static int set_pids(struct options *options, const char *value, struct error *error)
{
	while (*value) {
		char word[32];
		size_t length = strcspn(value, ",");
		uint64_t pid;

		if (length == 0 || length >= sizeof(word))
			return error_set(error, -EINVAL, "", "-p takes process ids, as in -p 4242 or -p 4242,4243");
		memcpy(word, value, length);
		word[length] = '\0';
		if (units_parse_number(word, 1, INT32_MAX, &pid) < 0)
			return error_set(error, -EINVAL, "", "'%s' is no process id", word);
		for (size_t i = 0; i < options->pid_count; i++) {
			if (options->pids[i] == pid)
				return error_set(error, -EINVAL, "", "process %s is named twice", word);
		}
		if (options->pid_count == CAPTURE_MAX_PIDS)
			return error_set(error, -EINVAL, "", "-p takes at most %d processes",
					 CAPTURE_MAX_PIDS);
		options->pids[options->pid_count++] = (uint32_t)pid;
		value += length + (value[length] == ',' && value[length + 1]);
		if (*value == ',')
			return error_set(error, -EINVAL, "", "-p takes process ids, as in -p 4242 or -p 4242,4243");
	}
	return 0;
}

static int set_duration(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->duration_ns) < 0 || !options->duration_ns)
		return error_set(error, -EINVAL, "", "--for takes a duration as 10s, 500ms or 5m, not '%s'", value);
	return 0;
}

static int set_json(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->json = true;
	return 0;
}

static int set_output(struct options *options, const char *value, struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "", "-o takes a file name");
	options->output = value;
	return 0;
}

static int set_rows(struct options *options, const char *value, struct error *error)
{
	uint64_t rows;

	if (units_parse_number(value, 1, 100000000, &rows) < 0)
		return error_set(error, -EINVAL, "", "-n takes a number of rows, not '%s'", value);
	options->rows = rows;
	return 0;
}

/* Names of all columns of both tables, those of the first not told twice. */
static char *column_names(char *buffer, size_t size)
{
	const struct table *const tables[] = { &thread_table, &site_table };
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
		for (size_t i = 0; i < tables[t]->column_count && used < size; i++) {
			const char *name = tables[t]->columns[i].name;

			if (t == 0 || !column_find(&thread_table, name))
				used += (size_t)snprintf(buffer + used, size - used, "%s%s",
							 used ? ", " : "", name);
		}
	}
	return buffer;
}

static int set_sort(struct options *options, const char *value, struct error *error)
{
	char known[200];

	if (!column_find(&thread_table, value) && !column_find(&site_table, value))
		return error_set(error, -EINVAL, "", "there is no column '%s': sort by one of %s", value,
				 column_names(known, sizeof(known)));
	options->sort = value;
	return 0;
}

static int set_stacks(struct options *options, const char *value, struct error *error)
{
	static const struct {
		const char *name;
		enum stack_mode stacks;
	} modes[] = {
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
	return error_set(error, -EINVAL, "", "--stacks takes dwarf, fp or none, not '%s'", value);
}

static int set_buffer(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->buffer_bytes) < 0 ||
	    options->buffer_bytes < CAPTURE_BUFFER_LEAST || options->buffer_bytes > CAPTURE_BUFFER_MOST)
		return error_set(error, -EINVAL, "", "--buffer takes a size from 64K to 1G, not '%s'",
				 value);
	return 0;
}

static int set_min_size(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->min_size) < 0)
		return error_set(error, -EINVAL, "", "--min-size takes a size as 4096, 64K or 1.5M, not '%s'", value);
	return 0;
}

static int set_native(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->native = true;
	return 0;
}

static int set_no_mmap(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->no_mmap = true;
	return 0;
}

static int set_debuginfod(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->debuginfod = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->verbose = true;
	return 0;
}

static int set_help(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->help = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--pid", 'p', "PID[,PID]", VERBS_ALL, "the running processes to trace", set_pids },
	{ "--for", 0, "TIME", VERBS_TRACING, "how long, as 10s or 5m (else until Ctrl-C or their end)",
	  set_duration },
	{ "--json", 0, NULL, VERBS_TRACING, "print JSON, for programs", set_json },
	{ "--output", 'o', "FILE", VERBS_TRACING, "write the report to FILE", set_output },
	{ "--rows", 'n', "N", VERBS_TRACING, "show at most N rows of each table", set_rows },
	{ "--sort", 0, "COLUMN", VERBS_TRACING, "sort tables by this column", set_sort },
	{ "--stacks", 0, "HOW", VERBS_TRACING,
	  "dwarf: exact, needs no frame pointers (default); fp: frame pointers; none", set_stacks },
	{ "--min-size", 0, "SIZE", VERBS_TRACING, "leave out smaller allocations", set_min_size },
	{ "--native", 0, NULL, VERBS_TRACING, "show the C frames of interpreters (Python) too",
	  set_native },
	{ "--no-mmap", 0, NULL, VERBS_TRACING, "leave out mmap, munmap, mremap and brk", set_no_mmap },
	{ "--buffer", 0, "SIZE", VERBS_TRACING, "room for events on their way here (default 32M)",
	  set_buffer },
	{ "--debuginfod", 0, NULL, VERBS_TRACING,
	  "fetch missing debug files from the servers of DEBUGINFOD_URLS", set_debuginfod },
	{ "--verbose", 'v', NULL, VERBS_ALL, "say more: probes, unwind tables, whole stacks",
	  set_verbose },
	{ "--help", 'h', NULL, VERBS_ALL, "this text", set_help },
};

/* The row that `word` names, "--name", "--name=value", "-x" or "-xvalue"; *ret_value is
 * the value in the same word, or NULL. */
static const struct option_row *row_find(const char *word, enum verb_bit verb,
					 const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		size_t length = strlen(rows[i].name);

		if (!(rows[i].verbs & verb))
			continue;
		*ret_value = NULL;
		if (strncmp(word, rows[i].name, length) == 0 &&
		    (word[length] == '\0' || word[length] == '=')) {
			if (word[length] == '=')
				*ret_value = word + length + 1;
			return &rows[i];
		}
		if (rows[i].letter && word[0] == '-' && word[1] == rows[i].letter &&
		    (rows[i].value || !word[2])) {
			if (word[2])
				*ret_value = word + 2;
			return &rows[i];
		}
	}
	return NULL;
}

static int parse_word(int argc, char *const argv[], int *index, enum verb_bit verb,
		      struct options *options, struct error *error)
{
	const char *word = argv[*index], *value;
	const struct option_row *row = word[0] == '-' && word[1] ? row_find(word, verb, &value) : NULL;

	if (!row && word[0] == '-' && word[1])
		return error_set(error, -EINVAL, "", "unknown option '%s'", word);
	if (!row)
		return error_set(error, -EINVAL, "",
				 "'%s' is not understood; a command to run goes behind '--'", word);
	if (!row->value && value)
		return error_set(error, -EINVAL, "", "%s takes no value", row->name);
	if (row->value && !value) {
		if (++*index >= argc)
			return error_set(error, -EINVAL, "", "%s needs a value: %s", word, row->value);
		value = argv[*index];
	}
	return row->set(options, value, error);
}

int options_parse(int argc, char *const argv[], enum verb_bit verb, struct options *ret_options,
		  struct error *error)
{
	struct options options = { .buffer_bytes = CAPTURE_BUFFER_DEFAULT,
				   .stacks = STACK_ROWS,
				   .stacks_name = "dwarf" };
	int result = 0;

	for (int i = 1; i < argc && result == 0; i++) {
		if (strcmp(argv[i], "--") == 0) {
			if (!(verb & VERBS_TRACING))
				return error_set(error, -EINVAL, "", "this verb takes no command");
			options.command = argv + i + 1;
			break;
		}
		result = parse_word(argc, argv, &i, verb, &options, error);
	}
	if (result < 0)
		return result;
	if (options.command && !options.command[0])
		return error_set(error, -EINVAL, "", "there is no command behind '--'");
	if (options.command && options.pid_count)
		return error_set(error, -EINVAL, "", "either -p or a command behind '--', not both");
	if ((verb & VERBS_TRACING) && !options.help && !options.command && !options.pid_count)
		return error_set(error, -EINVAL, "", "what is to be traced? -p PID, or -- COMMAND");
	*ret_options = options;
	return 0;
}

void options_help(FILE *file, enum verb_bit verb)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char names[64], letter[8] = "   ";

		if (!(rows[i].verbs & verb))
			continue;
		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c,", rows[i].letter);
		snprintf(names, sizeof(names), "%s %s%s%s", letter, rows[i].name,
			 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		/* Two lines where one would not fit 80 columns. */
		if (strlen(names) + strlen(rows[i].help) > 56)
			fprintf(file, "  %s\n  %-22s%s\n", names, "", rows[i].help);
		else
			fprintf(file, "  %-22s%s\n", names, rows[i].help);
	}
}
