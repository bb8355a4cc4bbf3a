/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "analysis/columns.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "top/fields.h"

#define MAX_FILE_LEAST (256u << 10)
#define MARK_EVERY_LEAST_NS 10000000u /* a poll may take longer */
#define MARK_FD_MOST 1048575 /* of fs.nr_open, proc(5) */
#define INTERVAL_LEAST_NS 100000000ull
#define INTERVAL_DEFAULT_NS 1000000000ull
#define INTERVAL_MOST_NS 3600000000000ull

struct option_row {
	const char *name; /* "--name" */
	char letter;	  /* "-x"; 0 none */
	const char *value; /* what its value is called in help; NULL: takes none */
	unsigned int verbs;
	bool live; /* it says how to trace: of no use with a recording */
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

/* Of the screen: there are columns that only it has. */
static int set_screen_sort(struct options *options, const char *value, struct error *error)
{
	const struct column *columns[FIELDS_MOST];
	char known[200];
	size_t used = 0;

	for (size_t i = 0; i < FIELDS_TABLES; i++) {
		if (fields_find((enum fields_table)i, value)) {
			options->sort = value;
			return 0;
		}
	}
	for (size_t i = fields_of(FIELDS_SITES, columns); i && used < sizeof(known); i--)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", columns[i - 1]->name);
	return error_set(error, -EINVAL, "", "there is no column '%s': sort by one of %s", value,
			 known);
}

static int set_once(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->once = true;
	return 0;
}

static int set_interval(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->interval_ns) < 0 ||
	    options->interval_ns < INTERVAL_LEAST_NS || options->interval_ns > INTERVAL_MOST_NS)
		return error_set(error, -EINVAL, "", "--interval takes a time from 100ms to 1h, not '%s'",
				 value);
	return 0;
}

static int set_stacks(struct options *options, const char *value, struct error *error)
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
	return error_set(error, -EINVAL, "", "--stacks takes auto, dwarf, fp or none, not '%s'", value);
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

static int set_record(struct options *options, const char *value, struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "", "--record takes a file name");
	options->record = value;
	return 0;
}

static int set_max_file(struct options *options, const char *value, struct error *error)
{
	if (units_parse_size(value, &options->max_file) < 0 || options->max_file < MAX_FILE_LEAST)
		return error_set(error, -EINVAL, "", "--max-file takes a size of 256K or more, not '%s'",
				 value);
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

static int set_no_memo(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->no_memo = true;
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

static int set_moment(struct moment *moment, const char *option, const char *value,
		      struct error *error)
{
	if (moment_parse(value, moment) < 0)
		return error_set(error, -EINVAL, "",
				 "%s takes a mark's name of at most %d bytes, or a time since the "
				 "trace began as 10s, not '%.80s'", option, SNAPSHOT_MARK_BYTES - 1,
				 value);
	return 0;
}

static int set_from(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.from, "--from", value, error);
}

static int set_to(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.to, "--to", value, error);
}

static int set_at(struct options *options, const char *value, struct error *error)
{
	return set_moment(&options->window.at, "--at", value, error);
}

static int set_age(uint64_t *age_ns, const char *option, const char *value, struct error *error)
{
	if (units_parse_duration(value, age_ns) < 0 || !*age_ns)
		return error_set(error, -EINVAL, "", "%s takes an age as 10s, 500ms or 5m, not '%s'",
				 option, value);
	return 0;
}

static int set_older_than(struct options *options, const char *value, struct error *error)
{
	return set_age(&options->window.older_ns, "--older-than", value, error);
}

static int set_newer_than(struct options *options, const char *value, struct error *error)
{
	return set_age(&options->window.newer_ns, "--newer-than", value, error);
}

static int set_mark_every(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->mark_every_ns) < 0 ||
	    options->mark_every_ns < MARK_EVERY_LEAST_NS)
		return error_set(error, -EINVAL, "",
				 "--mark-every takes a time of 10ms or more, as 10s, not '%s'", value);
	return 0;
}

static int set_mark_fd(struct options *options, const char *value, struct error *error)
{
	uint64_t fd;

	if (units_parse_number(value, 0, MARK_FD_MOST, &fd) < 0)
		return error_set(error, -EINVAL, "", "--mark-fd takes the number of an open descriptor, "
				 "not '%s'", value);
	options->mark_fd = (int)fd;
	return 0;
}

static int set_timeline(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->timeline = true;
	return 0;
}

static int set_help(struct options *options, const char *value, struct error *error)
{
	(void)value, (void)error;
	options->help = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--pid", 'p', "PID[,PID]", VERBS_ALL, true, "the running processes to trace", set_pids },
	{ "--for", 0, "TIME", VERBS_TRACING, true,
	  "how long, as 10s or 5m (else until Ctrl-C or their end)", set_duration },
	{ "--json", 0, NULL, VERBS_SHOWING, false, "print JSON, for programs", set_json },
	{ "--output", 'o', "FILE", VERBS_SHOWING, false, "write the report to FILE", set_output },
	{ "--output", 'o', "FILE", VERB_RECORD, false, "the recording to write", set_output },
	{ "--once", 0, NULL, VERB_TOP, false, "print one picture as text and end", set_once },
	{ "--interval", 0, "TIME", VERB_TOP, false, "between pictures (default 1s)", set_interval },
	{ "--sort", 0, "COLUMN", VERB_TOP, false, "sort by this column at first", set_screen_sort },
	{ "--rows", 'n', "N", VERBS_SHOWING, false, "show at most N rows of each table", set_rows },
	{ "--rows", 'n', "N", VERB_TOP, false, "with --once: how many rows of the table", set_rows },
	{ "--sort", 0, "COLUMN", VERBS_SHOWING, false, "sort tables by this column", set_sort },
	{ "--stacks", 0, "HOW", VERBS_TRACING, true,
	  "auto (default): unwind tables, else frame pointers; dwarf, fp: those alone; none",
	  set_stacks },
	{ "--min-size", 0, "SIZE", VERBS_TRACING, true, "leave out smaller allocations",
	  set_min_size },
	{ "--native", 0, NULL, VERBS_SHOWING | VERB_TOP, false,
	  "show the C frames of interpreters (Python) too", set_native },
	{ "--no-mmap", 0, NULL, VERBS_TRACING, true, "leave out mmap, munmap, mremap and brk",
	  set_no_mmap },
	{ "--no-memo", 0, NULL, VERBS_TRACING, true,
	  "walk every stack afresh, to check or measure what remembering brings", set_no_memo },
	{ "--buffer", 0, "SIZE", VERBS_TRACING, true,
	  "room for events on their way here (default 32M)", set_buffer },
	{ "--record", 0, "FILE", VERBS_SHOWING | VERB_TOP, true,
	  "write a recording of the same events beside what is shown", set_record },
	{ "--max-file", 0, "SIZE", VERBS_TRACING, true,
	  "end the trace when the recording has become so large", set_max_file },
	{ "--debuginfod", 0, NULL, VERBS_TRACING, false,
	  "fetch missing debug files from the servers of DEBUGINFOD_URLS", set_debuginfod },
	{ "--from", 0, "MARK", VERBS_SHOWING, false,
	  "only blocks made since a mark, or since a time of the trace as 10s", set_from },
	{ "--to", 0, "MARK", VERBS_SHOWING, false, "only blocks made before it", set_to },
	{ "--at", 0, "MARK", VERBS_SHOWING, false, "what was live then, not at the end", set_at },
	{ "--older-than", 0, "TIME", VERBS_SHOWING, false, "only blocks made longer ago",
	  set_older_than },
	{ "--newer-than", 0, "TIME", VERBS_SHOWING, false, "only blocks made less long ago",
	  set_newer_than },
	{ "--mark-every", 0, "TIME", VERBS_TRACING, true,
	  "set marks 10s, 20s … (SIGUSR1 sets signal-1, signal-2 …)", set_mark_every },
	{ "--mark-fd", 0, "N", VERBS_TRACING, true,
	  "set a mark for each line that comes by descriptor N, named so", set_mark_fd },
	{ "--timeline", 0, NULL, VERBS_SHOWING, false,
	  "show how live and resident memory went over time", set_timeline },
	{ "--verbose", 'v', NULL, VERBS_ALL, false, "say more: probes, unwind tables, whole stacks",
	  set_verbose },
	{ "--help", 'h', NULL, VERBS_ALL, false, "this text", set_help },
};

/* What a verb works on beside a live target: how many recordings. */
static const struct verb_input {
	enum verb_bit verb;
	size_t least_files, most_files;
} inputs[] = {
	{ VERB_THREADS, 0, 1 },
	{ VERB_REPORT, 0, 1 },
	{ VERB_TOP, 0, 1 },
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

static int take_file(struct options *options, const char *word, enum verb_bit verb,
		     struct error *error)
{
	size_t most = input_of(verb)->most_files;

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
	return row->set(options, value, error);
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
		return error_set(error, -EINVAL, "",
				 "--at leaves out what comes later, --record keeps it: record, then ask "
				 "the recording");
	if (options->mark_fd >= 0 && fcntl(options->mark_fd, F_GETFD) < 0)
		return error_set(error, -EINVAL, "", "--mark-fd: descriptor %d is not open",
				 options->mark_fd);
	return 0;
}

/* Is there something to work on, and only one such thing? `live`: an option given that
 * says how to trace, or NULL. */
static int check_input(const struct options *options, enum verb_bit verb, const char *live,
		       struct error *error)
{
	const struct verb_input *input = input_of(verb);
	bool target = options->command || options->pid_count;

	if (options->command && !options->command[0])
		return error_set(error, -EINVAL, "", "there is no command behind '--'");
	if (options->command && options->pid_count)
		return error_set(error, -EINVAL, "", "either -p or a command behind '--', not both");
	if (options->file_count && options->command)
		return error_set(error, -EINVAL, "", "either a recording or a command, not both");
	if (options->file_count && live)
		return error_set(error, -EINVAL, "", "%s says how to trace; %s is a recording", live,
				 options->files[0]);
	if (options->file_count < input->least_files)
		return error_set(error, -EINVAL, "", "which recordings are to be compared?");
	if ((verb & VERBS_TRACING) && !target && !options->file_count)
		return error_set(error, -EINVAL, "", "what is to be traced? -p PID, or -- COMMAND%s",
				 input->most_files ? "; or a recording to be read" : "");
	if (verb == VERB_RECORD && !options->output)
		return error_set(error, -EINVAL, "", "where is the recording to go? -o FILE");
	if (options->max_file && verb != VERB_RECORD && !options->record)
		return error_set(error, -EINVAL, "", "--max-file limits a recording: --record FILE");
	return check_window(options, error);
}

int options_parse(int argc, char *const argv[], enum verb_bit verb, struct options *ret_options,
		  struct error *error)
{
	struct options options = { .buffer_bytes = CAPTURE_BUFFER_DEFAULT,
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
		result = check_input(&options, verb, live, error);
	if (result < 0)
		return result;
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
