/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "cli/option_row.h"

/* An option whose value option_set_what() takes, and one that sets a flag. */
#define TAKES(what) option_set_##what, 0
#define FLAG(member) NULL, offsetof(struct options, member)

const struct option_row option_rows[] = {
	{ "--pid", 'p', "PID[,PID]", VERBS_TRACING | VERB_DOCTOR, true, "the running processes to trace",
	  TAKES(pids) },
	{ "--all", 'a', NULL, VERBS_TRACING | VERB_DOCTOR, true,
	  "every process, those to come too", FLAG(all) },
	{ "--cgroup", 0, "PATH", VERBS_TRACING | VERB_DOCTOR, true,
	  "every process of a cgroup (v2) and of those below it, those to come too",
	  TAKES(cgroup) },
	{ "--comm", 0, "NAME", VERBS_TRACING | VERB_DOCTOR, true,
	  "of -a and --cgroup only processes of this name, or shell pattern; repeatable",
	  TAKES(comm) },
	{ "--exclude", 0, "NAME", VERBS_TRACING | VERB_DOCTOR, true, "not those of this name; repeatable",
	  TAKES(exclude) },
	{ "--user", 0, "USER", VERBS_TRACING | VERB_DOCTOR, true, "only those of this user; repeatable",
	  TAKES(user) },
	{ "--for", 0, "TIME", VERBS_TRACING, true,
	  "how long, as 10s or 5m (else until Ctrl-C or their end)", TAKES(duration) },
	{ "--json", 0, NULL, VERBS_REPORTING, false, "print JSON, for programs", FLAG(json) },
	{ "--output", 'o', "FILE", VERBS_REPORTING, false, "write the report to FILE",
	  TAKES(output) },
	{ "--output", 'o', "FILE", VERB_RECORD, false, "the recording to write", TAKES(output) },
	{ "--once", 0, NULL, VERB_TOP, false, "print one picture as text and end", FLAG(once) },
	{ "--interval", 0, "TIME", VERB_TOP, false, "between pictures (default 1s)",
	  TAKES(interval) },
	{ "--sort", 0, "COLUMN", VERB_TOP, false, "sort by this column at first",
	  TAKES(screen_sort) },
	{ "--rows", 'n', "N", VERBS_REPORTING, false, "show at most N rows of each table",
	  TAKES(rows) },
	{ "--rows", 'n', "N", VERB_TOP, false, "with --once: how many rows of the table",
	  TAKES(rows) },
	{ "--sort", 0, "COLUMN", VERBS_SHOWING, false, "sort tables by this column", TAKES(sort) },
	{ "--sort", 0, "ORDER", VERB_DIFF, false, "by change (default), growth, loss, blocks, …",
	  TAKES(diff_sort) },
	{ "--stacks", 0, "HOW", VERBS_TRACING, true,
	  "auto (default): unwind tables, else frame pointers; dwarf, fp: those alone; none",
	  TAKES(stacks) },
	{ "--min-size", 0, "SIZE", VERBS_TRACING, true, "leave out smaller allocations",
	  TAKES(min_size) },
	{ "--sample", 0, "SIZE", VERBS_TRACING, true,
	  "record one block per SIZE bytes allocated, at random, and estimate (default 0: all)",
	  TAKES(sample) },
	{ "--tier", 0, "TIER", VERBS_TRACING, true,
	  "exact (default); sample (as --sample 512K); mmap: no probes, mappings alone", TAKES(tier) },
	{ "--max-overhead", 0, "PERCENT", VERBS_TRACING, true,
	  "of a process' CPU time; where tracing would take more, less is traced",
	  TAKES(max_overhead) },
	{ "--native", 0, NULL, VERBS_REPORTING | VERB_TOP, false,
	  "show the C frames of interpreters (Python) too", FLAG(native) },
	{ "--each", 0, NULL, VERBS_SHOWING, false,
	  "show each process by itself, not those of one service together", FLAG(each) },
	{ "--no-follow", 0, NULL, VERBS_TRACING, true,
	  "leave out the children that traced processes fork", FLAG(no_follow) },
	{ "--no-mmap", 0, NULL, VERBS_TRACING, true, "leave out mmap, munmap, mremap and brk",
	  FLAG(no_mmap) },
	{ "--no-memo", 0, NULL, VERBS_TRACING, true,
	  "walk every stack afresh, to check or measure what remembering brings", FLAG(no_memo) },
	{ "--no-pairs", 0, NULL, VERBS_TRACING, true,
	  "report every block by itself, also those freed soon by the thread that made them",
	  FLAG(no_pairs) },
	{ "--buffer", 0, "SIZE", VERBS_TRACING, true,
	  "room for events on their way here (default 32M)", TAKES(buffer) },
	{ "--unwind-memory", 0, "SIZE", VERBS_TRACING | VERB_DOCTOR, true,
	  "kernel memory for unwind tables, at most (default 128M)", TAKES(unwind_memory) },
	{ "--record", 0, "FILE", VERBS_SHOWING | VERB_TOP, true,
	  "write a recording of the same events beside what is shown", TAKES(record) },
	{ "--max-file", 0, "SIZE", VERBS_TRACING, true,
	  "end the trace when the recording has become so large", TAKES(max_file) },
	{ "--debuginfod", 0, NULL, VERBS_TRACING | VERB_DIFF, false,
	  "fetch missing debug files from the servers of DEBUGINFOD_URLS", FLAG(debuginfod) },
	{ "--from", 0, "MARK", VERBS_SHOWING, false,
	  "only blocks made since a mark, or since a time of the trace as 10s", TAKES(from) },
	{ "--to", 0, "MARK", VERBS_SHOWING, false, "only blocks made before it", TAKES(to) },
	{ "--at", 0, "MARK", VERBS_SHOWING, false, "what was live then, not at the end",
	  TAKES(at) },
	{ "--from", 0, "MARK", VERB_DIFF, false,
	  "of one recording: the state at this mark, or at a time of the trace as 10s",
	  TAKES(from) },
	{ "--to", 0, "MARK", VERB_DIFF, false, "with the state at this one, else at the end",
	  TAKES(to) },
	{ "--at", 0, "MARK", VERB_DIFF, false,
	  "of two recordings: the states at this mark or time, not at their ends", TAKES(at) },
	{ "--older-than", 0, "TIME", VERBS_SHOWING, false, "only blocks made longer ago",
	  TAKES(older_than) },
	{ "--newer-than", 0, "TIME", VERBS_SHOWING, false, "only blocks made less long ago",
	  TAKES(newer_than) },
	{ "--mark-every", 0, "TIME", VERBS_TRACING, true,
	  "set marks 10s, 20s … (SIGUSR1 sets signal-1, signal-2 …)", TAKES(mark_every) },
	{ "--mark-fd", 0, "N", VERBS_TRACING, true,
	  "set a mark for each line that comes by descriptor N, named so", TAKES(mark_fd) },
	{ "--timeline", 0, NULL, VERBS_SHOWING, false,
	  "show how live and resident memory went over time", FLAG(timeline) },
	{ "--verbose", 'v', NULL, VERBS_ALL, false, "say more: probes, unwind tables, whole stacks",
	  FLAG(verbose) },
	{ "--help", 'h', NULL, VERBS_ALL, false, "this text", FLAG(help) },
};

const size_t option_row_count = ARRAY_LENGTH(option_rows);

void options_help(FILE *file, enum verb_bit verb)
{
	for (const struct option_row *row = option_rows; row < option_rows + option_row_count;
	     row++) {
		char names[64], letter[8] = "   ";

		if (!(row->verbs & verb))
			continue;
		if (row->letter)
			snprintf(letter, sizeof(letter), "-%c,", row->letter);
		snprintf(names, sizeof(names), "%s %s%s%s", letter, row->name,
			 row->value ? " " : "", row->value ? row->value : "");
		/* Two lines where one would not fit 80 columns. */
		if (strlen(names) + strlen(row->help) > 56)
			fprintf(file, "  %s\n  %-22s%s\n", names, "", row->help);
		else
			fprintf(file, "  %-22s%s\n", names, row->help);
	}
}
