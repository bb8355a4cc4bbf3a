/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one table of options gives parsing and help. */
#ifndef OUTLIVE_CLI_OPTIONS_H
#define OUTLIVE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "capture/capture.h"
#include "ledger/window.h"
#include "stream/event.h"

/* Which verbs an option belongs to. */
enum verb_bit {
	VERB_THREADS = 1 << 0,
	VERB_REPORT = 1 << 1,
	VERB_DOCTOR = 1 << 2,
	VERB_RECORD = 1 << 3,
	VERB_TOP = 1 << 4,
	VERB_DIFF = 1 << 5,
	VERBS_SHOWING = VERB_THREADS | VERB_REPORT,
	VERBS_TRACING = VERBS_SHOWING | VERB_RECORD | VERB_TOP,
	VERBS_REPORTING = VERBS_SHOWING | VERB_DIFF,
	VERBS_ALL = VERBS_TRACING | VERB_DOCTOR | VERB_DIFF,
};

#define OPTIONS_MAX_FILES 2

struct options {
	uint32_t pids[CAPTURE_MAX_PIDS];
	size_t pid_count;
	bool all;
	const char *cgroup; /* as given; NULL none */
	const char *names[CAPTURE_MAX_WORDS], *not_names[CAPTURE_MAX_WORDS]; /* --comm, --exclude */
	size_t name_count, not_name_count;
	uint32_t users[SCOPE_USERS_MOST];
	size_t user_count;
	char *const *command; /* behind "--"; NULL none */
	const char *files[OPTIONS_MAX_FILES]; /* recordings to be read */
	size_t file_count;
	const char *record; /* --record; NULL none */
	uint64_t max_file;  /* --max-file; 0 any size */
	uint64_t duration_ns; /* --for; 0 until Ctrl-C or the target's end */
	bool json, verbose, help, debuginfod;
	const char *output; /* -o; NULL standard output */
	size_t rows;
	const char *sort;
	bool once;	      /* top: one picture, as text */
	uint64_t interval_ns; /* top: between pictures */
	uint64_t buffer_bytes, unwind_bytes, min_size;
	uint64_t sample_bytes; /* --sample; 0 every block */
	enum event_tier tier;  /* --tier */
	double max_overhead;   /* --max-overhead, a share; 0 none */
	bool no_mmap, no_memo, no_follow, no_pairs;
	bool native;
	bool each; /* processes that are alike apart, too */
	enum stack_mode stacks;
	const char *stacks_name;
	struct window_wish window; /* --from, --to, --at, --older-than, --newer-than */
	uint64_t mark_every_ns; /* 0 never */
	int mark_fd; /* -1 none */
	bool timeline;
};

/*
 * Parse the words behind the verb (argv[0] is the verb). Returns 0 and
 * *ret_options, or -EINVAL with `error` filled.
 */
int options_parse(int argc, char *const argv[], enum verb_bit verb, struct options *ret_options,
		  struct error *error);

/* Print the options of `verb`, one or two lines each. */
void options_help(FILE *file, enum verb_bit verb);

#endif
