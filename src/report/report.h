/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports: a snapshot in, text or JSON out. One file per format, one row each in the table. */
#ifndef OUTLIVE_REPORT_REPORT_H
#define OUTLIVE_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/frames.h"
#include "ledger/snapshot.h"

/* What the report leads with. */
enum report_verb {
	REPORT_THREADS, /* "threads": who holds it */
	REPORT_SITES,	/* "report": where it comes from */
};

struct report_options {
	enum report_verb verb;
	/* How the snapshot came about. */
	const char *kind;     /* "live" or "recording" */
	const char *kernel;   /* its release, "6.18.4"; NULL not known */
	uint64_t duration_ns; /* traced time */
	uint64_t sample_bytes; /* 0: every block was seen */
	uint64_t min_size;     /* smaller blocks were left out; 0: none */
	const char *stacks;   /* "fp", "dwarf", "auto", "none" */
	/* How it is to look. */
	size_t rows;	  /* of each table; 0: what suits the format (JSON: all of them) */
	const char *sort; /* a column's name (columns.h); NULL: what holds most comes first */
	unsigned width;	  /* of the screen in columns; 0: 80. Text only */
	bool colour;	  /* ANSI colours. Text only */
	bool verbose;	  /* leave nothing out of a stack */
	bool timeline;	  /* show how memory went over time */
	bool native;	  /* show the machinery of interpreters too */
	bool each;	  /* of several processes: each by itself, alike or not. Text only */
	struct frames *frames; /* names addresses; NULL: modules and addresses only */
};

struct report_ops {
	const char *name;      /* "text": what --format takes */
	const char *extension; /* of a file that holds one, without the dot */
	const char *help;
	/*
	 * Write the report to `file` and flush it. Returns 0, -EINVAL when
	 * `options->sort` is no column of any table, -ENOMEM, or the -errno of a
	 * failed write (a full disk).
	 */
	int (*render)(FILE *file, const struct snapshot *snapshot,
		      const struct report_options *options);
};

/* The formats, one row each. */
extern const struct report_ops report_formats[];
extern const size_t report_format_count;

/* The format called `name`, or NULL. */
const struct report_ops *report_find(const char *name);

/* Has any table of a report a column of that name, to be sorted by? */
bool report_sorts_by(const char *name);

/* The verb's name on the command line and in JSON: "threads", "report". */
const char *report_verb_name(enum report_verb verb);

#endif
