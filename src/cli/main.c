/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"

struct verb {
	const char *name;
	enum verb_bit bit;
	const char *arguments;
	const char *help;
	int (*run)(const struct options *options, enum verb_bit verb);
};

static const struct verb verbs[] = {
	{ "threads", VERB_THREADS, "-p PID | -a | --cgroup PATH | -- COMMAND [ARG...] | RECORDING",
	  "which thread holds what, and what kind of retention it is: run this first", cli_report },
	{ "report", VERB_REPORT, "-p PID | -a | --cgroup PATH | -- COMMAND [ARG...] | RECORDING",
	  "which call paths hold memory, by what they hold", cli_report },
	{ "top", VERB_TOP, "-p PID | -a | --cgroup PATH | -- COMMAND [ARG...] | RECORDING",
	  "watch it live: who holds what, how fast it grows, since when", cli_top },
	{ "record", VERB_RECORD, "-o FILE -p PID | -a | --cgroup PATH | -- COMMAND [ARG...]",
	  "trace now, look later: threads FILE, report FILE", cli_record },
	{ "diff", VERB_DIFF, "BEFORE AFTER | RECORDING --from MARK [--to MARK]",
	  "what grew, shrank, appeared and vanished between two recordings, or two marks of one",
	  cli_diff },
	{ "doctor", VERB_DOCTOR, "[-p PID | -a]", "what this machine and this process allow", cli_doctor },
};

volatile sig_atomic_t cli_interrupted;

void cli_complain(const struct error *error)
{
	const char *remedy = error->remedy;
	size_t length = strlen(remedy);

	fprintf(stderr, "outlive: %s", error->what);
	if (length)
		fprintf(stderr, ". %c%s%s", toupper((unsigned char)remedy[0]), remedy + 1,
			remedy[length - 1] == '.' ? "" : ".");
	fprintf(stderr, "\n");
}

static void print_log_line(const char *line)
{
	fprintf(stderr, "outlive: %s\n", line);
}

static void print_help(FILE *file)
{
	fprintf(file, "outlive: which memory outlived the work that made it, which thread holds it,\n"
		      "and which line of code made it. For running Linux processes, without a restart.\n\n");
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		fprintf(file, "  outlive %-8s %s\n           %s\n", verbs[i].name, verbs[i].arguments,
			verbs[i].help);
	fprintf(file, "\n'outlive VERB --help' shows the options of a verb. Exit status: 0 done, 1 failed,\n"
		      "2 usage, 3 not possible here.\n");
}

static int print_verb_help(const struct verb *verb)
{
	printf("outlive %s %s\n  %s\n\n", verb->name, verb->arguments, verb->help);
	options_help(stdout, verb->bit);
	return EXIT_DONE;
}

static int run_verb(const struct verb *verb, int argc, char *argv[])
{
	struct options options;
	struct error error = { .what = "" };

	if (options_parse(argc, argv, verb->bit, &options, &error) < 0) {
		snprintf(error.remedy, sizeof(error.remedy), "'outlive %s --help' tells more",
			 verb->name);
		cli_complain(&error);
		return EXIT_USAGE;
	}
	if (options.help)
		return print_verb_help(verb);
	if (options.verbose)
		log_set_sink(print_log_line);
	return verb->run(&options, verb->bit);
}

int main(int argc, char *argv[])
{
	struct error error = { .remedy = "'outlive --help' lists the verbs" };

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("outlive " OUTLIVE_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_verb(&verbs[i], argc - 1, argv + 1);
	}
	snprintf(error.what, sizeof(error.what), "unknown verb '%.100s'", argv[1]);
	cli_complain(&error);
	return EXIT_USAGE;
}
